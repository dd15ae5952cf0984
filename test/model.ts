import { EngineError, type ErrorKind } from '../src/mvcc/errors.ts'
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResult,
  KeyRange,
  KeyValue,
  OpResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  RequestOp,
  TxnRequest,
  TxnResult,
} from '../src/mvcc/types.ts'

/** One version of one key as the model keeps it: version 0 is a deletion. */
export interface Change extends KeyValue {
  readonly sub: number
}

/** Bytes as a string with one char per byte: strings of this kind sort as bytes do. */
export function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

export function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0))
}

/**
 * etcd's store as an array of changes and nothing else: every answer is made by going over all of
 * them. It is the reference of the model test, so it shares no code with the engine.
 */
export class Model {
  readonly changes: Change[] = []
  readonly leases = new Set<bigint>()
  readonly txnOpsMax: number
  revision = 1
  compactRevision = -1
  /** The changes of the transaction that runs. */
  #subs = 0

  constructor(txnOpsMax: number) {
    this.txnOpsMax = txnOpsMax
  }

  /** The keys that live at a revision, in key order. */
  at(revision: number, range: KeyRange): KeyValue[] {
    const living = new Map<string, KeyValue>()
    for (const { sub: _, ...kv } of this.changes) {
      if (kv.modRevision <= revision && inRange(range, kv.key)) {
        living.delete(text(kv.key))
        if (kv.version > 0) {
          living.set(text(kv.key), kv)
        }
      }
    }
    return [...living.values()].sort((a, b) => order(text(a.key), text(b.key)))
  }

  /** What this moment's reader sees: inside a transaction, its own changes too. */
  #now(): number {
    return this.revision + (this.#subs > 0 ? 1 : 0)
  }

  range(request: RangeRequest): RangeResult {
    checkRange(request)
    refuse('future-revision', request.revision > this.revision)
    refuse('compacted', request.revision > 0 && request.revision < this.compactRevision)
    return this.#range(request)
  }

  #range(request: RangeRequest): RangeResult {
    const { limit, sortOrder, sortTarget } = request
    const all = this.at(request.revision > 0 ? request.revision : this.#now(), request)
    const count = all.length
    if (request.countOnly) {
      return { kvs: [], more: false, count }
    }
    const filtered = all.filter((kv) => passes(request, kv))
    const filters =
      request.minModRevision + request.maxModRevision +
      request.minCreateRevision + request.maxCreateRevision
    const cut = sortOrder === 0 && filters === 0 && limit > 0
    const sorted = (cut ? filtered.slice(0, limit + 1) : filtered).sort(
      (a, b) => (sortOrder === 2 ? -1 : 1) * order(property(sortTarget, a), property(sortTarget, b)),
    )
    const more = limit > 0 && sorted.length > limit
    const kvs = (more ? sorted.slice(0, limit) : sorted).map((kv) =>
      request.keysOnly ? { ...kv, value: bytes(''), lease: sortTarget === 4 ? kv.lease : 0n } : kv,
    )
    return { kvs, more, count }
  }

  put(request: PutRequest): PutResult {
    checkPut(request)
    this.#checkPutState(request)
    return this.#transaction(() => this.#put(request))
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    refuse('empty-key', request.key.length === 0)
    return this.#transaction(() => this.#deleteRange(request))
  }

  deleteKeys(keys: readonly Uint8Array[]): void {
    this.#transaction(() => {
      for (const key of keys) {
        this.#deleteRange({ key, rangeEnd: bytes(''), prevKv: false })
      }
    })
  }

  txn(request: TxnRequest): TxnResult {
    checkOps(request, this.txnOpsMax)
    refuse('duplicate-key', isDuplicate(request.success) || isDuplicate(request.failure))
    const branches = new Map<TxnRequest, boolean>()
    this.#compare(request, branches)
    this.#checkState(request, branches)
    return this.#transaction(() => this.#txn(request, branches))
  }

  compact(revision: number): void {
    refuse('compacted', revision <= this.compactRevision)
    refuse('future-revision', revision > this.revision)
    this.compactRevision = revision
  }

  /** The version before the change's transaction, if that is still to be had. */
  previous(change: Change): KeyValue | undefined {
    const before = change.modRevision - 1
    const created = change.version === 1
    const gone = before < this.compactRevision
    return gone || created ? undefined : this.at(before, { key: change.key, rangeEnd: bytes('') })[0]
  }

  #transaction<T>(body: () => T): T {
    this.#subs = 0
    const result = body()
    this.revision = this.#now()
    this.#subs = 0
    return result
  }

  #one(key: Uint8Array): KeyValue | undefined {
    return this.at(this.#now(), { key, rangeEnd: bytes('') })[0]
  }

  #change(kv: Omit<KeyValue, 'modRevision'>): void {
    this.changes.push({ ...kv, modRevision: this.revision + 1, sub: this.#subs++ })
  }

  #put(request: PutRequest): PutResult {
    const old = this.#one(request.key)
    const value = request.ignoreValue && old !== undefined ? old.value : request.value
    const lease = request.ignoreLease && old !== undefined ? old.lease : request.lease
    const createRevision = old?.createRevision ?? this.revision + 1
    this.#change({ key: request.key, createRevision, version: (old?.version ?? 0) + 1, value, lease })
    return { prevKv: request.prevKv ? old : undefined }
  }

  #deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    const kvs = this.at(this.#now(), request)
    for (const { key } of kvs) {
      this.#change({ key, createRevision: 0, version: 0, value: bytes(''), lease: 0n })
    }
    return { deleted: kvs.length, prevKvs: request.prevKv ? kvs : [] }
  }

  #compare(request: TxnRequest, branches: Map<TxnRequest, boolean>): void {
    const succeeded = request.compare.every((compare) => {
      const kvs = this.at(this.revision, compare)
      return kvs.length > 0
        ? kvs.every((kv) => holds(compare, kv))
        : compare.target !== 3 && holds(compare, undefined)
    })
    branches.set(request, succeeded)
    for (const op of succeeded ? request.success : request.failure) {
      if (op.requestTxn !== undefined) {
        this.#compare(op.requestTxn, branches)
      }
    }
  }

  #checkState(request: TxnRequest, branches: Map<TxnRequest, boolean>): void {
    for (const op of branches.get(request) ? request.success : request.failure) {
      const revision = op.requestRange?.revision ?? 0
      refuse('future-revision', revision > this.revision)
      refuse('compacted', revision !== 0 && revision < this.compactRevision)
      if (op.requestPut !== undefined) {
        this.#checkPutState(op.requestPut)
      }
      if (op.requestTxn !== undefined) {
        this.#checkState(op.requestTxn, branches)
      }
    }
  }

  #checkPutState(put: PutRequest): void {
    refuse('lease-not-found', put.lease !== 0n && !this.leases.has(put.lease))
    const missing = this.#one(put.key) === undefined
    refuse('key-not-found', (put.ignoreValue || put.ignoreLease) && missing)
  }

  #txn(request: TxnRequest, branches: Map<TxnRequest, boolean>): TxnResult {
    const succeeded = branches.get(request) === true
    const responses = (succeeded ? request.success : request.failure).map((op): OpResult => {
      if (op.requestRange !== undefined) {
        return { kind: 'range', range: this.#range(op.requestRange), revision: this.#now() }
      }
      if (op.requestPut !== undefined) {
        return { kind: 'put', put: this.#put(op.requestPut), revision: this.#now() }
      }
      if (op.requestDeleteRange !== undefined) {
        const deleteRange = this.#deleteRange(op.requestDeleteRange)
        return { kind: 'delete-range', deleteRange, revision: this.#now() }
      }
      return { kind: 'txn', txn: this.#txn(op.requestTxn ?? EMPTY_TXN, branches) }
    })
    return { succeeded, responses }
  }
}

const EMPTY_TXN: TxnRequest = { compare: [], success: [], failure: [] }

export function inRange(range: KeyRange, key: Uint8Array): boolean {
  const [at, start, end] = [text(key), text(range.key), text(range.rangeEnd)]
  return end === '' ? at === start : at >= start && (end === '\0' || at < end)
}

function refuse(kind: ErrorKind, condition: boolean): void {
  if (condition) {
    throw new EngineError(kind)
  }
}

function order<T extends number | string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function property(target: number, kv: KeyValue): number | string {
  return [text(kv.key), kv.version, kv.createRevision, kv.modRevision, text(kv.value)][target] ?? ''
}

function passes(request: RangeRequest, kv: KeyValue): boolean {
  return (
    kv.modRevision >= request.minModRevision &&
    kv.modRevision <= (request.maxModRevision || Infinity) &&
    kv.createRevision >= request.minCreateRevision &&
    kv.createRevision <= (request.maxCreateRevision || Infinity)
  )
}

function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  const [version, create, mod] = [compare.version, compare.createRevision, compare.modRevision]
  const orders = [
    order(kv?.version ?? 0, version ?? 0),
    order(kv?.createRevision ?? 0, create ?? 0),
    order(kv?.modRevision ?? 0, mod ?? 0),
    order(text(kv?.value ?? bytes('')), text(compare.value ?? bytes(''))),
    order(kv?.lease ?? 0n, compare.lease ?? 0n),
  ]
  const result = orders[compare.target] ?? 0
  return [result === 0, result > 0, result < 0, result !== 0][compare.result] ?? true
}

function checkRange(request: RangeRequest): void {
  const { sortOrder, sortTarget } = request
  refuse('empty-key', request.key.length === 0)
  const known = sortOrder >= 0 && sortOrder <= 2 && sortTarget >= 0 && sortTarget <= 4
  refuse('invalid-sort-option', !known)
}

function checkPut(request: PutRequest): void {
  refuse('empty-key', request.key.length === 0)
  refuse('value-provided', request.ignoreValue && request.value.length > 0)
  refuse('lease-provided', request.ignoreLease && request.lease !== 0n)
}

function checkOps(request: TxnRequest, opsMax: number): void {
  const { compare, success, failure } = request
  const left = opsMax - Math.max(compare.length, success.length, failure.length)
  refuse('too-many-ops', left < 0)
  refuse('empty-key', compare.some((each) => each.key.length === 0))
  for (const op of [...success, ...failure]) {
    if (op.requestRange !== undefined) {
      checkRange(op.requestRange)
    } else if (op.requestPut !== undefined) {
      checkPut(op.requestPut)
    } else if (op.requestDeleteRange !== undefined) {
      refuse('empty-key', op.requestDeleteRange.key.length === 0)
    } else {
      refuse('key-not-found', op.requestTxn === undefined)
      checkOps(op.requestTxn ?? EMPTY_TXN, left)
    }
  }
}

/** A put or a delete of a branch, with the places and branches that lead to it. */
interface Leaf {
  readonly op: RequestOp
  readonly path: readonly number[]
}

/** Every second number of a path is an operation's place, those between say which branch. */
function leaves(ops: readonly RequestOp[], path: readonly number[]): Leaf[] {
  return ops.flatMap((op, place) => {
    const here = [...path, place]
    const { success = [], failure = [] } = op.requestTxn ?? EMPTY_TXN
    return op.requestTxn === undefined
      ? [{ op, path: here }]
      : [...leaves(success, [...here, 0]), ...leaves(failure, [...here, 1])]
  })
}

function isDuplicate(ops: readonly RequestOp[]): boolean {
  const all = leaves(ops, [])
  return all.some((a) => all.some((b) => a !== b && collide(a, b)))
}

/** Whether two leaves, of which the first is a put, may not stand in one transaction. */
function collide(a: Leaf, b: Leaf): boolean {
  const fork = a.path.findIndex((step, i) => step !== b.path[i])
  const inOneTxn = fork % 2 === 1
  if (a.op.requestPut === undefined || inOneTxn) {
    return false
  }
  const { key } = a.op.requestPut
  if (b.op.requestPut !== undefined) {
    return text(key) === text(b.op.requestPut.key)
  }
  const range = b.op.requestDeleteRange
  // etcd takes the "\0" of a delete from a key on for an end, behind which no key comes.
  if (range === undefined || text(range.rangeEnd) === '\0' || !inRange(range, key)) {
    return false
  }
  const direct = fork === a.path.length - 1 || fork === b.path.length - 1
  return direct || (b.path[fork] ?? 0) < (a.path[fork] ?? 0)
}
