import { capped, putCost, txnCost } from '../maintenance/quota.ts'
import { EngineError } from '../mvcc/errors.ts'
import type { RangeCursor, RangePage } from '../mvcc/range.ts'
import { checkDeleteRange, checkPut, checkTxn } from '../mvcc/txn-check.ts'
import type { OpResult, TxnResult } from '../mvcc/types.ts'
import {
  type CompactionRequest,
  type CompactionResponse,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from '../protocol/generated/messages.ts'
import { isReadOnly, requestTooLarge } from '../protocol/request-size.ts'
import type { Keyspace } from './keyspace.ts'

/** Keys and values of one page of a range: what is in memory at once, here and in the gateway. */
const PAGE_BYTES_MAX = 512 * 1024

export interface RangeAnswer {
  readonly response: RangeResponse
  readonly next: RangeCursor | undefined
}

export function range(keyspace: Keyspace, request: RangeRequest): RangeAnswer {
  return rangeAnswer(keyspace, keyspace.store.range(request, PAGE_BYTES_MAX))
}

export function rangeNext(
  keyspace: Keyspace,
  request: RangeRequest,
  cursor: RangeCursor,
): RangeAnswer {
  return rangeAnswer(keyspace, keyspace.store.rangeNext(request, cursor, PAGE_BYTES_MAX))
}

function rangeAnswer(keyspace: Keyspace, page: RangePage): RangeAnswer {
  const { kvs, more, count, next } = page
  return { response: { header: keyspace.header(), kvs, more, count }, next }
}

/**
 * etcd's order: the quota before all, then the request itself, its size, and the alarm only when
 * the request would be applied (server/etcdserver/api/v3rpc/quota.go, apply/capped.go).
 */
export function put(keyspace: Keyspace, request: PutRequest): PutResponse {
  const cost = putCost(request)
  keyspace.requireSpace(cost)
  checkPut(request)
  requireFitting(keyspace, '/etcdserverpb.KV/Put', request)
  requireUncapped(keyspace, cost)
  keyspace.requireUncorrupted()
  const { prevKv } = keyspace.store.put(request)
  return { header: keyspace.header(), prevKv }
}

export function deleteRange(keyspace: Keyspace, request: DeleteRangeRequest): DeleteRangeResponse {
  checkDeleteRange(request)
  requireFitting(keyspace, '/etcdserverpb.KV/DeleteRange', request)
  keyspace.requireUncorrupted()
  const { deleted, prevKvs } = keyspace.store.deleteRange(request)
  return { header: keyspace.header(), deleted, prevKvs }
}

export function txn(keyspace: Keyspace, request: TxnRequest): TxnResponse {
  const cost = txnCost(request)
  keyspace.requireSpace(cost)
  checkTxn(request, keyspace.settings.maxTxnOps)
  requireFitting(keyspace, '/etcdserverpb.KV/Txn', request)
  requireUncapped(keyspace, cost)
  if (!isReadOnly(request)) {
    keyspace.requireUncorrupted()
  }
  const result = keyspace.store.txn(request)
  return txnResponse(result, keyspace.header())
}

export function compact(keyspace: Keyspace, request: CompactionRequest): CompactionResponse {
  keyspace.requireUncorrupted()
  keyspace.store.compact(request.revision)
  return { header: keyspace.header() }
}

function requireFitting(
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
