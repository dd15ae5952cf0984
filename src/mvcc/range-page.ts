import type { Sql } from './sql.ts'
import type { RangeRequest, RangeResult, Revision, Sized } from './types.ts'

/** What a range reads: the store as it is, or as a transaction has left it so far. */
export interface RangeView {
  readonly sql: Sql
  readonly current: Revision
  /** The keys that lived in the range at the revision. */
  count(request: RangeRequest, revision: Revision): number
}

/**
 * Where the next page of a range begins: behind `after` in key order, or after the first `skip` of
 * a sorted answer; `left` is what remains of the limit, 0 for no limit, `LIMIT_FULL` where only
 * `more` is still to be found out.
 */
export interface RangeCursor {
  readonly revision: Revision
  readonly after: Uint8Array | undefined
  readonly skip: number
  readonly left: number
  /** Of a sorted answer: what is in memory of its order (sorted-ranges.ts). */
  readonly order?: number | undefined
}

/**
 * A page; without `next` it is the last one, and only then does `more` speak. A page may be empty
 * where filters pass over all that it has read, or while a sorted answer is put in order.
 */
export interface RangePage extends RangeResult {
  readonly next: RangeCursor | undefined
}

/** A page of which the values may be lengths only. */
export interface SizedPage {
  readonly kvs: readonly Sized[]
  readonly more: boolean
  readonly next: RangeCursor | undefined
}

export const LIMIT_FULL = -1
