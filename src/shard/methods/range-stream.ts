import type { RangePage } from '../../mvcc/range-page.ts'
import { checkRange } from '../../mvcc/range.ts'
import { SortOrder, SortTarget } from '../../mvcc/types.ts'
import { sizeOf } from '../../protocol/binary.ts'
import {
  type RangeRequest,
  RangeResponse,
  type RangeStreamResponse,
} from '../../protocol/generated/messages.ts'
import type { PageCursor, RangeStreamBegun } from '../../protocol/shard-rpc.ts'
import { statusOf } from '../../protocol/status.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Page } from '../page.ts'
import { PAGE_BYTES_MAX, PAGE_ROWS_MAX } from './kv.ts'

/** etcd's initialStreamChunkLimit. */
const FIRST_KEYS_MAX = 10

/** A RangeStream is sorted by key and unfiltered (v3rpc/key.go). */
export function checkRangeStream(request: RangeRequest): void {
  checkRange(request)
  const { sortOrder, sortTarget } = request
  const byKey = sortOrder === SortOrder.ASCEND && sortTarget === SortTarget.KEY
  if (sortOrder !== SortOrder.NONE && !byKey) {
    throw statusOf('range-stream-sort')
  }
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request
  if ([minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some(Boolean)) {
    throw statusOf('range-stream-filter')
  }
}

/** The first message of a RangeStream. */
export function rangeStream(keyspace: Keyspace, request: RangeRequest): Page<RangeStreamResponse> {
  const { store } = keyspace
  const left = Math.max(request.limit, 0)
  const limit = keysOf(request, FIRST_KEYS_MAX, left)
  const page = store.range({ ...request, limit }, PAGE_BYTES_MAX, PAGE_ROWS_MAX)
  const revision = request.revision > 0 ? request.revision : store.revision
  const begun = { revision: store.revision, count: page.count, keysMax: FIRST_KEYS_MAX }
  return messageOf(keyspace, page, { revision, after: undefined, skip: 0, left, begun })
}

/** A further one. */
export function rangeStreamNext(
  keyspace: Keyspace,
  request: RangeRequest,
  cursor: PageCursor,
): Page<RangeStreamResponse> {
  const { begun = { revision: cursor.revision, count: 0, keysMax: FIRST_KEYS_MAX } } = cursor
  const left = keysOf(request, begun.keysMax, cursor.left)
  const at = { ...cursor, left }
  const page = keyspace.store.rangeNext(request, at, PAGE_BYTES_MAX, PAGE_ROWS_MAX)
  return messageOf(keyspace, page, { ...cursor, begun })
}

/** How many keys a message may have, 0 for any number: in another order than the keys' they are not cut. */
function keysOf({ sortTarget }: RangeRequest, keysMax: number, left: number): number {
  if (sortTarget !== SortTarget.KEY) {
    return left
  }
  return left === 0 ? keysMax : Math.min(keysMax, left)
}

/** Only the last message tells header, count and `more`, as of when the stream began. */
function messageOf(
  keyspace: Keyspace,
  page: RangePage,
  { begun, ...cursor }: PageCursor & { readonly begun: RangeStreamBegun },
): Page<RangeStreamResponse> {
  const { kvs, more } = page
  const left = cursor.left === 0 ? 0 : cursor.left - kvs.length
  const isCutByKeys = more && (cursor.left === 0 || left > 0)
  if (page.next === undefined && !isCutByKeys) {
    const header = { ...keyspace.header(), revision: begun.revision }
    return { response: { rangeResponse: { header, kvs, more, count: begun.count } } }
  }
  const rangeResponse = { ...RangeResponse.empty(), kvs }
  const { maxRequestBytes } = keyspace.settings
  const keysMax = adjusted(begun.keysMax, sizeOf(RangeResponse, rangeResponse), maxRequestBytes)
  const after = page.next === undefined ? kvs.at(-1)?.key : page.next.after
  const { skip = 0, order } = page.next ?? {}
  const next = { revision: cursor.revision, after, skip, order, left, begun: { ...begun, keysMax } }
  // While it is put in order there is nothing to say yet.
  return { response: kvs.length === 0 ? {} : { rangeResponse }, next }
}

/** etcd's adjustChunkLimit: towards messages of half to twice so many bytes. */
function adjusted(keysMax: number, bytes: number, targetBytes: number): number {
  if (bytes < Math.floor(targetBytes / 2)) {
    return keysMax * 2
  }
  return bytes > targetBytes * 2 ? Math.max(1, Math.floor(keysMax / 2)) : keysMax
}
