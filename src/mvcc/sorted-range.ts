import { boundsBehind, boundsOf, equalBytes } from './key-range.ts'
import { hasFilter, passes, shown } from './range-filter.ts'
import type { RangeCursor, RangeView } from './range-page.ts'
import type { ReadBudget } from './read-budget.ts'
import { SortedMerge } from './sorted-merge.ts'
import { type Placed, sortedKind, SortedRun } from './sorted-run.ts'
import { type KeyValue, type RangeRequest, type RangeResult, SortOrder } from './types.ts'
import { placedVersions, type Walk } from './versions.ts'

/** What is read and sorted at once. */
const RUN_ROWS_MAX = 2000
const RUN_BYTES_MAX = 512 * 1024

/** `count` is left to the caller. */
interface SortedPage extends Omit<RangeResult, 'count'> {
  readonly ended: boolean
}

/**
 * An answer that is in another order than the keys', sorted once and kept until it is answered: the
 * range is read in runs, each is sorted by itself, and answering merges them. Filters come before the
 * sort and the sort before the limit, but for etcd's exception: a sort target without an order sorts
 * what the limit let through (server/etcdserver/txn/range.go).
 */
export class SortedRange {
  readonly #request: RangeRequest
  readonly #revision: number
  /** How many versions are wanted of the range in key order. */
  readonly #wanted: number
  readonly #skip: number
  readonly #merge = new SortedMerge()
  #runs = 0
  #bytes = 0
  #after: Uint8Array | undefined
  #found = 0
  #built = false
  /** How many have left the merge. */
  #taken = 0

  /** The first `skip` have been answered before. */
  constructor(request: RangeRequest, { revision, skip }: RangeCursor) {
    this.#request = request
    this.#revision = revision
    this.#skip = skip
    const isCutFirst =
      request.sortOrder === SortOrder.NONE && request.limit > 0 && !hasFilter(request)
    this.#wanted = isCutFirst ? request.limit + 1 : Infinity
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many of the answer are behind it. */
  get position(): number {
    return Math.max(this.#taken, this.#skip)
  }

  /** Whether it goes on where the cursor says. */
  continues(request: RangeRequest, { revision, skip }: RangeCursor): boolean {
    return revision === this.#revision && skip === this.position && isSame(request, this.#request)
  }

  /** Reads, sorts or answers as much as the budget allows. */
  page(view: RangeView, budget: ReadBudget): SortedPage {
    while (!this.#built && !budget.spent) {
      this.#readRun(view, budget)
    }
    const kvs: KeyValue[] = []
    if (!this.#built) {
      return { kvs, more: false, ended: false }
    }
    const { limit } = this.#request
    const end = limit > 0 ? Math.min(limit, this.#found) : this.#found
    while (this.#taken < end && !budget.spent) {
      const kv = this.#merge.shift(view.sql)
      budget.seek(kv)
      if (this.#taken >= this.#skip) {
        kvs.push(shown(this.#request, kv))
      }
      this.#taken++
    }
    const ended = this.#taken === end
    return { kvs, more: ended && this.#found > end, ended }
  }

  #readRun(view: RangeView, budget: ReadBudget): void {
    const run: Placed[] = []
    let rows = 0
    let bytes = 0
    let full = false
    let last: Uint8Array | undefined
    for (const placed of placedVersions(view.sql, this.#walk(budget), view.current)) {
      if (rows === RUN_ROWS_MAX || bytes > RUN_BYTES_MAX || budget.spent) {
        full = true
        break
      }
      const [, kv] = placed
      budget.take(kv)
      rows++
      bytes += kv.key.length + kv.value.length
      last = kv.key
      if (passes(this.#request, kv)) {
        run.push(placed)
        this.#found++
      }
      if (this.#found === this.#wanted) {
        break
      }
    }
    // What is read is a view of all that was read with it.
    this.#after = last?.slice()
    this.#built = !full
    if (run.length > 0) {
      const sorted = new SortedRun(this.#request, this.#runs++, run)
      this.#bytes += sorted.bytes
      this.#merge.add(sorted, view.sql)
    }
  }

  #walk(budget: ReadBudget): Walk {
    const whole = boundsOf(this.#request)
    const bounds = this.#after === undefined ? whole : boundsBehind(whole, this.#after, false)
    const rows = Math.min(this.#wanted - this.#found, budget.rowsLeft + 1, RUN_ROWS_MAX + 1)
    const bytes = Math.min(budget.bytesLeft, RUN_BYTES_MAX)
    const kind = sortedKind(this.#request)
    return { bounds, revision: this.#revision, descending: false, kind, rows, bytes }
  }
}

function isSame(a: RangeRequest, b: RangeRequest): boolean {
  return (
    equalBytes(a.key, b.key) &&
    equalBytes(a.rangeEnd, b.rangeEnd) &&
    Math.max(a.limit, 0) === Math.max(b.limit, 0) &&
    a.sortOrder === b.sortOrder &&
    a.sortTarget === b.sortTarget &&
    a.keysOnly === b.keysOnly &&
    a.minModRevision === b.minModRevision &&
    a.maxModRevision === b.maxModRevision &&
    a.minCreateRevision === b.minCreateRevision &&
    a.maxCreateRevision === b.maxCreateRevision
  )
}
