import type { RpcStatus } from '../protocol/status.ts'

interface Line {
  readonly text: string
  readonly taken: (() => void) | undefined
}

/** Who asks for a line, and is told once. */
export interface LineReader {
  line(text: string): void
  /** There are no more lines; with a status, because the call failed. */
  ended(status: RpcStatus | undefined): void
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
  #reader: LineReader | undefined

  /** `canceled` is called when nobody wants the lines any more, once. */
  constructor(canceled: () => void) {
    this.#canceled = canceled
  }

  get ended(): boolean {
    return this.#end !== undefined
  }

  /** `taken` is called when the line was written to the client; never, if it will not be. */
  push(text: string, taken?: () => void): void {
    if (this.#end === undefined) {
      this.#waiting.push({ text, taken })
      this.#give()
    }
  }

  /** No more lines come; with a status, because the call failed. The first end is the one. */
  end(status?: RpcStatus): void {
    this.#end ??= { status }
    this.#give()
  }

  /** Nobody reads any more, or the call's time is up: what is under way for it has to stop. */
  cancel(status?: RpcStatus): void {
    if (this.#end === undefined) {
      this.end(status)
      this.#canceled()
    }
  }

  /**
   * Asks for the next line, which is told now or when it comes. To ask is to have written the one before. Of
   * two that ask the later one is told. A promise for each line would cost as much as the line.
   */
  ask(reader: LineReader): void {
    const written = this.#handedOut
    this.#handedOut = undefined
    this.#reader = reader
    written?.taken?.()
    this.#give()
  }

  #give(): void {
    const reader = this.#reader
    if (reader === undefined) {
      return
    }
    const line = this.#waiting.shift()
    if (line !== undefined) {
      this.#reader = undefined
      this.#handedOut = line
      reader.line(line.text)
    } else if (this.#end !== undefined) {
      this.#reader = undefined
      reader.ended(this.#end.status)
    }
  }

  /** The next line; undefined behind the last. Rejects with the status of a call that failed. */
  next(): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    this.ask({
      line: resolve,
      ended: (status) => {
        if (status === undefined) {
          resolve(undefined)
        } else {
          reject(status)
        }
      },
    })
    return promise
  }
}
