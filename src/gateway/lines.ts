import type { RpcStatus } from '../protocol/status.ts'

interface Line {
  readonly text: string
  readonly taken: () => void
}

/**
 * The lines of a streaming answer on their way from the call that makes them to the connection
 * that writes them, which may end before the call does, and the other way round.
 */
export class Lines {
  readonly #canceled: () => void
  readonly #waiting: Line[] = []
  /** Handed out and, until the reader comes back, not yet written. */
  #handedOut: Line | undefined
  #end: { readonly status: RpcStatus | undefined } | undefined
  #wake: (() => void) | undefined

  /** `canceled` is called when nobody wants the lines any more, once. */
  constructor(canceled: () => void) {
    this.#canceled = canceled
  }

  get ended(): boolean {
    return this.#end !== undefined
  }

  /** Resolves when the line was written to the client; never, if it will not be. */
  push(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#end === undefined) {
      this.#waiting.push({ text, taken: resolve })
      this.#wake?.()
    }
    return promise
  }

  /** No more lines come; with a status, because the call failed. The first end is the one. */
  end(status?: RpcStatus): void {
    this.#end ??= { status }
    this.#wake?.()
  }

  /** Nobody reads any more, or the call's time is up: what is under way for it has to stop. */
  cancel(status?: RpcStatus): void {
    if (this.#end === undefined) {
      this.end(status)
      this.#canceled()
    }
  }

  /**
   * The next line, after waiting for it; undefined behind the last. Throws the status of a call that
   * failed. To ask is to have written the one before.
   */
  async next(): Promise<string | undefined> {
    this.#handedOut?.taken()
    this.#handedOut = undefined
    if (this.#waiting.length === 0 && this.#end === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
      this.#wake = undefined
    }
    this.#handedOut = this.#waiting.shift()
    if (this.#handedOut === undefined && this.#end?.status !== undefined) {
      throw this.#end.status
    }
    return this.#handedOut?.text
  }
}
