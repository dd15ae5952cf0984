/**
 * What travels between a client of the shard (gateway or bridge) and the shard over their
 * WebSocket: many gRPC-like streams share it. A binary message is a run of frames:
 *
 *   version (1 byte) · kind (1 byte) · stream (4 bytes, big-endian) · length (4 bytes) · payload
 *
 * The client opens streams under numbers of its choice. DATA carries a protobuf message of the
 * method's request or response type. END closes a stream: from the shard it carries the status.
 * CREDIT tells the shard how many bytes of payload the reader has taken; the shard stops sending
 * on a stream that is a window behind, and watchers there catch up from the log later.
 */
const FRAME_VERSION = 1

export const FrameKind = { OPEN: 1, DATA: 2, END: 3, CREDIT: 4 } as const

export interface Frame {
  readonly kind: number
  readonly stream: number
  /** OPEN: the method's name in UTF-8. CREDIT: a count of 4 bytes. END: see `encodeEnd`. */
  readonly payload: Uint8Array
}

/** The bytes of DATA that may be on their way to a reader before it gives credit. */
export const CREDIT_WINDOW_BYTES = 1024 * 1024

const HEAD_BYTES = 10

/** The peer speaks another version, or sent what is no frame: the socket is of no use any more. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  const size = frames.reduce((sum, frame) => sum + HEAD_BYTES + frame.payload.length, 0)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const { kind, stream, payload } of frames) {
    bytes[offset] = FRAME_VERSION
    bytes[offset + 1] = kind
    view.setUint32(offset + 2, stream)
    view.setUint32(offset + 6, payload.length)
    bytes.set(payload, offset + HEAD_BYTES)
    offset += HEAD_BYTES + payload.length
  }
  return bytes
}

/** Payloads are views of `bytes`. */
export function decodeFrames(bytes: Uint8Array): Frame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: Frame[] = []
  let offset = 0
  while (offset < bytes.length) {
    if (bytes.length - offset < HEAD_BYTES) {
      throw new FrameError(`a frame's head is cut off after ${bytes.length - offset} bytes`)
    }
    if (bytes[offset] !== FRAME_VERSION) {
      throw new FrameError(`frame version ${bytes[offset]}, this side speaks ${FRAME_VERSION}`)
    }
    const end = offset + HEAD_BYTES + view.getUint32(offset + 6)
    if (end > bytes.length) {
      throw new FrameError(`a frame's payload is cut off by ${end - bytes.length} bytes`)
    }
    const payload = bytes.subarray(offset + HEAD_BYTES, end)
    frames.push({ kind: bytes[offset + 1] ?? 0, stream: view.getUint32(offset + 2), payload })
    offset = end
  }
  return frames
}

export function encodeCredit(taken: number): Uint8Array {
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, taken)
  return payload
}

export function decodeCredit(payload: Uint8Array): number {
  if (payload.length !== 4) {
    throw new FrameError(`a credit of ${payload.length} bytes`)
  }
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0)
}

/** The status that ends a stream: the gRPC code in one byte, then the message in UTF-8. */
export function encodeEnd(code: number, message: string): Uint8Array {
  const text = new TextEncoder().encode(message)
  const payload = new Uint8Array(1 + text.length)
  payload[0] = code
  payload.set(text, 1)
  return payload
}

export function decodeEnd(payload: Uint8Array): { code: number; message: string } {
  return { code: payload[0] ?? 0, message: new TextDecoder().decode(payload.subarray(1)) }
}
