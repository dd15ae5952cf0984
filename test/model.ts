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
  TxnRequest,
  TxnResult,
} from '../src/mvcc/types.ts'
import {
  bytes,
  checkOps,
  checkPut,
  checkRange,
  EMPTY_TXN,
  inRange,
  isDuplicate,
  refuse,
  text,
} from './model-rules.ts'

/** One version of one key as the model keeps it: version 0 is a deletion. */
export interface Change extends KeyValue {
  readonly sub: number
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
    return [...living.values()].toSorted((a, b) => order(text(a.key), text(b.key)))
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
      request.minModRevision +
      request.maxModRevision +
      request.minCreateRevision +
      request.maxCreateRevision
    const cut = sortOrder === 0 && filters === 0 && limit > 0
    const sorted = (cut ? filtered.slice(0, limit + 1) : filtered).toSorted(
      (a, b) =>
        (sortOrder === 2 ? -1 : 1) * order(property(sortTarget, a), property(sortTarget, b)),
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

  /** The version before the change's transaction, unless that is compacted or made the key. */
  previous(change: Change): KeyValue | undefined {
    const { key, modRevision } = change
    const isCreated = this.changes.some(
      (other) =>
        other.modRevision === modRevision &&
        other.sub <= change.sub &&
        other.version === 1 &&
        text(other.key) === text(key),
    )
    const isGone = modRevision - 1 < this.compactRevision
    return isGone || isCreated ? undefined : this.#one(key, modRevision - 1)
  }

  #transaction<T>(body: () => T): T {
    const { length } = this.changes
    try {
      const result = body()
      this.revision = this.#now()
      return result
    } catch (error) {
      this.changes.length = length
      throw error
    } finally {
      this.#subs = 0
    }
  }

  #one(key: Uint8Array, revision = this.#now()): KeyValue | undefined {
    return this.at(revision, { key, rangeEnd: bytes('') })[0]
  }

  #change(kv: Omit<KeyValue, 'modRevision'>): void {
    this.changes.push({ ...kv, modRevision: this.revision + 1, sub: this.#subs++ })
  }

  #put(request: PutRequest): PutResult {
    const old = this.#one(request.key)
    refuse('key-not-found', old === undefined && (request.ignoreValue || request.ignoreLease))
    const value = request.ignoreValue && old !== undefined ? old.value : request.value
    const lease = request.ignoreLease && old !== undefined ? old.lease : request.lease
    const createRevision = old?.createRevision ?? this.revision + 1
    this.#change({
      key: request.key,
      createRevision,
      version: (old?.version ?? 0) + 1,
      value,
      lease,
    })
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
