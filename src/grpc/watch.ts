import type { Upstream, WatchHandle } from '../link/upstream.ts'
import type { RpcStatus } from '../protocol/status.ts'
import { inStreamWords } from './status.ts'
import type { GrpcHandler, GrpcStream } from './stream.ts'

/** Watch: requests go on as they come, and responses as the client takes them. */
export class GrpcWatch implements GrpcHandler {
  readonly #call: GrpcStream
  readonly #watch: WatchHandle

  constructor(call: GrpcStream, upstream: Upstream) {
    this.#call = call
    const { context, requireLeader } = call.request
    const reader = {
      received: (message: Uint8Array) => call.send([message]),
      ended: (status: Error | undefined) => call.end(inStreamWords(status)),
    }
    this.#watch = upstream.watch(context, reader, { requireLeader })
  }

  message(request: Uint8Array): void {
    this.#watch.request(request)
  }

  /** A client that asks for no more goes on watching. */
  halfClosed(flaw: RpcStatus | undefined): void {
    if (flaw !== undefined) {
      this.#watch.cancel()
      this.#call.end(flaw)
    }
  }

  taken(bytes: number): void {
    this.#watch.taken(bytes)
  }

  abandoned(): void {
    this.#watch.cancel()
  }
}
