import { EngineError } from './errors.ts'
import { IntervalSet } from './interval-set.ts'
import { boundsOf, isFromKey } from './key-range.ts'
import { checkRange } from './range.ts'
import type { DeleteRangeRequest, PutRequest, RequestOp, TxnRequest } from './types.ts'

/** Checks that need no state, in etcd's order (server/etcdserver/api/v3rpc/key.go). */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) {
    throw new EngineError('empty-key')
  }
  if (request.ignoreValue && request.value.length > 0) {
    throw new EngineError('value-provided')
  }
  if (request.ignoreLease && request.lease !== 0n) {
    throw new EngineError('lease-provided')
  }
}

export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) {
    throw new EngineError('empty-key')
  }
}

export function checkTxn(request: TxnRequest, opsMax: number): void {
  checkOps(request, opsMax)
  checkDuplicates(request.success)
  checkDuplicates(request.failure)
}

/** A nested transaction has only the operations left that its parent did not take. */
function checkOps(request: TxnRequest, opsMax: number): void {
  const ops = Math.max(request.compare.length, request.success.length, request.failure.length)
  if (ops > opsMax) {
    throw new EngineError('too-many-ops')
  }
  for (const compare of request.compare) {
    if (compare.key.length === 0) {
      throw new EngineError('empty-key')
    }
  }
  for (const op of request.success) {
    checkOp(op, opsMax - ops)
  }
  for (const op of request.failure) {
    checkOp(op, opsMax - ops)
  }
}

function checkOp(op: RequestOp, opsMax: number): void {
  if (op.requestRange !== undefined) {
    checkRange(op.requestRange)
  } else if (op.requestPut !== undefined) {
    checkPut(op.requestPut)
  } else if (op.requestDeleteRange !== undefined) {
    checkDeleteRange(op.requestDeleteRange)
  } else if (op.requestTxn !== undefined) {
    checkOps(op.requestTxn, opsMax)
  } else {
    throw new EngineError('key-not-found')
  }
}

interface Touched {
  /** The keys put, as strings of their bytes. */
  readonly puts: ReadonlyMap<string, Uint8Array>
  readonly deletes: IntervalSet
}

/**
 * One branch may put a key once, and may not put what it deletes. The two branches of one nested
 * transaction exclude each other, so they may put the same key. As in etcd, a nested put is held
 * against the deletes of nested transactions before it, not of those after it, and against no
 * delete from a key on: etcd takes the "\0" of its end for a key that no other comes before.
 */
function checkDuplicates(ops: readonly RequestOp[]): Touched {
  const puts = new Map<string, Uint8Array>()
  const deletes = new IntervalSet()
  for (const op of ops) {
    if (op.requestDeleteRange !== undefined && !isFromKey(op.requestDeleteRange)) {
      deletes.add(boundsOf(op.requestDeleteRange))
    }
  }
  for (const op of ops) {
    if (op.requestTxn !== undefined) {
      addNested(puts, deletes, op.requestTxn)
    }
  }
  for (const op of ops) {
    if (op.requestPut !== undefined) {
      addPut(puts, deletes, op.requestPut.key)
    }
  }
  return { puts, deletes }
}

function addNested(puts: Map<string, Uint8Array>, deletes: IntervalSet, txn: TxnRequest): void {
  const success = checkDuplicates(txn.success)
  const failure = checkDuplicates(txn.failure)
  for (const key of success.puts.values()) {
    addPut(puts, deletes, key)
  }
  for (const [name, key] of failure.puts) {
    if (success.puts.has(name)) {
      continue
    }
    addPut(puts, deletes, key)
  }
  deletes.addAll(success.deletes)
  deletes.addAll(failure.deletes)
}

function addPut(puts: Map<string, Uint8Array>, deletes: IntervalSet, key: Uint8Array): void {
  const name = nameOf(key)
  if (puts.has(name) || deletes.has(key)) {
    throw new EngineError('duplicate-key')
  }
  puts.set(name, key)
}

/** A key as a string of its bytes, in pieces of as many arguments as every engine passes. */
function nameOf(key: Uint8Array): string {
  let name = ''
  for (let i = 0; i < key.length; i += ARGUMENTS_MAX) {
    name += String.fromCharCode(...key.subarray(i, i + ARGUMENTS_MAX))
  }
  return name
}

const ARGUMENTS_MAX = 4096
