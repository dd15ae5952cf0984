import { decodeEnd, decodeLength, encodeCall, type Frame, FrameKind } from '../protocol/frames.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { V2AnswerFrame, V2CallFrame } from '../protocol/v2-frames.ts'
import { type LinkCall, V2_METHOD } from '../protocol/v2-wire.ts'
import { isRepeatable } from './repeatable.ts'
import type { AnswerReader } from './upstream.ts'

/** Calls that are not answered; below what the shard takes on one socket. */
const CALLS_MAX = 20_000
/** Bytes of calls that wait to be sent: two dozen of the longest. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024
/** Calls of one message: behind that the next one can be on its way while this one is worked on. */
const MESSAGE_BYTES_MAX = 1024 * 1024
/** How long a call waits for a link, about as long as etcd lets a request wait for its leader. */
const WAIT_MS_MAX = 5_000

export class PendingAnswer {
  readonly stream: number
  /** As it is sent. */
  readonly frame: Frame
  /** Of its payload, about. */
  readonly bytes: number
  readonly reader: AnswerReader
  readonly #repeatable: boolean
  /** The message that it left in; undefined while it waits. */
  message: number | undefined
  /** When it gives up waiting for a link, in ms; undefined as long as it has not begun to wait. */
  deadline: number | undefined

  constructor(stream: number, call: LinkCall, reader: AnswerReader) {
    this.stream = stream
    if (call.method === V2_METHOD) {
      const frame = new V2CallFrame(stream, call)
      this.frame = frame
      this.bytes = frame.bytes
    } else {
      const payload = encodeCall(call)
      this.frame = { kind: FrameKind.CALL, stream, payload }
      this.bytes = payload.length
    }
    this.reader = reader
    this.#repeatable = isRepeatable(call)
  }

  get repeatable(): boolean {
    return this.#repeatable && this.reader.repeatable
  }

  wait(now: number): void {
    this.message = undefined
    this.deadline ??= now + WAIT_MS_MAX
  }
}

/**
 * The calls of a link: those that wait to be sent, first come first served, and those that wait for
 * their answers. What is repeatable outlives a lost socket.
 */
export class PendingAnswers {
  #waiting = new Map<number, PendingAnswer>()
  readonly #sent = new Map<number, PendingAnswer>()
  #waitingBytes = 0

  get count(): number {
    return this.#waiting.size + this.#sent.size
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  get sentCount(): number {
    return this.#sent.size
  }

  has(stream: number): boolean {
    return this.#waiting.has(stream) || this.#sent.has(stream)
  }

  /** Answers whether there was room for it. */
  add(call: PendingAnswer): boolean {
    const bytes = this.#waitingBytes + call.bytes
    if (this.count >= CALLS_MAX || bytes > WAITING_BYTES_MAX) {
      return false
    }
    this.#waiting.set(call.stream, call)
    this.#waitingBytes = bytes
    return true
  }

  /** The next calls to be sent, as the frames of message `message`. */
  take(message: number): readonly Frame[] {
    const frames: Frame[] = []
    let bytes = 0
    for (const [stream, call] of this.#waiting) {
      if (frames.length > 0 && bytes + call.bytes > MESSAGE_BYTES_MAX) {
        break
      }
      bytes += call.bytes
      call.message = message
      this.#waiting.delete(stream)
      this.#sent.set(stream, call)
      frames.push(call.frame)
    }
    this.#waitingBytes -= bytes
    return frames
  }

  part(stream: number, payload: Uint8Array): void {
    this.#sent.get(stream)?.reader.part(payload)
  }

  measured(stream: number, payload: Uint8Array): void {
    this.#sent.get(stream)?.reader.measured?.(decodeLength(payload))
  }

  /** Answers the message that the call had left in, if somebody still waited for its answer. */
  answer(frame: Frame): number | undefined {
    const { stream } = frame
    const call = this.#sent.get(stream)
    this.#sent.delete(stream)
    if (call !== undefined) {
      answerReader(call.reader, frame)
    }
    return call?.message
  }

  /** Nobody waits for the answer any more. Answers whether the shard knows of the call. */
  cancel(stream: number): boolean {
    const waiting = this.#waiting.get(stream)
    if (waiting !== undefined) {
      this.#waiting.delete(stream)
      this.#waitingBytes -= waiting.bytes
    }
    return this.#sent.delete(stream)
  }

  /** The socket is gone. What may have been done and must not be done twice has failed with `status`. */
  lost(now: number, status: RpcStatus): void {
    const sent = [...this.#sent.values()]
    const again = sent.filter((call) => call.repeatable)
    const failed = sent.filter((call) => !call.repeatable)
    this.#sent.clear()
    this.#waiting = new Map(
      [...again, ...this.#waiting.values()].map((call) => [call.stream, call]),
    )
    for (const call of again) {
      this.#waitingBytes += call.bytes
      call.reader.repeated()
    }
    for (const call of this.#waiting.values()) {
      call.wait(now)
    }
    for (const call of failed) {
      call.reader.failed(status)
    }
  }

  /** Gives up those that have waited for a link too long. */
  expire(now: number): void {
    for (const call of this.#waiting.values()) {
      call.wait(now)
      if ((call.deadline ?? now) <= now) {
        this.cancel(call.stream)
        call.reader.failed(statusOf('timeout'))
      }
    }
  }

  end(status: RpcStatus): void {
    const all = [...this.#sent.values(), ...this.#waiting.values()]
    this.#sent.clear()
    this.#waiting.clear()
    this.#waitingBytes = 0
    for (const call of all) {
      call.reader.failed(status)
    }
  }
}

function answerReader(reader: AnswerReader, frame: Frame): void {
  if (frame instanceof V2AnswerFrame && reader.answeredV2 !== undefined) {
    reader.answeredV2(frame.answer)
    return
  }
  const { payload } = frame
  if (payload[0] === 0) {
    reader.answered(payload.subarray(1))
  } else {
    const { code, message } = decodeEnd(payload)
    reader.failed(new RpcStatus(code as Code, message))
  }
}
