import { EngineError } from './errors.ts'
import { boundsBehind, boundsOf, compareBytes, isEmpty, isPoint, successor } from './key-range.ts'
import type { Sql } from './sql.ts'
import {
  type KeyValue,
  NO_LEASE,
  type RangeRequest,
  type RangeResult,
  type Revision,
  SortOrder,
  SortTarget,
} from './types.ts'
import { currentVersion, versions, type Walk } from './versions.ts'

/** What a range reads: the store as it is, or as a transaction has left it so far. */
export interface RangeView {
  readonly sql: Sql
  readonly current: Revision
  /** The keys that lived in the range at the revision. */
  count(request: RangeRequest, revision: Revision): number
}

/**
 * Where the next page of a range begins: behind `after` in key order, or after the first `skip` of
 * a sorted answer; `left` is what remains of the limit, 0 for no limit.
 */
export interface RangeCursor {
  readonly revision: Revision
  readonly after: Uint8Array | undefined
  readonly skip: number
  readonly left: number
}

/**
 * A page; without `next` it is the last one, and only then does `more` speak. A page may be empty
 * where filters pass over all that it has read.
 */
export interface RangePage extends RangeResult {
  readonly next: RangeCursor | undefined
}

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
 * Answers a range at a revision that the caller has checked, up to about `bytesMax` of the keys and
 * values that are read for it. Filters come before the sort and the sort before the limit, but for
 * etcd's exception: a sort target without an order sorts what the limit let through
 * (server/etcdserver/txn/range.go).
 */
export function readRange(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  bytesMax: number,
): RangePage {
  if (request.countOnly) {
    return { kvs: [], more: false, count: view.count(request, cursor.revision), next: undefined }
  }
  if (isEmpty(boundsOf(request))) {
    return { kvs: [], more: false, count: 0, next: undefined }
  }
  if (isPoint(request) && cursor.revision >= view.current) {
    return readPoint(view, request)
  }
  if (request.sortTarget !== SortTarget.KEY) {
    return readSorted(view, request, cursor, bytesMax)
  }
  return readInKeyOrder(view, request, cursor, bytesMax)
}

function readPoint(view: RangeView, request: RangeRequest): RangePage {
  const kv = currentVersion(view.sql, request.key)
  const kvs = kv !== undefined && passes(request, kv) ? [shown(request, kv)] : []
  return { kvs, more: false, count: kv === undefined ? 0 : 1, next: undefined }
}

function readInKeyOrder(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  bytesMax: number,
): RangePage {
  const kvs: KeyValue[] = []
  let seen = 0
  let bytes = 0
  let last: Uint8Array | undefined
  const walk = {
    ...walkOf(request, cursor, request.keysOnly ? 'heads' : 'values'),
    bytes: bytesMax,
  }
  for (const kv of versions(view.sql, walk, view.current)) {
    const full = cursor.left > 0 && kvs.length === cursor.left
    if (full && passes(request, kv)) {
      return { kvs, more: true, count: countOf(view, request, cursor), next: undefined }
    }
    if (!full && bytes > bytesMax) {
      const left = cursor.left === 0 ? 0 : cursor.left - kvs.length
      const next = { revision: cursor.revision, after: last, skip: 0, left }
      return { kvs, more: false, count: countOf(view, request, cursor), next }
    }
    seen++
    last = kv.key
    bytes += kv.key.length + kv.value.length
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

function walkOf(request: RangeRequest, cursor: RangeCursor, kind: Walk['kind']): Walk {
  const whole = boundsOf(request)
  const descending =
    request.sortOrder === SortOrder.DESCEND && request.sortTarget === SortTarget.KEY
  const { after, left, revision } = cursor
  const bounds = after === undefined ? whole : boundsBehind(whole, after, descending)
  const isCut = request.sortTarget === SortTarget.KEY || request.sortOrder === SortOrder.NONE
  const rows = isCut && left > 0 ? left + 1 : Infinity
  return { bounds, revision, descending, kind, rows, bytes: Infinity }
}

/**
 * An answer in another order than the keys': the order is made of the heads alone, which is all
 * that is held in memory, and the page's values are loaded after. Sorting by value loads them.
 */
function readSorted(
  view: RangeView,
  request: RangeRequest,
  cursor: RangeCursor,
  bytesMax: number,
): RangePage {
  const { heads, count } = sortedHeads(view, request, cursor.revision)
  const isLoaded = request.keysOnly || request.sortTarget === SortTarget.VALUE
  const more = request.limit > 0 && heads.length > request.limit
  const end = more ? request.limit : heads.length
  const kvs: KeyValue[] = []
  let bytes = 0
  for (const [i, head] of heads.slice(cursor.skip, end).entries()) {
    if (bytes > bytesMax) {
      return { kvs, more: false, count, next: { ...cursor, skip: cursor.skip + i } }
    }
    const kv = isLoaded ? head : valued(view, head, cursor.revision)
    bytes += kv.key.length + kv.value.length
    kvs.push(shown(request, kv))
  }
  return { kvs, more, count, next: undefined }
}

interface SortedHeads {
  readonly heads: readonly KeyValue[]
  readonly count: number
}

/** Those that the limit lets through and, if there are more, at least one of them. */
function sortedHeads(view: RangeView, request: RangeRequest, revision: Revision): SortedHeads {
  const { limit, sortOrder, sortTarget } = request
  const kind = sortTarget === SortTarget.VALUE ? 'values' : 'heads'
  const order = orderOf(request)
  const isCutFirst = sortOrder === SortOrder.NONE && limit > 0 && !hasFilter(request)
  const heads: KeyValue[] = []
  let count = 0
  const whole = { revision, after: undefined, skip: 0, left: Math.max(limit, 0) }
  for (const kv of versions(view.sql, walkOf(request, whole, kind), view.current)) {
    count++
    if (passes(request, kv)) {
      heads.push(kv)
    }
    if (isCutFirst && heads.length > limit) {
      return { heads: heads.toSorted(order), count: view.count(request, revision) }
    }
    if (limit > 0 && heads.length > 2 * limit + HEADS_UNSORTED_MAX) {
      heads.sort(order)
      heads.length = limit + 1
    }
  }
  return { heads: heads.toSorted(order), count }
}

/** A sort for each so many heads, and not for each of them, keeps those that a limit wants. */
const HEADS_UNSORTED_MAX = 1000

function valued(view: RangeView, head: KeyValue, revision: Revision): KeyValue {
  if (revision >= view.current) {
    return currentVersion(view.sql, head.key) ?? head
  }
  const bounds = { start: head.key, end: successor(head.key) }
  const walk: Walk = {
    bounds,
    revision,
    descending: false,
    kind: 'values',
    rows: 1,
    bytes: Infinity,
  }
  for (const kv of versions(view.sql, walk, view.current)) {
    return kv
  }
  return head
}

function hasFilter(request: RangeRequest): boolean {
  return (
    request.maxModRevision !== 0 ||
    request.minModRevision !== 0 ||
    request.maxCreateRevision !== 0 ||
    request.minCreateRevision !== 0
  )
}

function passes(request: RangeRequest, kv: KeyValue): boolean {
  return (
    (request.maxModRevision === 0 || kv.modRevision <= request.maxModRevision) &&
    (request.minModRevision === 0 || kv.modRevision >= request.minModRevision) &&
    (request.maxCreateRevision === 0 || kv.createRevision <= request.maxCreateRevision) &&
    (request.minCreateRevision === 0 || kv.createRevision >= request.minCreateRevision)
  )
}

/** etcd 3.7 answers keys_only from its index, which knows no lease; a sort by value reads all. */
function shown(request: RangeRequest, kv: KeyValue): KeyValue {
  if (!request.keysOnly) {
    return kv
  }
  const lease = request.sortTarget === SortTarget.VALUE ? kv.lease : NO_LEASE
  return { ...kv, value: NO_BYTES, lease }
}

const NO_BYTES = new Uint8Array(0)

function orderOf(request: RangeRequest): (a: KeyValue, b: KeyValue) => number {
  const sign = request.sortOrder === SortOrder.DESCEND ? -1 : 1
  switch (request.sortTarget) {
    case SortTarget.VERSION:
      return (a, b) => sign * (a.version - b.version)
    case SortTarget.CREATE:
      return (a, b) => sign * (a.createRevision - b.createRevision)
    case SortTarget.MOD:
      return (a, b) => sign * (a.modRevision - b.modRevision)
    default:
      return (a, b) => sign * compareBytes(a.value, b.value)
  }
}
