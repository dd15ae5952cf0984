import type { RpcStatus } from '../protocol/status.ts'
import { inStreamWords, statusOfError } from './status.ts'
import type { GrpcHandler, GrpcStream } from './stream.ts'

/** Resolves to the parts of a response. */
export type AskEach = (
  call: GrpcStream,
  request: Uint8Array,
  signal: AbortSignal,
) => Promise<readonly Uint8Array[]>

/** So many requests are under way; clients that are ahead of that wait. */
const REQUESTS_MAX = 128

/** A response that has come before it is its turn. */
interface Slot {
  response: readonly Uint8Array[] | undefined
  error: Error | undefined
}

/** LeaseKeepAlive: a call for each request, answered in the order of the requests. */
export class GrpcLeaseKeepAlive implements GrpcHandler {
  readonly #call: GrpcStream
  readonly #ask: AskEach
  readonly #abort = new AbortController()
  readonly #slots: Slot[] = []
  #isHalfClosed = false
  #flaw: RpcStatus | undefined

  constructor(call: GrpcStream, ask: AskEach) {
    this.#call = call
    this.#ask = ask
  }

  message(request: Uint8Array): void {
    const slot: Slot = { response: undefined, error: undefined }
    this.#slots.push(slot)
    if (this.#slots.length === REQUESTS_MAX) {
      this.#call.pause()
    }
    void this.#fill(slot, request)
  }

  halfClosed(flaw: RpcStatus | undefined): void {
    this.#isHalfClosed = true
    this.#flaw = flaw
    this.#answer()
  }

  abandoned(): void {
    this.#slots.length = 0
    this.#abort.abort()
  }

  async #fill(slot: Slot, request: Uint8Array): Promise<void> {
    try {
      slot.response = await this.#ask(this.#call, request, this.#abort.signal)
    } catch (error) {
      slot.error = statusOfError(error)
    }
    this.#answer()
  }

  #answer(): void {
    for (let [slot] = this.#slots; slot !== undefined; [slot] = this.#slots) {
      if (slot.error !== undefined) {
        this.abandoned()
        this.#call.end(inStreamWords(slot.error))
        return
      }
      if (slot.response === undefined) {
        return
      }
      this.#call.send(slot.response)
      this.#slots.shift()
      if (this.#slots.length === REQUESTS_MAX - 1) {
        this.#call.resume()
      }
    }
    if (this.#isHalfClosed) {
      this.#call.end(this.#flaw)
    }
  }
}
