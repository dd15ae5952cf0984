import type { AnswerReader, StreamHandle } from '../link/upstream.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { GrpcHandler, GrpcStream } from './stream.ts'

/** Has a request answered; what it throws is the answer. */
export type AskUnary = (call: GrpcStream, request: Uint8Array, reader: AnswerReader) => StreamHandle

/** One request, one response. As in grpc-go the first message is the call: nothing behind it is read. */
export class GrpcUnary implements GrpcHandler, AnswerReader {
  /** A second answer takes the place of the parts of the first. */
  readonly repeatable = true
  readonly #call: GrpcStream
  readonly #ask: AskUnary
  #asked: StreamHandle | undefined
  #parts: Uint8Array[] | undefined

  constructor(call: GrpcStream, ask: AskUnary) {
    this.#call = call
    this.#ask = ask
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
    this.#asked?.cancel()
  }

  /** The whole answer is kept whatever its size: nobody can be told to wait for. */
  part(bytes: Uint8Array): void {
    this.#parts ??= []
    this.#parts.push(bytes)
    this.#asked?.taken(bytes.length)
  }

  answered(bytes: Uint8Array): void {
    this.#call.answer(this.#parts === undefined ? [bytes] : [...this.#parts, bytes])
  }

  failed(status: RpcStatus): void {
    this.#call.end(status)
  }

  repeated(): void {
    this.#parts = undefined
  }
}

function eof(isCut: boolean): RpcStatus {
  return new RpcStatus(Code.UNKNOWN, isCut ? 'unexpected EOF' : 'EOF')
}
