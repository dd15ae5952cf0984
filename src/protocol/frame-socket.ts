import { encodeFrames, type Frame, messagesOf } from './frames.ts'
import { V2AnswerFrame, V2CallFrame } from './v2-frames.ts'

/** What comes over a socket of frames: the bytes of some, or, within a process, the frames themselves. */
export type FrameMessage = string | ArrayBuffer | readonly Frame[]

/** An end of a socket. Where a process has both, frames can be handed over as they are (host/web-socket.ts). */
interface FrameSocket {
  /** Answers whether anybody takes them at the other end. */
  handOver?(frames: readonly Frame[]): boolean
  send(message: Uint8Array): void
}

interface FrameListening {
  addEventListener(type: 'frames', listener: (event: { frames: readonly Frame[] }) => void): void
}

/** From now on frames may come as they are. A platform's socket has no such event. */
export function takeFrames(socket: object, take: (frames: readonly Frame[]) => void): void {
  const listening = socket as FrameListening
  listening.addEventListener('frames', ({ frames }) => take(frames))
}

/** Sends frames in few messages, encoded unless that can be spared. */
export function sendFrames(socket: FrameSocket, frames: readonly Frame[]): void {
  if (socket.handOver !== undefined && frames.every(isWhole) && socket.handOver(frames)) {
    return
  }
  for (const message of messagesOf(frames)) {
    socket.send(encodeFrames(message))
  }
}

/** The bytes of others may be views of what is used again, or given back. */
function isWhole(frame: Frame): boolean {
  return frame instanceof V2CallFrame || frame instanceof V2AnswerFrame
}
