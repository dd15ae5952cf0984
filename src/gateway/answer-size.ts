import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../protocol/generated/messages.ts'
import { type MethodName, methods, type MethodsWhere } from '../protocol/methods.ts'

/** Of the methods of which the request says it, each with a function of its request type. */
const asked: {
  readonly [method in MethodsWhere<'values', 'as-asked'>]: (request: never) => number
} = {
  '/etcdserverpb.KV/Range': ofRange,
  '/etcdserverpb.KV/Put': ofPut,
  '/etcdserverpb.KV/DeleteRange': ofDeleteRange,
  '/etcdserverpb.KV/Txn': ofTxn,
}

/**
 * How many values the answer to a call may hold. Infinity is for what nobody knows beforehand, and
 * for what may take long: ranges of keys, walks over the whole store.
 */
export function valuesAnswered(method: MethodName, request: object): number {
  switch (methods[method].values) {
    case 'none':
      return 0
    case 'as-asked':
      return (asked[method as keyof typeof asked] as (request: object) => number)(request)
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
