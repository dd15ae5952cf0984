import { EngineError } from './errors.ts'
import { type Bounds, boundsOf } from './key-range.ts'
import { isSorted, readRange } from './range.ts'
import { ReadBudget } from './read-budget.ts'
import { SortedRanges } from './sorted-ranges.ts'
import type { Sql } from './sql.ts'
import type { KeyValue, RangeRequest, RangeResult, Revision } from './types.ts'
import { countAt } from './versions.ts'
import type { Write } from './write.ts'

/**
 * All ranges of a transaction together, those of compares and of previous values too, read so many bytes of keys and values:
 * what a client of gRPC takes in one message, if nobody tells it otherwise.
 */
const TXN_READ_BYTES_MAX = 4 * 1024 * 1024
/** And so many keys. Those that are counted and not read weigh a hundredth. */
const TXN_READ_ROWS_MAX = 10_000
const COUNTED_WEIGHT = 0.01

/** The keys of a range at a revision, where the transaction has changed nothing. */
export type CountKeys = (bounds: Bounds, revision: Revision) => number

/**
 * What a transaction reads. It is one turn and one answer, so that it is refused where a range by itself
 * would go on page by page. Throws `txn-reads-too-much`.
 */
export class TxnReads {
  readonly #sql: Sql
  readonly #count: CountKeys
  readonly #budget = new ReadBudget(TXN_READ_BYTES_MAX, TXN_READ_ROWS_MAX)

  constructor(sql: Sql, count: CountKeys) {
    this.#sql = sql
    this.#count = count
  }

  /** In the unit of `Store.work`. */
  get work(): number {
    return this.#budget.work
  }

  /** The versions that a compare of a range looks at, or that a deletion answers. */
  *versions(versions: Iterable<KeyValue>): Iterable<KeyValue> {
    for (const kv of versions) {
      this.#requireLeft()
      this.#budget.take(kv)
      yield kv
    }
  }

  /** A range sees the operations before it, and is answered whole. */
  range(write: Write, request: RangeRequest): RangeResult {
    write.ranges++
    const current = write.revision
    const view = {
      sql: this.#sql,
      current,
      count: (range: RangeRequest, revision: Revision) =>
        this.#counted(write, boundsOf(range), revision),
    }
    const cursor = {
      revision: request.revision <= 0 ? current : request.revision,
      after: undefined,
      skip: 0,
      left: Math.max(request.limit, 0),
    }
    this.#requireLeft()
    const { next, ...range } = isSorted(request)
      ? new SortedRanges().page(view, request, cursor, this.#budget)
      : readRange(view, request, cursor, this.#budget)
    if (next !== undefined) {
      throw new EngineError('txn-reads-too-much')
    }
    return range
  }

  #counted(write: Write, bounds: Bounds, revision: Revision): number {
    if (write.changes === 0) {
      return this.#count(bounds, revision)
    }
    const keys = countAt(this.#sql, bounds, revision)
    this.#budget.skip(keys * COUNTED_WEIGHT)
    return keys
  }

  #requireLeft(): void {
    if (this.#budget.spent) {
      throw new EngineError('txn-reads-too-much')
    }
  }
}
