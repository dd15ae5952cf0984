import { EngineError } from './errors.ts'
import { boundsOf, compareBytes, isEmpty, isPoint } from './key-range.ts'
import { KEY_BYTES_MAX } from './log.ts'
import type { Sql } from './sql.ts'
import type { TxnReads } from './txn-reads.ts'
import {
  type Compare,
  CompareResult,
  CompareTarget,
  type KeyValue,
  type OpResult,
  type PutRequest,
  type RequestOp,
  type Revision,
  type TxnRequest,
  type TxnResult,
} from './types.ts'
import { currentVersion, versions } from './versions.ts'
import { isOneStatement, readsBefore, type Write } from './write.ts'

/** The state that a transaction is judged by: all checks see it as it was before the first write. */
export interface TxnState {
  readonly sql: Sql
  readonly revision: Revision
  readonly compactRevision: Revision
  /** How many ranges etcd would have made to decide: compares, and versions before a put. */
  reads: number
  hasLease(lease: bigint): boolean
  /** The current version of a key without its value, if memory has it. */
  remembered(key: Uint8Array): KeyValue | undefined
}

/** Which branch a transaction takes, and those nested in that branch. */
export interface Taken {
  readonly succeeded: boolean
  /** By the operation's place in the branch. */
  readonly nested: ReadonlyMap<number, Taken>
}

/**
 * Compares, then checks, then does: nested transactions are compared and checked before the first
 * operation runs (server/etcdserver/txn/txn.go), so that a refusal leaves nothing behind.
 */
export function decideTxn(state: TxnState, reads: TxnReads, request: TxnRequest): Taken {
  const taken = compareAll(state, reads, request)
  try {
    checkTaken(state, request, taken)
  } catch (error) {
    // Nothing may have been read yet, see `accessesStorage`.
    currentVersion(state.sql, NO_BYTES, 'heads')
    throw error
  }
  return taken
}

function compareAll(state: TxnState, reads: TxnReads, request: TxnRequest): Taken {
  const byMemory = accessesStorage(request.success) && accessesStorage(request.failure)
  const succeeded = request.compare.every((compare) =>
    holds(compare, compared(state, reads, compare, byMemory)),
  )
  const nested = new Map<number, Taken>()
  for (const [index, op] of (succeeded ? request.success : request.failure).entries()) {
    if (op.requestTxn !== undefined) {
      nested.set(index, compareAll(state, reads, op.requestTxn))
    }
  }
  return { succeeded, nested }
}

/**
 * Whether it is sure that they access storage, unless they are refused. An object that the platform has
 * replaced is stopped by such an access, so that memory alone must not answer.
 */
function accessesStorage(ops: readonly RequestOp[]): boolean {
  return ops.some(({ requestPut, requestRange, requestDeleteRange }) => {
    const range = requestRange ?? requestDeleteRange
    return requestPut !== undefined || (range !== undefined && isPoint(range))
  })
}

/** A compare over a range must hold for each key of it; over no key it is that of a missing one. */
function holds(compare: Compare, kvs: Iterable<KeyValue>): boolean {
  let found = false
  for (const kv of kvs) {
    found = true
    if (!matches(compare, kv)) {
      return false
    }
  }
  // etcd knows no value to compare with where there is no key.
  return found || (compare.target !== CompareTarget.VALUE && matches(compare, undefined))
}

function compared(
  state: TxnState,
  reads: TxnReads,
  compare: Compare,
  byMemory: boolean,
): Iterable<KeyValue> {
  state.reads++
  const { sql, revision } = state
  const kind = compare.target === CompareTarget.VALUE ? 'values' : 'heads'
  if (isPoint(compare)) {
    const head = byMemory && kind === 'heads' ? state.remembered(compare.key) : undefined
    const kv = head ?? currentVersion(sql, compare.key, kind)
    return kv === undefined ? [] : [kv]
  }
  const bounds = boundsOf(compare)
  const walk = {
    bounds,
    revision,
    descending: false,
    kind,
    rows: Infinity,
    bytes: Infinity,
  } as const
  return isEmpty(bounds) ? [] : reads.versions(versions(sql, walk, revision))
}

function matches(compare: Compare, kv: KeyValue | undefined): boolean {
  const order = orderOf(compare, kv)
  switch (compare.result) {
    case CompareResult.EQUAL:
      return order === 0
    case CompareResult.GREATER:
      return order > 0
    case CompareResult.LESS:
      return order < 0
    case CompareResult.NOT_EQUAL:
      return order !== 0
    default:
      return true
  }
}

/** Negative where the key's property is less than the compare's. Unset members count as zero. */
function orderOf(compare: Compare, kv: KeyValue | undefined): number {
  switch (compare.target) {
    case CompareTarget.VERSION:
      return (kv?.version ?? 0) - (compare.version ?? 0)
    case CompareTarget.CREATE:
      return (kv?.createRevision ?? 0) - (compare.createRevision ?? 0)
    case CompareTarget.MOD:
      return (kv?.modRevision ?? 0) - (compare.modRevision ?? 0)
    case CompareTarget.VALUE:
      return compareBytes(kv?.value ?? NO_BYTES, compare.value ?? NO_BYTES)
    case CompareTarget.LEASE: {
      const difference = (kv?.lease ?? 0n) - (compare.lease ?? 0n)
      return difference === 0n ? 0 : difference > 0n ? 1 : -1
    }
    default:
      return 0
  }
}

const NO_BYTES = new Uint8Array(0)

function checkTaken(state: TxnState, request: TxnRequest, taken: Taken): void {
  for (const [index, op] of branchOf(request, taken).entries()) {
    if (op.requestRange !== undefined) {
      checkRevision(state, op.requestRange.revision)
    } else if (op.requestPut !== undefined) {
      checkPutState(state, op.requestPut)
      state.reads += readsBefore(op.requestPut) ? 1 : 0
    } else if (op.requestTxn !== undefined) {
      const nested = taken.nested.get(index)
      if (nested !== undefined) {
        checkTaken(state, op.requestTxn, nested)
      }
    }
  }
}

function branchOf(request: TxnRequest, taken: Taken): readonly RequestOp[] {
  return taken.succeeded ? request.success : request.failure
}

/**
 * Inside a transaction a negative revision is held against the compacted one, which is −1 until the
 * first compaction; outside it is the current one (server/etcdserver/txn/range.go).
 */
function checkRevision(state: TxnState, revision: Revision): void {
  if (revision > state.revision) {
    throw new EngineError('future-revision')
  }
  if (revision !== 0 && revision < state.compactRevision) {
    throw new EngineError('compacted')
  }
}

export function checkPutState(state: TxnState, request: PutRequest): void {
  if (request.key.length > KEY_BYTES_MAX) {
    throw new EngineError('request-too-large')
  }
  if (request.lease !== 0n && !state.hasLease(request.lease)) {
    throw new EngineError('lease-not-found')
  }
  if (request.ignoreValue || request.ignoreLease) {
    const { key } = request
    if ((state.remembered(key) ?? currentVersion(state.sql, key, 'heads')) === undefined) {
      throw new EngineError('key-not-found')
    }
  }
}

/**
 * Whether what was decided is at most one statement that writes, with nothing behind it that could
 * fail: a Kubernetes update, for one, or a read.
 */
export function needsNoSavepoint(request: TxnRequest, taken: Taken): boolean {
  const branch = branchOf(request, taken)
  const [{ requestPut } = {}] = branch
  return branch.length === 1 && requestPut !== undefined
    ? isOneStatement(requestPut)
    : branch.every(({ requestRange }) => requestRange !== undefined)
}

/** Whether etcd sees beforehand that nothing is written. */
export function isReadOnly({ success, failure }: TxnRequest): boolean {
  return [success, failure].every((branch) =>
    branch.every(({ requestRange }) => requestRange !== undefined),
  )
}

/** Runs what was decided. */
export function applyTxn(
  reads: TxnReads,
  write: Write,
  request: TxnRequest,
  taken: Taken,
): TxnResult {
  const responses = branchOf(request, taken).map((op, index): OpResult => {
    if (op.requestRange !== undefined) {
      const range = reads.range(write, op.requestRange)
      return { kind: 'range', revision: write.revision, range }
    }
    if (op.requestPut !== undefined) {
      const put = write.put(op.requestPut)
      return { kind: 'put', revision: write.revision, put }
    }
    if (op.requestDeleteRange !== undefined) {
      const deleteRange = write.deleteRange(op.requestDeleteRange, (all) => reads.versions(all))
      return { kind: 'delete-range', revision: write.revision, deleteRange }
    }
    const nested = taken.nested.get(index)
    if (op.requestTxn === undefined || nested === undefined) {
      throw new EngineError('key-not-found')
    }
    return { kind: 'txn', txn: applyTxn(reads, write, op.requestTxn, nested) }
  })
  return { succeeded: taken.succeeded, responses }
}
