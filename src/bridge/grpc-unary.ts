import { Code, RpcStatus } from '../protocol/status.ts'
import type { CallHandler, GrpcCall } from './grpc-call.ts'

/** Resolves to the parts of a response. */
export type Ask = (
  call: GrpcCall,
  request: Uint8Array,
  signal: AbortSignal,
) => Promise<readonly Uint8Array[]>

/** One request, one response. As in grpc-go the first message is the call: nothing behind it is read. */
export class GrpcUnary implements CallHandler {
  readonly #call: GrpcCall
  readonly #ask: Ask
  #abort: AbortController | undefined

  constructor(call: GrpcCall, ask: Ask) {
    this.#call = call
    this.#ask = ask
  }

  message(request: Uint8Array): void {
    if (this.#abort !== undefined) {
      return
    }
    this.#abort = new AbortController()
    this.#call.hold(request.length)
    this.#ask(this.#call, request, this.#abort.signal).then(
      (parts) => this.#call.answer(parts),
      (error: unknown) => this.#call.end(error),
    )
  }

  /** grpc-go hands on what its reader says, which has no code of its own. */
  halfClosed(flaw: RpcStatus | undefined): void {
    if (this.#abort === undefined) {
      const isCut = flaw?.message === 'unexpected EOF'
      this.#call.end(isCut || flaw === undefined ? eof(isCut) : flaw)
    }
  }

  abandoned(): void {
    this.#abort?.abort()
  }
}

function eof(isCut: boolean): RpcStatus {
  return new RpcStatus(Code.UNKNOWN, isCut ? 'unexpected EOF' : 'EOF')
}
