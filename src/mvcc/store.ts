import { Compaction } from './compaction.ts'
import { type CopiedCurrent, copyCurrent } from './current-copy.ts'
import { EngineError } from './errors.ts'
import { type FollowedRevision, followRevisions } from './followed-revision.ts'
import { type HashKv, hashKv, hashScope } from './hash.ts'
import { HashedHistory } from './hashed-history.ts'
import { type Change, changesBetween, changeSizesUpTo, changesUpTo, replacedIn } from './history.ts'
import { KeyCount } from './key-count.ts'
import { type Bounds, boundsOf } from './key-range.ts'
import { type CopiedMost, type CopiedRows, copyRows } from './log-copy.ts'
import {
  eventOf,
  readLog,
  SELECT_LAST_REVISION,
  SELECT_LEASED_KEYS,
  SELECT_LEASED_KEYS_AFTER,
} from './log.ts'
import { Operations } from './operations.ts'
import type { PackedPage } from './packed-page.ts'
import type { RangeCursor, RangePage, RangeView, SizedPage } from './range-page.ts'
import { checkRange, isSorted, readPackedRange, readRange, sizeRange } from './range.ts'
import { ReadBudget } from './read-budget.ts'
import { RecentHeads } from './recent-heads.ts'
import { SortedRanges } from './sorted-ranges.ts'
import { bytesOf, numberOf, type Sql } from './sql.ts'
import { checkDeleteRange, checkPut, checkTxn } from './txn-check.ts'
import { TxnReads } from './txn-reads.ts'
import {
  applyTxn,
  checkPutState,
  decideTxn,
  isReadOnly,
  needsNoSavepoint,
  type TxnState,
} from './txn.ts'
import type {
  ChangeId,
  DeleteRangeRequest,
  DeleteRangeResult,
  Event,
  KeyValue,
  LeaseId,
  Length,
  PutRequest,
  PutResult,
  RangeRequest,
  Revision,
  TxnRequest,
  TxnResult,
} from './types.ts'
import { ROW_BYTES_MAX } from './value-parts.ts'
import { countBefore, currentVersion, versionBefore } from './versions.ts'
import { isOneStatement, Write } from './write.ts'

/** 'many' stands for more events than are worth holding: they are in the log. */
export type Changed = (revision: Revision, events: readonly Event[] | 'many') => void

export interface StoreOptions {
  /** The operations of one transaction, compares counted apart (etcd's --max-txn-ops). */
  readonly txnOpsMax: number
  hasLease(lease: LeaseId): boolean
  /** Called after each transaction that changed something, before its answer is returned. */
  readonly changed: Changed
}

/**
 * One keyspace: a multi-version store over SQLite, as etcd's mvcc is one over bbolt. Every method
 * is synchronous and either does all it answers or throws and does nothing. The current revision
 * is the log's own last one; a fresh store is at 1.
 */
export class Store {
  readonly #sql: Sql
  readonly #options: StoreOptions
  readonly #compaction: Compaction
  readonly #count: KeyCount
  readonly #heads = new RecentHeads()
  /** Since this store was opened. */
  readonly operations = new Operations()
  readonly #sorted = new SortedRanges()
  readonly #rowBytesMax: number
  #revision: Revision
  #work = 0

  constructor(sql: Sql, options: StoreOptions, rowBytesMax = ROW_BYTES_MAX) {
    this.#sql = sql
    this.#options = options
    this.#rowBytesMax = rowBytesMax
    this.#compaction = new Compaction(sql)
    this.#count = new KeyCount(sql)
    this.#revision = this.#lastRevision()
  }

  /**
   * That of the last change, which no compaction takes away, be it a deletion. One of etcd before 3.4.34
   * does, so a store that was made from its file may have nothing left of the compacted revision.
   */
  #lastRevision(): Revision {
    const last = this.#sql.first(SELECT_LAST_REVISION)?.[0] ?? null
    return Math.max(last === null ? 1 : numberOf(last), this.#compaction.revision)
  }

  get revision(): Revision {
    return this.#revision
  }

  get compactRevision(): Revision {
    return this.#compaction.revision
  }

  /**
   * What was done so far: rows read by ranges, whether answered or passed over, and changes made; each
   * KiB of their keys and values counts as one more. What a turn does is measured by it.
   */
  get work(): number {
    return this.#work
  }

  /** How many keys live now. */
  get keys(): number {
    return this.#count.count({ start: new Uint8Array(0), end: undefined })
  }

  /**
   * The first page of a range's answer: what comes of reading about `bytesMax` of keys and values, and
   * `rowsMax` of them at most.
   */
  range(request: RangeRequest, bytesMax: number, rowsMax = Infinity): RangePage {
    checkRange(request)
    const cursor = this.#firstCursor(request)
    return this.#read(request, cursor, new ReadBudget(bytesMax, rowsMax))
  }

  #firstCursor(request: RangeRequest): RangeCursor {
    this.operations.ranges++
    const revision = this.#readable(request.revision)
    return { revision, after: undefined, skip: 0, left: Math.max(request.limit, 0) }
  }

  /**
   * A further page, at the revision of the first. A compaction meanwhile does not end the answer,
   * unless the rows are physically gone because nobody kept them pinned.
   */
  rangeNext(
    request: RangeRequest,
    cursor: RangeCursor,
    bytesMax: number,
    rowsMax = Infinity,
  ): RangePage {
    this.#requireRows(cursor)
    return this.#read(request, cursor, new ReadBudget(bytesMax, rowsMax))
  }

  #requireRows(cursor: RangeCursor): void {
    if (cursor.revision < this.#compaction.physical) {
      this.endRange(cursor)
      throw new EngineError('compacted')
    }
  }

  /** `range` for who writes it down: packed, where that is all that can be. */
  rangePacked(request: RangeRequest, bytesMax: number, rowsMax: number): RangePage | PackedPage {
    checkRange(request)
    const cursor = this.#firstCursor(request)
    return this.#readPacked(request, cursor, new ReadBudget(bytesMax, rowsMax))
  }

  /** The same of a further page. */
  rangeNextPacked(
    request: RangeRequest,
    cursor: RangeCursor,
    bytesMax: number,
    rowsMax: number,
  ): RangePage | PackedPage {
    this.#requireRows(cursor)
    return this.#readPacked(request, cursor, new ReadBudget(bytesMax, rowsMax))
  }

  #readPacked(
    request: RangeRequest,
    cursor: RangeCursor,
    budget: ReadBudget,
  ): RangePage | PackedPage {
    const packed = isSorted(request)
      ? undefined
      : readPackedRange(this.#view(), request, cursor, budget)
    if (packed === undefined) {
      return this.#read(request, cursor, budget)
    }
    this.#work += budget.work
    return packed
  }

  /**
   * What the pages behind the first will have, as far as lengths go, from the cursor on and in pages of its
   * own. An answer in another order than the keys' is sorted and read for it; its first cursor is one without `order`.
   */
  sizeRange(
    request: RangeRequest,
    cursor: RangeCursor,
    bytesMax: number,
    rowsMax: number,
  ): SizedPage {
    if (isSorted(request)) {
      return this.rangeNext(request, cursor, bytesMax, rowsMax)
    }
    this.#requireRows(cursor)
    // No bytes of values are read.
    const budget = new ReadBudget(Infinity, rowsMax)
    const page = sizeRange(this.#view(), request, cursor, budget)
    this.#work += budget.work
    return page
  }

  /** Nobody reads on at the cursor: what memory holds for that goes. */
  endRange(cursor: Pick<RangeCursor, 'order'>): void {
    this.#sorted.end(cursor)
  }

  #read(request: RangeRequest, cursor: RangeCursor, budget: ReadBudget): RangePage {
    const view = this.#view()
    const page = isSorted(request)
      ? this.#sorted.page(view, request, cursor, budget)
      : readRange(view, request, cursor, budget)
    this.#work += budget.work
    return page
  }

  #view(): RangeView {
    return {
      sql: this.#sql,
      current: this.#revision,
      count: (range, revision) => this.#countKeys(boundsOf(range), revision),
    }
  }

  #countKeys(bounds: Bounds, revision: Revision): number {
    const keys = this.#count.count(bounds)
    const age = this.#revision - revision
    return age === 0 ? keys : countBefore(this.#sql, bounds, { revision, age, keys })
  }

  /** The revision that a read speaks of: 0 and below are the current one. */
  #readable(revision: Revision): Revision {
    if (revision <= 0) {
      return this.#revision
    }
    if (revision > this.#revision) {
      throw new EngineError('future-revision')
    }
    if (revision < this.#compaction.revision) {
      throw new EngineError('compacted')
    }
    return revision
  }

  put(request: PutRequest): PutResult {
    checkPut(request)
    try {
      checkPutState(this.#state(), request)
    } catch (error) {
      // Nothing may have been read yet: memory alone must not answer.
      currentVersion(this.#sql, new Uint8Array(0), 'heads')
      throw error
    }
    return this.#write((write) => write.put(request), isOneStatement(request))
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResult {
    checkDeleteRange(request)
    return this.#write((write) => write.deleteRange(request, (versions) => versions))
  }

  /** The same, but that the caller reads what was deleted itself, as `replaced` of the new revision. */
  deleteRangeFirst(request: DeleteRangeRequest): DeleteRangeResult {
    checkDeleteRange(request)
    return this.#write((write) => write.deleteRange(request))
  }

  /**
   * What the changes of a revision have replaced, in their order, read as it is asked for. While it is
   * read, nothing may be compacted.
   */
  replaced(revision: Revision): Iterable<KeyValue> {
    return replacedIn(this.#sql, revision)
  }

  txn(request: TxnRequest): TxnResult {
    checkTxn(request, this.#options.txnOpsMax)
    const state = this.#state()
    const reads = new TxnReads(this.#sql, (bounds, revision) => this.#countKeys(bounds, revision))
    try {
      const taken = decideTxn(state, reads, request)
      const apply = (write: Write): TxnResult => {
        const result = applyTxn(reads, write, request, taken)
        // etcd compares in a transaction of its own, unless the other one only reads as well.
        if (isReadOnly(request)) {
          write.ranges += state.reads
        } else {
          this.operations.addRanges(state.reads)
        }
        return result
      }
      return this.#write(apply, needsNoSavepoint(request, taken))
    } finally {
      this.#work += reads.work
    }
  }

  /** Deletes what still exists of the keys, all in one revision, in their order. */
  deleteKeys(keys: readonly Uint8Array[]): void {
    this.#write((write) => write.deleteKeys(keys))
  }

  /** Deletes the keys of a lease, all in one revision, in byte order. */
  deleteLeased(lease: LeaseId): void {
    this.#write((write) => write.deleteLeased(lease))
  }

  /** Rows of the log behind a change, up to a revision, for another store. */
  copyRows(after: ChangeId, until: Revision, most?: CopiedMost): CopiedRows {
    return copyRows(this.#sql, after, until, most)
  }

  /** What stands at a revision, of keys behind `after`: a piece of it. */
  copyCurrent(revision: Revision, after: Uint8Array | undefined, rows?: number): CopiedCurrent {
    const at = { revision: this.#readable(revision), current: this.#revision }
    return copyCurrent(this.#sql, after, at, rows)
  }

  /** The keys attached to a lease, in byte order. */
  leasedKeys(lease: LeaseId): readonly Uint8Array[] {
    return this.#sql.all(SELECT_LEASED_KEYS, lease.toString()).map((row) => bytesOf(row[0]))
  }

  /** Up to `max` of them behind the key `after`; the first ones behind the empty key. */
  leasedKeysAfter(lease: LeaseId, after: Uint8Array, max: number): readonly Uint8Array[] {
    const rows = this.#sql.all(SELECT_LEASED_KEYS_AFTER, lease.toString(), after, max)
    return rows.map((row) => bytesOf(row[0]))
  }

  compact(revision: Revision): void {
    this.#compaction.compact(revision, this.#revision)
  }

  /** How many versions compactions have deleted since this store was opened. */
  get compactedVersions(): number {
    return this.#compaction.deleted
  }

  /** Whether no row of that revision or a later one has been deleted. */
  keepsAllSince(revision: Revision): boolean {
    return this.#compaction.keepsAllSince(revision)
  }

  get compactionPending(): boolean {
    return this.#compaction.pending
  }

  /** `pinned` is the lowest revision that a paged answer still reads. Answers whether more is left. */
  compactSlice(pinned: Revision | undefined): boolean {
    return this.#compaction.slice(pinned)
  }

  /**
   * HashKV of a revision, 0 for the current one, as a generator that pauses between bounded steps.
   * While it runs, the caller keeps `compactRevision` pinned.
   */
  *hashKv(revision: Revision): Generator<void, HashKv> {
    const remembered = yield* this.#compaction.rememberedHash(revision)
    if (remembered !== undefined) {
      return remembered
    }
    if (revision > 0 && revision < this.compactRevision) {
      throw new EngineError('compacted')
    }
    if (revision > this.#revision) {
      throw new EngineError('future-revision')
    }
    const at = revision === 0 ? this.#revision : revision
    return yield* hashKv(this.#sql, hashScope(this.#sql, at, this.compactRevision))
  }

  /**
   * The events from revision `from` on and before `before` whose keys are in bounds, in order, read
   * as they are asked for.
   */
  *events(from: Revision, bounds: Bounds, before = this.#revision + 1): Iterable<Event> {
    for (const row of readLog(this.#sql, from, before, bounds)) {
      yield eventOf(this.#sql, row)
    }
  }

  /**
   * All that is kept of the changes up to a revision, in order, read as they are asked for. While it
   * is read, nothing may be compacted.
   */
  changes(until: Revision): Iterable<Change<Uint8Array>> {
    return changesUpTo(this.#sql, until)
  }

  /** The same up to the current revision, with the hash of what was read. */
  hashedHistory(): HashedHistory {
    const scope = hashScope(this.#sql, this.#revision, this.compactRevision)
    return new HashedHistory(this.#sql, scope)
  }

  /** The same from a revision on. */
  changesBetween(from: Revision, to: Revision): Iterable<Change<Uint8Array>> {
    return changesBetween(this.#sql, from, to)
  }

  /** The lengths of what `changes` answers. */
  changeSizes(until: Revision): Iterable<Change<Length>> {
    return changeSizesUpTo(this.#sql, until)
  }

  /** The version before the event's transaction, unless that revision has been compacted. */
  previous(event: Event): KeyValue | undefined {
    const revision = event.kv.modRevision
    if (event.replaced === undefined || revision - 1 < this.compactRevision) {
      return undefined
    }
    return versionBefore(this.#sql, event.replaced, revision)
  }

  #state(): TxnState {
    return {
      sql: this.#sql,
      revision: this.#revision,
      compactRevision: this.compactRevision,
      reads: 0,
      hasLease: (lease) => this.#options.hasLease(lease),
      remembered: (key) => this.#heads.version(key),
    }
  }

  /**
   * The one place where a transaction becomes the store's new state and is told of. What is atomic
   * by itself goes without a savepoint, which takes as long as a third of a put.
   */
  #write<T>(body: (write: Write) => T extends Promise<unknown> ? never : T, isAtomic = false): T {
    const write = new Write(this.#sql, this.#revision, this.#heads, this.#rowBytesMax)
    const result: T = isAtomic ? body(write) : this.#sql.transaction<T>(() => body(write))
    this.operations.add(write)
    if (write.changes > 0) {
      this.#work += write.work
      this.#remember(write)
      this.#tell(write)
    }
    return result
  }

  #remember({ complete, events, created, deleted }: Written): void {
    if (complete) {
      this.#heads.changed(events)
      this.#count.changed(created, deleted)
    } else {
      this.#forget()
    }
  }

  #forget(): void {
    this.#count.forget()
    this.#heads.forget()
  }

  #tell({ revision, complete, events }: Written): void {
    this.#revision = revision
    this.#options.changed(revision, complete ? events : 'many')
  }

  /**
   * Writes what another store has made behind this one's revision, revision by revision: all of it in one transaction.
   * Throws BrokenHistory where that does not follow from it.
   */
  follow(changes: Iterable<Change<Uint8Array>>): void {
    const parts = {
      heads: this.#heads,
      rowBytesMax: this.#rowBytesMax,
      remember: (one: Written) => this.#remember(one),
    }
    let followed: readonly FollowedRevision[]
    try {
      followed = this.#sql.transaction(() =>
        followRevisions(this.#sql, this.#revision, changes, parts),
      )
    } catch (error) {
      this.#forget()
      throw error
    }
    for (const one of followed) {
      this.#work += one.work
      this.#tell(one)
    }
  }
}

/** What a revision has become of. */
type Written = Pick<Write, 'revision' | 'complete' | 'events' | 'created' | 'deleted'>
