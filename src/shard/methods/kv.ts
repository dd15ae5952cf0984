import type { Principal } from '../../auth/principal.ts'
import { capped, putCost, txnCost } from '../../maintenance/quota.ts'
import { EngineError } from '../../mvcc/errors.ts'
import type { PackedPage } from '../../mvcc/packed-page.ts'
import type { RangeCursor, RangePage } from '../../mvcc/range-page.ts'
import { checkDeleteRange, checkPut, checkTxn } from '../../mvcc/txn-check.ts'
import type { OpResult, TxnResult } from '../../mvcc/types.ts'
import { listedKeyValueSize } from '../../protocol/binary-key-value.ts'
import { sizeOf } from '../../protocol/binary.ts'
import {
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  RangeResponse,
  ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from '../../protocol/generated/messages.ts'
import { isReadOnly, requestTooLarge } from '../../protocol/request-size.ts'
import type { Keyspace } from '../keyspace.ts'
import type { AnyPage, Page } from '../page.ts'

/** Keys and values of one page of a range: what is in memory at once, here and in the gateway. */
export const PAGE_BYTES_MAX = 512 * 1024
/** What is read for a page besides: some milliseconds, be the keys small or none of them wanted. */
export const PAGE_ROWS_MAX = 2000

/** The first page has the header and the count, and the last one `more`: in a row they are the whole. */
export function range(keyspace: Keyspace, request: RangeRequest): Page<RangeResponse> {
  const { next, ...page } = keyspace.store.range(request, PAGE_BYTES_MAX, PAGE_ROWS_MAX)
  return { response: { header: keyspace.header(), ...page }, next }
}

/** The same as it was read. */
export function rangePacked(keyspace: Keyspace, request: RangeRequest): AnyPage {
  const page = keyspace.store.rangePacked(request, PAGE_BYTES_MAX, PAGE_ROWS_MAX)
  return pageOf(keyspace.header(), page)
}

export function rangeNext(keyspace: Keyspace, request: RangeRequest, cursor: RangeCursor): AnyPage {
  const { store } = keyspace
  return pageOf(undefined, store.rangeNextPacked(request, cursor, PAGE_BYTES_MAX, PAGE_ROWS_MAX))
}

function pageOf(header: ResponseHeader | undefined, page: RangePage | PackedPage): AnyPage {
  if ('rows' in page) {
    return { header, packed: page, next: page.next }
  }
  const { next, ...response } = page
  return { response: { header, ...response }, next }
}

/** What the pages behind a cursor come to, as far as one step has measured them. */
export interface MeasuredPages {
  /** Of their encoding. */
  readonly bytes: number
  readonly next: RangeCursor | undefined
}

export function measureNext(
  keyspace: Keyspace,
  request: RangeRequest,
  cursor: RangeCursor,
): MeasuredPages {
  const { store } = keyspace
  const { kvs, more, next } = store.sizeRange(request, cursor, PAGE_BYTES_MAX, PAGE_ROWS_MAX)
  let bytes = sizeOf(RangeResponse, { ...RangeResponse.empty(), more })
  for (const kv of kvs) {
    bytes += listedKeyValueSize(kv)
  }
  return { bytes, next }
}

/**
 * etcd's order: the quota before all, then the request itself, who asks, its size, and the alarms and
 * whether they may only when the request would be applied (server/etcdserver/api/v3rpc/quota.go,
 * v3_server.go, apply/uber_apply.go).
 */
export function put(keyspace: Keyspace, request: PutRequest, principal: Principal): PutResponse {
  const cost = putCost(request)
  keyspace.requireSpace(cost)
  checkPut(request)
  principal.authenticate()
  requireFitting(keyspace, '/etcdserverpb.KV/Put', request)
  keyspace.requireUncorrupted()
  requireUncapped(keyspace, cost)
  principal.authorize('/etcdserverpb.KV/Put', request)
  const { prevKv } = keyspace.store.put(request)
  return { header: keyspace.header(), prevKv }
}

export function deleteRange(
  keyspace: Keyspace,
  request: DeleteRangeRequest,
  principal: Principal,
): DeleteRangeResponse {
  admitDeletion(keyspace, request, principal)
  const { deleted, prevKvs } = keyspace.store.deleteRange(request)
  return { header: keyspace.header(), deleted, prevKvs }
}

/** Throws what etcd refuses before it deletes. */
export function admitDeletion(
  keyspace: Keyspace,
  request: DeleteRangeRequest,
  principal: Principal,
): void {
  checkDeleteRange(request)
  principal.authenticate()
  requireFitting(keyspace, '/etcdserverpb.KV/DeleteRange', request)
  keyspace.requireUncorrupted()
  principal.authorize('/etcdserverpb.KV/DeleteRange', request)
}

export function txn(keyspace: Keyspace, request: TxnRequest, principal: Principal): TxnResponse {
  const cost = txnCost(request)
  keyspace.requireSpace(cost)
  checkTxn(request, keyspace.settings.maxTxnOps)
  principal.authenticate()
  requireFitting(keyspace, '/etcdserverpb.KV/Txn', request)
  if (!isReadOnly(request)) {
    keyspace.requireUncorrupted()
  }
  requireUncapped(keyspace, cost)
  principal.authorize('/etcdserverpb.KV/Txn', request)
  const result = keyspace.store.txn(request)
  return txnResponse(result, keyspace.header())
}

export function compact(
  keyspace: Keyspace,
  request: CompactionRequest,
  principal: Principal,
): CompactionResponse {
  principal.authenticate()
  principal.authorize('/etcdserverpb.KV/Compact', request)
  keyspace.requireUncorrupted()
  keyspace.store.compact(request.revision)
  return { header: keyspace.header() }
}

export function requireFitting(
  keyspace: Keyspace,
  method: Parameters<typeof requestTooLarge>[0],
  request: object,
): void {
  if (requestTooLarge(method, request, keyspace.settings.maxRequestBytes)) {
    throw new EngineError('request-too-large')
  }
}

export function requireUncapped(keyspace: Keyspace, cost: number): void {
  if (capped(keyspace.alarms, cost)) {
    throw new EngineError('no-space')
  }
}

/** The header of a nested transaction's response is there and empty: etcd never fills it. */
function txnResponse(result: TxnResult, header: ResponseHeader): TxnResponse {
  return { header, succeeded: result.succeeded, responses: result.responses.map(responseOp) }
}

function responseOp(op: OpResult): ResponseOp {
  switch (op.kind) {
    case 'range': {
      const { kvs, more, count } = op.range
      return { responseRange: { header: revisionOnly(op.revision), kvs, more, count } }
    }
    case 'put':
      return { responsePut: { header: revisionOnly(op.revision), prevKv: op.put.prevKv } }
    case 'delete-range': {
      const { deleted, prevKvs } = op.deleteRange
      return { responseDeleteRange: { header: revisionOnly(op.revision), deleted, prevKvs } }
    }
    case 'txn':
      return { responseTxn: txnResponse(op.txn, ResponseHeader.empty()) }
  }
}

function revisionOnly(revision: number): ResponseHeader {
  return { ...ResponseHeader.empty(), revision }
}
