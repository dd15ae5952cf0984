import { ErrorCode } from '../h2/frames.ts'
import type { AnswerHandle, AnswerReader } from '../link/upstream.ts'
import { releasePayload } from '../protocol/frames.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { HeldAnswers } from './held-answers.ts'
import type { GrpcHandler, GrpcStream } from './stream.ts'

/** Has a request answered; what it throws is the answer. */
export type AskUnary = (call: GrpcStream, request: Uint8Array, reader: AnswerReader) => AnswerHandle

/**
 * What is held of an answer in parts. A message begins with its length, so a longer one has to be
 * measured before its first part leaves.
 */
export const HELD_BYTES_MAX = 4 * 1024 * 1024
/** Four bytes say how long a message is. */
const MESSAGE_BYTES_MAX = 2 ** 32 - 1

/** One request, one response. As in grpc-go the first message is the call: nothing behind it is read. */
export class GrpcUnary implements GrpcHandler, AnswerReader {
  readonly #call: GrpcStream
  readonly #ask: AskUnary
  readonly #held: HeldAnswers
  #asked: AnswerHandle | undefined
  /** Until the first of them leaves. */
  #parts: Uint8Array[] | undefined
  /** Of all parts so far. */
  #bytes = 0
  /** How long the answer is whose parts are passed on as they come. */
  #length: number | undefined
  /** Those that have left and are not taken. */
  readonly #leaving: Uint8Array[] = []
  #takenBytes = 0
  #creditedBytes = 0
  #isMeasuring = false

  constructor(call: GrpcStream, ask: AskUnary, held: HeldAnswers) {
    this.#call = call
    this.#ask = ask
    this.#held = held
  }

  /** A second answer takes the place of the parts of the first, as long as none of them has left. */
  get repeatable(): boolean {
    return this.#length === undefined
  }

  message(request: Uint8Array): void {
    if (this.#asked === undefined) {
      this.#call.hold(request.length)
      this.#asked = this.#ask(this.#call, request, this)
    }
  }

  /** grpc-go hands on what its reader says, which has no code of its own. */
  halfClosed(flaw: RpcStatus | undefined): void {
    if (this.#asked === undefined) {
      const isCut = flaw?.message === 'unexpected EOF'
      this.#call.end(isCut || flaw === undefined ? eof(isCut) : flaw)
    }
  }

  abandoned(): void {
    this.#takeParts()
    this.#asked?.cancel()
  }

  part(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    if (this.#length !== undefined) {
      this.#pass(bytes, this.#length)
      return
    }
    this.#parts ??= []
    this.#parts.push(bytes)
    this.#held.add(bytes.length)
    if (this.#bytes <= HELD_BYTES_MAX && !this.#held.isFull) {
      this.#credit(this.#bytes)
    } else if (!this.#isMeasuring) {
      this.#isMeasuring = true
      this.#asked?.measure()
    }
  }

  measured(answerBytes: number): void {
    const parts = this.#takeParts()
    const refusal = this.#refusalOf(answerBytes)
    if (refusal !== undefined) {
      this.#asked?.cancel()
      this.#call.end(refusal)
      return
    }
    this.#length = answerBytes
    this.#call.begin(answerBytes)
    parts.forEach((part) => this.#sendPart(part))
  }

  #sendPart(bytes: Uint8Array): void {
    this.#leaving.push(bytes)
    this.#call.sendPart(bytes)
  }

  /** They leave, or nobody wants them. */
  #takeParts(): readonly Uint8Array[] {
    const parts = this.#parts ?? []
    this.#parts = undefined
    for (const part of parts) {
      this.#held.remove(part.length)
    }
    return parts
  }

  #refusalOf(answerBytes: number): RpcStatus | undefined {
    if (answerBytes > MESSAGE_BYTES_MAX) {
      const message = `grpc: message too large (${answerBytes} bytes)`
      return new RpcStatus(Code.RESOURCE_EXHAUSTED, message)
    }
    // What is held is longer: a defect, of which the client hears before anything wrong.
    return answerBytes < this.#bytes ? new RpcStatus(Code.INTERNAL, 'internal error') : undefined
  }

  #pass(bytes: Uint8Array, length: number): void {
    if (this.#bytes > length) {
      this.#asked?.cancel()
      this.#call.breakOff(ErrorCode.INTERNAL_ERROR)
    } else {
      this.#sendPart(bytes)
    }
  }

  answered(bytes: Uint8Array): void {
    if (this.#length === undefined) {
      this.#call.answer(this.#parts === undefined ? [bytes] : [...this.#takeParts(), bytes])
      return
    }
    this.#bytes += bytes.length
    if (this.#bytes === this.#length) {
      this.#call.sendPart(bytes)
      this.#call.end(undefined)
    } else {
      this.#call.breakOff(ErrorCode.INTERNAL_ERROR)
    }
  }

  /** The client has taken so much of an answer that is passed on. */
  taken(bytes: number): void {
    this.#takenBytes += bytes
    this.#release(bytes)
    this.#credit(this.#takenBytes)
  }

  /** What is taken are whole parts: the stream has copied them, and they are nobody else's. */
  #release(bytes: number): void {
    let released = 0
    while (released < bytes) {
      const part = this.#leaving.shift()
      if (part === undefined) {
        return
      }
      released += part.length
      releasePayload(part)
    }
  }

  #credit(bytes: number): void {
    if (bytes > this.#creditedBytes) {
      this.#asked?.taken(bytes - this.#creditedBytes)
      this.#creditedBytes = bytes
    }
  }

  /** Within a message no status can be said. */
  failed(status: RpcStatus): void {
    this.#takeParts()
    if (this.#length === undefined) {
      this.#call.end(status)
    } else {
      const isLost = status.code === Code.UNAVAILABLE
      this.#call.breakOff(isLost ? ErrorCode.REFUSED_STREAM : ErrorCode.INTERNAL_ERROR)
    }
  }

  repeated(): void {
    this.#takeParts()
    this.#bytes = 0
    this.#creditedBytes = 0
    this.#isMeasuring = false
  }
}

function eof(isCut: boolean): RpcStatus {
  return new RpcStatus(Code.UNKNOWN, isCut ? 'unexpected EOF' : 'EOF')
}
