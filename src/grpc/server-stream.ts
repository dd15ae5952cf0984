import type { StreamHandle, StreamReader } from '../link/upstream.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { inStreamWords } from './status.ts'
import type { GrpcHandler, GrpcStream } from './stream.ts'

export type Opener = (request: Uint8Array, reader: StreamReader) => StreamHandle

/** One request, many responses, which come as the client takes them. Begins when the client is done. */
export class GrpcServerStream implements GrpcHandler {
  readonly #call: GrpcStream
  readonly #open: Opener
  #request: Uint8Array | undefined
  #stream: StreamHandle | undefined

  constructor(call: GrpcStream, open: Opener) {
    this.#call = call
    this.#open = open
  }

  message(request: Uint8Array): void {
    if (this.#request !== undefined) {
      throw violation('received multiple request messages for non-client-streaming RPC')
    }
    this.#call.hold(request.length)
    // A view would keep all that came with it in memory.
    this.#request = Buffer.from(request)
  }

  halfClosed(flaw: RpcStatus | undefined): void {
    if (flaw !== undefined || this.#request === undefined) {
      const none = violation('received no request message from non-client-streaming RPC')
      this.#call.end(flaw ?? none)
      return
    }
    this.#stream = this.#open(this.#request, {
      received: (message) => this.#call.send([message]),
      ended: (status) => this.#call.end(inStreamWords(status)),
    })
  }

  taken(bytes: number): void {
    this.#stream?.taken(bytes)
  }

  abandoned(): void {
    this.#stream?.cancel()
  }
}

function violation(what: string): RpcStatus {
  return new RpcStatus(Code.INTERNAL, `cardinality violation: ${what}`)
}
