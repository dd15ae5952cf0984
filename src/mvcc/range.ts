import { EngineError } from './errors.ts'
import { boundsBehind, boundsOf, isEmpty, isPoint } from './key-range.ts'
import { passes, shown } from './range-filter.ts'
import { LIMIT_FULL, type RangeCursor, type RangePage, type RangeView } from './range-page.ts'
import type { ReadBudget } from './read-budget.ts'
import { type KeyValue, type RangeRequest, SortOrder, SortTarget } from './types.ts'
import { currentVersion, versions, type Walk } from './versions.ts'

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
  return readInKeyOrder(view, request, cursor, budget)
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

function readInKeyOrder(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  budget: ReadBudget,
): RangePage {
  const kvs: KeyValue[] = []
  let seen = 0
  let last: Uint8Array | undefined
  const walk = walkOf(request, cursor, budget)
  for (const kv of versions(view.sql, walk, view.current)) {
    const full = cursor.left === LIMIT_FULL || (cursor.left > 0 && kvs.length === cursor.left)
    if (full && passes(request, kv)) {
      return { kvs, more: true, count: countOf(view, request, cursor), next: undefined }
    }
    if (budget.spent) {
      const left = full ? LIMIT_FULL : cursor.left === 0 ? 0 : cursor.left - kvs.length
      const next = { revision: cursor.revision, after: last, skip: 0, left }
      return { kvs, more: false, count: countOf(view, request, cursor), next }
    }
    seen++
    last = kv.key
    budget.take(kv)
    if (passes(request, kv)) {
      kvs.push(shown(request, kv))
    }
  }
  const count = cursor.after === undefined ? seen : 0
  return { kvs, more: false, count, next: undefined }
}

/** Only the first page counts: the others belong to the same answer. */
function countOf(view: RangeView, request: RangeRequest, cursor: RangeCursor): number {
  return cursor.after === undefined ? view.count(request, cursor.revision) : 0
}

function walkOf(request: RangeRequest, cursor: RangeCursor, budget: ReadBudget): Walk {
  const kind = request.keysOnly ? 'heads' : 'values'
  const whole = boundsOf(request)
  const descending = request.sortOrder === SortOrder.DESCEND
  const { after, left, revision } = cursor
  const bounds = after === undefined ? whole : boundsBehind(whole, after, descending)
  const rows = Math.min(left > 0 ? left + 1 : Infinity, budget.rowsLeft + 1)
  return { bounds, revision, descending, kind, rows, bytes: budget.bytesLeft }
}
