import { FIRST_ID, ID, mainOf, subOf } from './change-id.ts'
import { EngineError } from './errors.ts'
import { type HashKv, hashKv, type HashScope, hashScope } from './hash.ts'
import { LIMIT, numberOf, type Sql } from './sql.ts'
import type { Revision } from './types.ts'

/** The log rows that one slice passes over, and with them the time that requests wait for it. */
const SLICE_ROWS = 250
/** A larger log is compacted without the hash that etcd keeps of it: reading it all costs too much. */
const HASHED_ROWS_MAX = 50_000
const HASHES_KEPT = 10

export const SELECT_COMPACTION = `
SELECT revision, ${mainOf('cursor')}, ${subOf('cursor')} FROM compaction WHERE one = 1`
const INSERT_COMPACTION = `
INSERT INTO compaction (one, revision, cursor) VALUES (1, ?, ${ID})
ON CONFLICT (one) DO UPDATE SET revision = excluded.revision, cursor = excluded.cursor`
export const SELECT_SLICE_END = `
SELECT ${mainOf('id')}, ${subOf('id')} FROM log WHERE id >= ${ID} AND id < ${FIRST_ID}
ORDER BY id LIMIT 1 OFFSET ?`
const REPLACED = `
  SELECT previous FROM log WHERE id >= ${ID} AND id < ${ID} AND previous IS NOT NULL`
export const DELETE_REPLACED = `
DELETE FROM log WHERE id IN (${REPLACED})`
const SELECT_ANY_PART = 'SELECT 1 FROM value_part LIMIT 1'
export const DELETE_REPLACED_PARTS = `
DELETE FROM value_part WHERE log_id IN (${REPLACED})`
export const DELETE_TOMBSTONES = `
DELETE FROM log WHERE version = 0 AND id >= ${ID} AND id < ${ID} AND id < ${FIRST_ID}`
const SELECT_CHANGES = 'SELECT changes()'
export const SELECT_TOMBSTONE_AT = `
SELECT 1 FROM log WHERE version = 0 AND id >= ${FIRST_ID} AND id < ${FIRST_ID} LIMIT 1`
const COUNT_LOG_UP_TO = `SELECT count(*) FROM (SELECT 1 FROM log ${LIMIT})`

/**
 * Compaction is logical at once and physical in slices. A slice goes over the log's rows up to the
 * compacted revision and deletes what each of them replaced, and tombstones before that revision:
 * one at it is kept, because a watch may still begin there (etcd ≥ 3.4.34). Doing a slice twice
 * changes nothing, so a restart half-way goes on at the last recorded cursor.
 */
export class Compaction {
  readonly #sql: Sql
  #revision: Revision = -1
  /** Everything below it is done: (main, sub). */
  #main = 0
  #sub = 0
  /** No row that a read at this revision or later needs has been deleted. */
  #physical: Revision = -1
  readonly #unhashed: HashScope[] = []
  #hashing: Generator<void, HashKv> | undefined
  readonly #hashes: HashKv[] = []
  #deleted = 0

  constructor(sql: Sql) {
    this.#sql = sql
    const row = sql.first(SELECT_COMPACTION)
    if (row !== undefined) {
      this.#revision = numberOf(row[0])
      this.#main = numberOf(row[1])
      this.#sub = numberOf(row[2])
      this.#physical = this.#revision
    }
  }

  /** −1 if the store was never compacted. */
  get revision(): Revision {
    return this.#revision
  }

  /** The revision from which on reads find all their rows, whatever has been compacted since. */
  get physical(): Revision {
    return this.#physical
  }

  /** Whether no row of that revision or a later one has been deleted: only later rows replace one. */
  keepsAllSince(revision: Revision): boolean {
    return this.#main < revision || (this.#main === revision && this.#sub === 0)
  }

  get pending(): boolean {
    return this.#unhashed.length > 0 || this.#main <= this.#revision
  }

  compact(revision: Revision, current: Revision): void {
    if (revision <= this.#revision) {
      throw new EngineError('compacted')
    }
    if (revision > current) {
      throw new EngineError('future-revision')
    }
    const before = this.#revision
    // Tombstones at the revision compacted before were kept until now.
    const main = Math.min(this.#main, Math.max(before, 0))
    this.#sql.run(INSERT_COMPACTION, revision, main, 0)
    this.#revision = revision
    this.#main = main
    this.#sub = 0
    const rows = numberOf(this.#sql.first(COUNT_LOG_UP_TO, HASHED_ROWS_MAX + 1)?.[0])
    if (rows <= HASHED_ROWS_MAX) {
      this.#unhashed.push(this.#scope(revision, before))
      // Of more than are kept, all but the one in the making would be forgotten anyway.
      this.#unhashed.splice(1, this.#unhashed.length - 1 - HASHES_KEPT)
    }
  }

  /** Of a tombstone at its own revision, a compaction knows that it keeps it (etcd ≥ 3.4.34). */
  #scope(revision: Revision, before: Revision): HashScope {
    const scope = hashScope(this.#sql, revision, before)
    const tombstone = this.#sql.first(SELECT_TOMBSTONE_AT, revision, revision + 1)
    return { ...scope, keeps: scope.keeps || tombstone !== undefined }
  }

  /**
   * One bounded step towards the physical deletion; answers whether more is left. It deletes
   * nothing while a reader is pinned to a revision below the compacted one.
   */
  slice(pinned: Revision | undefined): boolean {
    const unhashed = this.#unhashed[0]
    if (unhashed !== undefined) {
      this.#hash(unhashed)
      return this.pending
    }
    if (!this.pending || (pinned !== undefined && pinned < this.#revision)) {
      return false
    }
    this.#physical = this.#revision
    const row = this.#sql.first(
      SELECT_SLICE_END,
      this.#main,
      this.#sub,
      this.#revision + 1,
      SLICE_ROWS,
    )
    const main = row === undefined ? this.#revision + 1 : numberOf(row[0])
    const sub = row === undefined ? 0 : numberOf(row[1])
    const slice = [this.#main, this.#sub, main, sub]
    this.#sql.transaction(() => {
      // Most stores have none, and to search for them takes a tenth of a slice's time.
      if (this.#sql.first(SELECT_ANY_PART) !== undefined) {
        this.#sql.run(DELETE_REPLACED_PARTS, ...slice)
      }
      this.#sql.run(DELETE_REPLACED, ...slice)
      this.#countDeleted()
      this.#sql.run(DELETE_TOMBSTONES, ...slice, this.#revision)
      this.#countDeleted()
      this.#sql.run(INSERT_COMPACTION, this.#revision, main, sub)
    })
    this.#main = main
    this.#sub = sub
    return this.pending
  }

  #countDeleted(): void {
    this.#deleted += numberOf(this.#sql.first(SELECT_CHANGES)?.[0])
  }

  /** How many versions were deleted since this was made. */
  get deleted(): number {
    return this.#deleted
  }

  /** What etcd remembers of its last compactions, and answers before it hashes anew. */
  *rememberedHash(revision: Revision): Generator<void, HashKv | undefined> {
    const isDue = (): boolean => this.#unhashed.some((scope) => scope.revision === revision)
    for (
      let [oldest] = this.#unhashed;
      oldest !== undefined && isDue();
      [oldest] = this.#unhashed
    ) {
      this.#hash(oldest)
      yield
    }
    return this.#hashes.findLast((hash) => hash.hashRevision === revision)
  }

  /** One step of the oldest hash that is due: nothing is deleted before all are there. */
  #hash(scope: HashScope): void {
    this.#hashing ??= hashKv(this.#sql, scope)
    const step = this.#hashing.next()
    if (step.done !== true) {
      return
    }
    this.#hashing = undefined
    this.#unhashed.shift()
    this.#hashes.push(step.value)
    if (this.#hashes.length > HASHES_KEPT) {
      this.#hashes.shift()
    }
  }
}
