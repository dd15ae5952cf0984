import { checkId, SUB_MAX } from './change-id.ts'
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
  COUNT_LEASED,
  DELETE_CURRENT,
  isInline,
  leaseParam,
  PUT_CURRENT,
  PUT_CURRENT_RETURNING,
  type ScanKind,
  SELECT_LEASED_KEYS,
  tombstone,
} from './log.ts'
import type { Head, RecentHeads } from './recent-heads.ts'
import { bytesOf, numberOf, type Sql, type SqlParam } from './sql.ts'
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
export const EVENTS_HELD_MAX = 10_000

/** Their ids follow on the last one of the log, which has to be of this transaction. */
const tombstonesOf = (where: string): string => `
INSERT INTO log (key, create_revision, version, previous)
SELECT key, create_revision, 0, id FROM current WHERE ${where} ORDER BY key`
export const INSERT_TOMBSTONES_OPEN = tombstonesOf('key >= ?')
export const INSERT_TOMBSTONES = tombstonesOf('key >= ? AND key < ?')
export const INSERT_LEASED_TOMBSTONES = tombstonesOf('lease = ?')
export const FIRST_KEY_OPEN = 'SELECT key FROM current WHERE key >= ? ORDER BY key LIMIT 1'
export const FIRST_KEY = 'SELECT key FROM current WHERE key >= ? AND key < ? ORDER BY key LIMIT 1'
export const FIRST_LEASED_KEY = 'SELECT key FROM current WHERE lease = ? ORDER BY key LIMIT 1'
export const DELETE_LEASED = 'DELETE FROM current WHERE lease = ?'
export const MASS_DELETE_OPEN = 'DELETE FROM current WHERE key >= ?'
export const MASS_DELETE = `${MASS_DELETE_OPEN} AND key < ?`

/** How the keys of a condition are deleted, however many they are. */
interface Mass {
  readonly first: string
  readonly insert: string
  readonly remove: string
}

const THE_OPEN: Mass = {
  first: FIRST_KEY_OPEN,
  insert: INSERT_TOMBSTONES_OPEN,
  remove: MASS_DELETE_OPEN,
}
const THE_BOUNDED: Mass = { first: FIRST_KEY, insert: INSERT_TOMBSTONES, remove: MASS_DELETE }
const THE_LEASED: Mass = {
  first: FIRST_LEASED_KEY,
  insert: INSERT_LEASED_TOMBSTONES,
  remove: DELETE_LEASED,
}

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
    const length = inline === null ? value.length : null
    const params = [key, id.main, id.sub, id.main, leaseParam(lease), inline, length] as const
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

  /** `read` passes on the versions that are answered; without it the caller reads those of a range itself. */
  deleteRange(
    request: DeleteRangeRequest,
    read?: (versions: Iterable<KeyValue>) => Iterable<KeyValue>,
  ): DeleteRangeResult {
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
    const asked = request.prevKv && read ? [...read(this.#versions(bounds, 'values'))] : undefined
    const keys = asked?.length ?? this.#count(bounds)
    if (keys > EVENTS_HELD_MAX) {
      const params = boundsParams(bounds)
      const isOpen = bounds.end === undefined
      this.#deleteMany(isOpen ? THE_OPEN : THE_BOUNDED, params, keys)
      return { deleted: keys, prevKvs: asked ?? [] }
    }
    const kvs = asked ?? [...this.#versions(bounds, 'heads')]
    for (const kv of kvs) {
      this.delete(kv.key)
    }
    return { deleted: kvs.length, prevKvs: asked ?? [] }
  }

  /** Deletes what still exists of the keys, in their order. */
  deleteKeys(keys: readonly Uint8Array[]): void {
    this.deletes += keys.length
    for (const key of keys) {
      this.delete(key)
    }
  }

  /** Deletes the keys of a lease, in byte order. */
  deleteLeased(lease: LeaseId): void {
    const params = [lease.toString()]
    const keys = numberOf(this.#sql.first(COUNT_LEASED, ...params)?.[0])
    if (keys > EVENTS_HELD_MAX) {
      this.deletes += keys
      this.#deleteMany(THE_LEASED, params, keys)
    } else {
      this.deleteKeys(this.#sql.all(SELECT_LEASED_KEYS, ...params).map((row) => bytesOf(row[0])))
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

  #versions(bounds: Bounds, kind: ScanKind): Iterable<KeyValue> {
    const walk = {
      bounds,
      revision: this.revision,
      descending: false,
      kind,
      rows: Infinity,
      bytes: Infinity,
    }
    return versions(this.#sql, walk, this.revision)
  }

  #count(bounds: Bounds): number {
    const statement = bounds.end === undefined ? COUNT_CURRENT_OPEN : COUNT_CURRENT
    return numberOf(this.#sql.first(statement, ...boundsParams(bounds))?.[0])
  }

  /** A few statements for any number of keys, whose events nobody has to hold. */
  #deleteMany({ first, insert, remove }: Mass, params: readonly SqlParam[], keys: number): void {
    if (this.#changes + keys > SUB_MAX) {
      throw new EngineError('request-too-large')
    }
    // Where it is the first change of the transaction, it begins the ids.
    this.delete(bytesOf(this.#sql.first(first, ...params)?.[0]))
    this.#sql.run(insert, ...params)
    this.#sql.run(remove, ...params)
    this.#changes += keys - 1
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
