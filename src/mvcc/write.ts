import { checkId, FIRST_ID, SUB_MAX } from './change-id.ts'
import { EngineError } from './errors.ts'
import { type Bounds, boundsOf, isEmpty, isPoint } from './key-range.ts'
import {
  appendLog,
  appendVersion,
  boundsParams,
  changeIdOf,
  comparable,
  COUNT_CURRENT,
  COUNT_CURRENT_OPEN,
  DELETE_CURRENT,
  isInline,
  leaseParam,
  PUT_CURRENT,
  PUT_CURRENT_RETURNING,
  type ScanKind,
  tombstone,
} from './log.ts'
import type { Head, RecentHeads } from './recent-heads.ts'
import { numberOf, type Sql, type SqlParam } from './sql.ts'
import {
  type ChangeId,
  type DeleteRangeRequest,
  type DeleteRangeResult,
  type Event,
  EventType,
  type KeyValue,
  type LeaseId,
  type PutRequest,
  type PutResult,
  type Revision,
} from './types.ts'
import { currentVersion, versions } from './versions.ts'

/** Beyond this many changes a transaction's events are left in the log for watchers to read. */
const EVENTS_HELD_MAX = 10_000

export const INSERT_TOMBSTONES_OPEN = `
INSERT INTO log (id, key, create_revision, version, previous, lease, value)
SELECT ${FIRST_ID} + ? + row_number() OVER (ORDER BY key) - 1, key, create_revision, 0, id, NULL, NULL
FROM current WHERE key >= ?`
export const INSERT_TOMBSTONES = `${INSERT_TOMBSTONES_OPEN} AND key < ?`
export const INSERT_LEASED_TOMBSTONES = `
INSERT INTO log (id, key, create_revision, version, previous, lease, value)
SELECT ${FIRST_ID} + ? + row_number() OVER (ORDER BY key) - 1, key, create_revision, 0, id, NULL, NULL
FROM current WHERE lease = ?`
export const DELETE_LEASED = 'DELETE FROM current WHERE lease = ?'
export const MASS_DELETE_OPEN = 'DELETE FROM current WHERE key >= ?'
export const MASS_DELETE = `${MASS_DELETE_OPEN} AND key < ?`

/** Whether the put is one statement, which is all of it or nothing by itself. */
export function isOneStatement({ value, ignoreValue }: PutRequest): boolean {
  return !ignoreValue && isInline(value)
}

/** Whether the put asks for the version before. */
export function readsBefore({ prevKv, ignoreValue, ignoreLease }: PutRequest): boolean {
  return prevKv || ignoreValue || ignoreLease
}

/** Of a change: its place among the versions of its key. */
interface Placed {
  readonly createRevision: Revision
  readonly version: number
  readonly replaced: ChangeId | undefined
}

/**
 * The changes of one transaction under one new revision, sub-revisions counting up in the order
 * made (etcd's storeTxnWrite). It writes through the caller's SQL transaction; nothing outside
 * learns of it until that has succeeded.
 */
export class Write {
  readonly #sql: Sql
  readonly #begin: Revision
  readonly #heads: RecentHeads
  readonly #rowBytesMax: number
  readonly events: Event[] = []
  readonly created: Uint8Array[] = []
  readonly deleted: Uint8Array[] = []
  /** Of what was asked, see `Operations`. */
  ranges = 0
  puts = 0
  deletes = 0
  putBytes = 0
  #changes = 0
  #bytes = 0

  /** `rowBytesMax` is the most that a row holds of a key and its value. */
  constructor(sql: Sql, begin: Revision, heads: RecentHeads, rowBytesMax: number) {
    this.#sql = sql
    this.#begin = begin
    this.#heads = heads
    this.#rowBytesMax = rowBytesMax
  }

  get changes(): number {
    return this.#changes
  }

  /** What was written, in the unit of `Store.work`. */
  get work(): number {
    return this.#changes + Math.floor(this.#bytes / 1024)
  }

  /** What this transaction reads as the current revision: its own as soon as it changed a thing. */
  get revision(): Revision {
    return this.#changes === 0 ? this.#begin : this.#begin + 1
  }

  /** The caller has checked the request against the state before the transaction. */
  put(request: PutRequest): PutResult {
    const reads = readsBefore(request)
    const old = reads ? currentVersion(this.#sql, request.key) : undefined
    if (old === undefined && (request.ignoreValue || request.ignoreLease)) {
      // It was there before the transaction, which has deleted it since. etcd panics.
      throw new EngineError('key-not-found')
    }
    const value = request.ignoreValue && old !== undefined ? old.value : request.value
    const lease = request.ignoreLease && old !== undefined ? old.lease : request.lease
    this.#put(request.key, value, lease)
    this.ranges += reads ? 1 : 0
    this.puts++
    this.putBytes += request.key.length + value.length
    return { prevKv: request.prevKv ? old : undefined }
  }

  #put(key: Uint8Array, value: Uint8Array, lease: bigint): void {
    // What this transaction has changed is not among them yet.
    const head = this.#changes === 0 ? this.#heads.get(key) : undefined
    const id = this.#next()
    const inline = isInline(value) ? value : null
    const params = [key, id.main, id.sub, id.main, leaseParam(lease), inline] as const
    const { createRevision, version, replaced } = this.#putCurrent(params, head)
    const kv = { key, createRevision, modRevision: id.main, version, value, lease }
    if (inline === null) {
      appendVersion(this.#sql, id, kv, { replaced, rowBytesMax: this.#rowBytesMax })
    }
    if (version === 1) {
      this.created.push(key)
    }
    this.#hold({ type: EventType.PUT, kv, prevKv: undefined, replaced })
  }

  #putCurrent(params: readonly SqlParam[], head: Head | undefined): Placed {
    if (head === undefined) {
      const row = this.#sql.first(PUT_CURRENT_RETURNING, ...params)
      return {
        createRevision: numberOf(row?.[0]),
        version: numberOf(row?.[1]),
        replaced: changeIdOf(row?.[2], row?.[3]),
      }
    }
    this.#sql.run(PUT_CURRENT, ...params)
    return {
      createRevision: head.createRevision,
      version: head.version + 1,
      replaced: { main: head.modRevision, sub: head.sub },
    }
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    this.ranges += request.prevKv ? 1 : 0
    this.deletes++
    if (isPoint(request)) {
      const old = request.prevKv ? currentVersion(this.#sql, request.key) : undefined
      const deleted = this.delete(comparable(request.key)) ? 1 : 0
      return { deleted, prevKvs: old === undefined ? [] : [old] }
    }
    const bounds = boundsOf(request)
    if (isEmpty(bounds)) {
      return { deleted: 0, prevKvs: [] }
    }
    const asked = request.prevKv ? this.#versions(bounds, 'values') : undefined
    const keys = asked?.length ?? this.#count(bounds)
    if (keys > EVENTS_HELD_MAX) {
      this.#deleteRange(bounds, keys)
      return { deleted: keys, prevKvs: asked ?? [] }
    }
    const kvs = asked ?? this.#versions(bounds, 'heads')
    for (const kv of kvs) {
      this.delete(kv.key)
    }
    return { deleted: kvs.length, prevKvs: asked ?? [] }
  }

  /** Deletes what still exists of the keys, in their order. Of a `lease` they are all its keys in byte order. */
  deleteKeys(keys: readonly Uint8Array[], lease: LeaseId | undefined): void {
    this.deletes += keys.length
    if (lease !== undefined && keys.length > EVENTS_HELD_MAX) {
      this.#deleteMany(INSERT_LEASED_TOMBSTONES, DELETE_LEASED, [lease.toString()], keys.length)
      return
    }
    for (const key of keys) {
      this.delete(key)
    }
  }

  /** Answers whether there was such a key. */
  delete(key: Uint8Array): boolean {
    const row = this.#sql.first(DELETE_CURRENT, key)
    if (row === undefined) {
      return false
    }
    const id = this.#next()
    const replaced = { main: numberOf(row[1]), sub: numberOf(row[2]) }
    const kv = tombstone(key, id.main)
    const ended = { ...kv, createRevision: numberOf(row[0]), value: null }
    appendLog(this.#sql, id, ended, replaced)
    this.deleted.push(key)
    this.#hold({ type: EventType.DELETE, kv, prevKv: undefined, replaced })
    return true
  }

  #versions(bounds: Bounds, kind: ScanKind): KeyValue[] {
    const walk = {
      bounds,
      revision: this.revision,
      descending: false,
      kind,
      rows: Infinity,
      bytes: Infinity,
    }
    return [...versions(this.#sql, walk, this.revision)]
  }

  #count(bounds: Bounds): number {
    const statement = bounds.end === undefined ? COUNT_CURRENT_OPEN : COUNT_CURRENT
    return numberOf(this.#sql.first(statement, ...boundsParams(bounds))?.[0])
  }

  #deleteRange(bounds: Bounds, keys: number): void {
    const params = boundsParams(bounds)
    if (bounds.end === undefined) {
      this.#deleteMany(INSERT_TOMBSTONES_OPEN, MASS_DELETE_OPEN, params, keys)
    } else {
      this.#deleteMany(INSERT_TOMBSTONES, MASS_DELETE, params, keys)
    }
  }

  /** Two statements for any number of keys, whose events nobody has to hold. */
  #deleteMany(insert: string, remove: string, params: readonly SqlParam[], keys: number): void {
    if (this.#changes + keys > SUB_MAX) {
      throw new EngineError('request-too-large')
    }
    this.#sql.run(insert, this.#begin + 1, this.#changes, ...params)
    this.#sql.run(remove, ...params)
    this.#changes += keys
  }

  #next(): ChangeId {
    const id = { main: this.#begin + 1, sub: this.#changes++ }
    checkId(id)
    return id
  }

  #hold(event: Event): void {
    this.#bytes += event.kv.key.length + event.kv.value.length
    if (this.events.length < EVENTS_HELD_MAX) {
      this.events.push(event)
    }
  }

  /** Whether `events`, `created` and `deleted` tell all that changed. */
  get complete(): boolean {
    return this.events.length === this.#changes
  }
}
