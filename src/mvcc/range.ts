import { EngineError } from './errors.ts'
import { boundsBehind, boundsOf, isEmpty, isPoint } from './key-range.ts'
import type { WalkKind } from './log.ts'
import { type PackedPage, readPacked } from './packed-page.ts'
import { hasFilter, passes, shown } from './range-filter.ts'
import {
  LIMIT_FULL,
  type RangeCursor,
  type RangePage,
  type RangeView,
  type SizedPage,
} from './range-page.ts'
import type { ReadBudget } from './read-budget.ts'
import { type KeyValue, type RangeRequest, type Sized, SortOrder, SortTarget } from './types.ts'
import { currentVersion, sizedVersions, versions, type Walk } from './versions.ts'

/** Checks that need no state (etcd's v3rpc/key.go). */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) {
    throw new EngineError('empty-key')
  }
  const order = request.sortOrder
  const target = request.sortTarget
  if (order < 0 || order > SortOrder.DESCEND || target < 0 || target > SortTarget.VALUE) {
    throw new EngineError('invalid-sort-option')
  }
}

/**
 * Answers a range in the order of keys at a revision that the caller has checked, up to what the
 * budget lets it read. Filters come before the limit (server/etcdserver/txn/range.go).
 */
export function readRange(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  budget: ReadBudget,
): RangePage {
  if (request.countOnly) {
    return { kvs: [], more: false, count: view.count(request, cursor.revision), next: undefined }
  }
  if (isEmpty(boundsOf(request))) {
    return { kvs: [], more: false, count: 0, next: undefined }
  }
  if (isPoint(request) && cursor.revision >= view.current) {
    return readPoint(view, request, budget)
  }
  const walk = walkOf(request, cursor, budget, request.keysOnly ? 'heads' : 'values')
  const kvs = versions(view.sql, walk, view.current)
  const { seen, ...page } = readInKeyOrder(kvs, request, cursor, wholeOf(request, budget))
  if (cursor.after !== undefined) {
    // Only the first page counts: the others belong to the same answer.
    return { ...page, count: 0 }
  }
  const isAll = page.next === undefined && !page.more
  return { ...page, count: isAll ? seen : view.count(request, cursor.revision) }
}

/**
 * The same without an object for each version, where that can be: of what lives now, in the order of keys and
 * whole.
 */
export function readPackedRange(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  budget: ReadBudget,
): PackedPage | undefined {
  const isPlain = !request.countOnly && !request.keysOnly && !hasFilter(request)
  if (
    !isPlain ||
    cursor.revision < view.current ||
    isPoint(request) ||
    isEmpty(boundsOf(request))
  ) {
    return undefined
  }
  const page = readPacked(view.sql, walkOf(request, cursor, budget, 'values'), cursor, budget)
  if (cursor.after !== undefined) {
    return { ...page, count: 0 }
  }
  const isAll = page.next === undefined && !page.more
  return isAll ? page : { ...page, count: view.count(request, cursor.revision) }
}

/**
 * What `readRange` would answer behind the first page of an answer in the order of keys, of which the
 * lengths of values are read alone.
 */
export function sizeRange(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  budget: ReadBudget,
): SizedPage {
  if (request.keysOnly) {
    const walk = walkOf(request, cursor, budget, 'heads')
    const kvs = versions(view.sql, walk, view.current)
    return readInKeyOrder(kvs, request, cursor, wholeOf(request, budget))
  }
  const kvs = sizedVersions(view.sql, walkOf(request, cursor, budget, 'sizes'), view.current)
  const take = (): void => budget.skip(1)
  return readInKeyOrder(kvs, request, cursor, { budget, take, shown: (kv) => kv })
}

/** Whether the answer is in another order than the keys', and may be of more than one. */
export function isSorted(request: RangeRequest): boolean {
  const { sortTarget, countOnly } = request
  return (
    sortTarget !== SortTarget.KEY && !countOnly && !isPoint(request) && !isEmpty(boundsOf(request))
  )
}

function readPoint(view: RangeView, request: RangeRequest, budget: ReadBudget): RangePage {
  const kv = currentVersion(view.sql, request.key)
  if (kv !== undefined) {
    budget.take(kv)
  }
  const kvs = kv !== undefined && passes(request, kv) ? [shown(request, kv)] : []
  return { kvs, more: false, count: kv === undefined ? 0 : 1, next: undefined }
}

/** How the versions of a page are counted and answered. */
interface Reading<V> {
  readonly budget: ReadBudget
  readonly take: (kv: V) => void
  readonly shown: (kv: V) => V
}

function wholeOf(request: RangeRequest, budget: ReadBudget): Reading<KeyValue> {
  return { budget, take: (kv) => budget.take(kv), shown: (kv) => shown(request, kv) }
}

function readInKeyOrder<V extends Sized>(
  versionsOfRange: Iterable<V>,
  request: RangeRequest,
  cursor: RangeCursor,
  reading: Reading<V>,
): { kvs: V[]; more: boolean; next: RangeCursor | undefined; seen: number } {
  const kvs: V[] = []
  let seen = 0
  let last: Uint8Array | undefined
  for (const kv of versionsOfRange) {
    const full = cursor.left === LIMIT_FULL || (cursor.left > 0 && kvs.length === cursor.left)
    if (full && passes(request, kv)) {
      return { kvs, more: true, next: undefined, seen }
    }
    if (reading.budget.spent) {
      const left = full ? LIMIT_FULL : cursor.left === 0 ? 0 : cursor.left - kvs.length
      // What is read is a view of all that was read with it.
      const next = { revision: cursor.revision, after: last?.slice(), skip: 0, left }
      return { kvs, more: false, next, seen }
    }
    seen++
    last = kv.key
    reading.take(kv)
    if (passes(request, kv)) {
      kvs.push(reading.shown(kv))
    }
  }
  return { kvs, more: false, next: undefined, seen }
}

function walkOf<K extends WalkKind>(
  request: RangeRequest,
  cursor: RangeCursor,
  budget: ReadBudget,
  kind: K,
): Walk<K> {
  const whole = boundsOf(request)
  const descending = request.sortOrder === SortOrder.DESCEND
  const { after, left, revision } = cursor
  const bounds = after === undefined ? whole : boundsBehind(whole, after, descending)
  const rows = Math.min(left > 0 ? left + 1 : Infinity, budget.rowsLeft + 1)
  return { bounds, revision, descending, kind, rows, bytes: budget.bytesLeft }
}
