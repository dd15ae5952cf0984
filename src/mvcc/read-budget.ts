import type { Sized } from './types.ts'

/**
 * What may be read at once, be it answered or passed over: a page of a range, or all ranges of a
 * transaction. It is spent with the row that goes beyond its bytes, so that each page gets on.
 */
export class ReadBudget {
  readonly #bytesMax: number
  readonly #rowsMax: number
  #bytes = 0
  #rows = 0

  /** Bytes are those of keys and values. */
  constructor(bytesMax: number, rowsMax: number) {
    this.#bytesMax = bytesMax
    this.#rowsMax = rowsMax
  }

  /** What was read, in the unit of `Store.work`. */
  get work(): number {
    return this.#rows + Math.floor(this.#bytes / 1024)
  }

  get rowsLeft(): number {
    return Math.max(0, this.#rowsMax - this.#rows)
  }

  get bytesLeft(): number {
    return Math.max(0, this.#bytesMax - this.#bytes)
  }

  get spent(): boolean {
    return this.#bytes > this.#bytesMax || this.#rows >= this.#rowsMax
  }

  /** Rows that SQLite alone has looked at. */
  skip(rows: number): void {
    this.#rows += rows
  }

  take(kv: Sized): void {
    this.takeBytes(kv.key.length + kv.value.length)
  }

  /** A row that has so many. */
  takeBytes(bytes: number): void {
    this.#rows++
    this.#bytes += bytes
  }
}
