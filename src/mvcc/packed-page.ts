import { boundsBehind } from './key-range.ts'
import { boundsParams, scanCurrent, scannedKey, scannedVersion } from './log.ts'
import { type Piece, release, rowAt, scanPieces } from './packed-rows.ts'
import { LIMIT_FULL, type RangeCursor } from './range-page.ts'
import type { ReadBudget } from './read-budget.ts'
import type { Sql } from './sql.ts'
import type { KeyValue } from './types.ts'
import type { Walk } from './versions.ts'

/** Rows of a piece, from one on and before another, of which all keys and values are in it. */
export interface PackedRows {
  readonly piece: Piece
  readonly from: number
  readonly to: number
  /** Where the first one's key and value begin. */
  readonly keyAt: number
  readonly valueAt: number
}

/** What a page of a range has, as it was read: an object for each version would take as long as reading it. */
export interface PackedPage {
  /** In their order; a version that was too long to be packed stands by itself. */
  readonly rows: readonly (PackedRows | KeyValue)[]
  readonly count: number
  readonly more: boolean
  readonly next: RangeCursor | undefined
}

/** Gives the bytes of a page back at once, when it has been encoded: nothing of it may be looked at any more. */
export function releasePage({ rows }: PackedPage): void {
  for (const part of rows) {
    if ('piece' in part) {
      release(part.piece)
    }
  }
}

/** The living keys of a range, in the order of keys and unfiltered, up to what the budget lets it read. */
export function readPacked(
  sql: Sql,
  walk: Walk,
  cursor: RangeCursor,
  budget: ReadBudget,
): PackedPage {
  const page = new Page(sql, cursor, budget)
  const { bounds, descending, kind, revision } = walk
  const pieces = scanPieces(sql, walk, (last, rows) => {
    const rest =
      last === undefined ? bounds : boundsBehind(bounds, scannedKey(sql, last), descending)
    const statement = scanCurrent(kind, rest.end === undefined, descending)
    return [statement, ...boundsParams(rest), revision, rows]
  })
  for (const piece of pieces) {
    const end = page.take(piece)
    if (end !== undefined) {
      return end
    }
  }
  return page.end(false, undefined)
}

class Page {
  readonly #sql: Sql
  readonly #cursor: RangeCursor
  readonly #budget: ReadBudget
  readonly #rows: (PackedRows | KeyValue)[] = []
  #count = 0
  #last: { readonly piece: Piece; readonly index: number; readonly keyAt: number } | undefined

  constructor(sql: Sql, cursor: RangeCursor, budget: ReadBudget) {
    this.#sql = sql
    this.#cursor = cursor
    this.#budget = budget
  }

  /** The page, where it ends with the piece. */
  take(piece: Piece): PackedPage | undefined {
    const { left } = this.#cursor
    const { keyLengths, valueLengths } = piece
    const rowsMax = left === LIMIT_FULL ? 0 : left === 0 ? Infinity : left
    let run = { from: 0, keyAt: 0, valueAt: 0 }
    let keyAt = 0
    let valueAt = 0
    const cut = (to: number): void => {
      if (to > run.from) {
        this.#rows.push({ piece, to, ...run })
      }
    }
    for (let index = 0; index < keyLengths.length; index++) {
      const isFull = this.#count >= rowsMax
      if (isFull || this.#budget.spent) {
        cut(index)
        return isFull ? this.end(true, undefined) : this.end(false, this.#next(rowsMax))
      }
      const keyLength = keyLengths[index] ?? undefined
      const valueLength = valueLengths[index] ?? undefined
      this.#last = { piece, index, keyAt }
      this.#count++
      if (keyLength === undefined || valueLength === undefined) {
        cut(index)
        const kv = scannedVersion(this.#sql, rowAt(piece, index, keyAt, valueAt))
        this.#rows.push(kv)
        this.#budget.take(kv)
        keyAt += keyLength ?? 0
        valueAt += valueLength ?? 0
        run = { from: index + 1, keyAt, valueAt }
      } else {
        this.#budget.takeBytes(keyLength + valueLength)
        keyAt += keyLength
        valueAt += valueLength
      }
    }
    cut(keyLengths.length)
    return undefined
  }

  #next(rowsMax: number): RangeCursor {
    const { revision, left } = this.#cursor
    const last = this.#last
    const after =
      last && scannedKey(this.#sql, rowAt(last.piece, last.index, last.keyAt, 0)).slice()
    return { revision, after, skip: 0, left: left === 0 ? 0 : rowsMax - this.#count }
  }

  end(more: boolean, next: RangeCursor | undefined): PackedPage {
    return { rows: this.#rows, count: this.#count, more, next }
  }
}
