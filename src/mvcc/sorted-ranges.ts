import { EngineError } from './errors.ts'
import type { RangeCursor, RangePage, RangeView } from './range-page.ts'
import type { ReadBudget } from './read-budget.ts'
import { SortedRange } from './sorted-range.ts'
import type { RangeRequest } from './types.ts'

/**
 * What all sorted answers that are under way may hold in memory: the order of five million keys, in
 * an object of 128 MB.
 */
const SORTED_BYTES_MAX = 64 * 1024 * 1024

/**
 * The sorted answers that are under way, by a number that their cursors carry. One that memory has lost
 * is sorted anew, behind what was answered.
 */
export class SortedRanges {
  readonly #ranges = new Map<number, SortedRange>()
  readonly #bytesMax: number
  #last = 0

  constructor(bytesMax = SORTED_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** What they hold in memory. */
  get bytes(): number {
    let bytes = 0
    for (const range of this.#ranges.values()) {
      bytes += range.bytes
    }
    return bytes
  }

  /** Throws `sort-too-large`, which ends the answer. */
  page(view: RangeView, request: RangeRequest, cursor: RangeCursor, budget: ReadBudget): RangePage {
    const known = cursor.order === undefined ? undefined : this.#ranges.get(cursor.order)
    const goesOn = known?.continues(request, cursor) === true
    const range = goesOn ? known : new SortedRange(request, cursor)
    const order = goesOn ? cursor.order : ++this.#last
    const { kvs, more, ended } = range.page(view, budget)
    const isFirst = cursor.order === undefined
    const count = isFirst ? view.count(request, cursor.revision) : 0
    if (ended || order === undefined) {
      this.end(cursor)
      return { kvs, more, count, next: undefined }
    }
    this.#ranges.set(order, range)
    if (this.bytes > this.#bytesMax) {
      this.#ranges.delete(order)
      throw new EngineError('sort-too-large')
    }
    return { kvs, more, count, next: { ...cursor, skip: range.position, order } }
  }

  /** Nobody reads on there. */
  end({ order }: Pick<RangeCursor, 'order'>): void {
    if (order !== undefined) {
      this.#ranges.delete(order)
    }
  }
}
