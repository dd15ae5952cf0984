import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../protocol/generated/messages.ts'
import type { MethodName } from '../protocol/methods.ts'

/**
 * How many values the answer to a call may hold. Infinity is for what nobody knows beforehand, and
 * for what may take long: ranges of keys, walks over the whole store.
 */
export function valuesAnswered(method: MethodName, request: object): number {
  switch (method) {
    case '/etcdserverpb.KV/Range':
      return ofRange(request as RangeRequest)
    case '/etcdserverpb.KV/Put':
      return ofPut(request as PutRequest)
    case '/etcdserverpb.KV/DeleteRange':
      return ofDeleteRange(request as DeleteRangeRequest)
    case '/etcdserverpb.KV/Txn':
      return ofTxn(request as TxnRequest)
    case '/etcdserverpb.Lease/LeaseGrant':
    case '/etcdserverpb.Lease/LeaseKeepAlive':
      return 0
    default:
      return Infinity
  }
}

function ofRange({ rangeEnd }: RangeRequest): number {
  return rangeEnd.length === 0 ? 1 : Infinity
}

function ofPut({ prevKv }: PutRequest): number {
  return prevKv ? 1 : 0
}

function ofDeleteRange({ rangeEnd, prevKv }: DeleteRangeRequest): number {
  if (rangeEnd.length > 0) {
    return Infinity
  }
  return prevKv ? 1 : 0
}

function ofTxn({ success, failure }: TxnRequest): number {
  return Math.max(ofOps(success), ofOps(failure))
}

function ofOps(ops: readonly RequestOp[]): number {
  return ops.reduce((values, op) => values + ofOp(op), 0)
}

function ofOp({ requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp): number {
  if (requestRange !== undefined) {
    return ofRange(requestRange)
  }
  if (requestPut !== undefined) {
    return ofPut(requestPut)
  }
  if (requestDeleteRange !== undefined) {
    return ofDeleteRange(requestDeleteRange)
  }
  return requestTxn === undefined ? 0 : ofTxn(requestTxn)
}
