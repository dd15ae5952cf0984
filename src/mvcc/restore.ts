import { FIRST_ID, ID, mainOf, subOf } from './change-id.ts'
import type { Change } from './history.ts'
import {
  appendLog,
  appendVersion,
  changeIdOf,
  DELETE_CURRENT,
  isInline,
  KEY_BYTES_MAX,
  leaseParam,
} from './log.ts'
import { numberOf, type Sql } from './sql.ts'
import type { ChangeId, KeyValue, Revision } from './types.ts'
import { ROW_BYTES_MAX } from './value-parts.ts'

const SELECT_LAST = `SELECT ${mainOf('id')}, ${subOf('id')} FROM log ORDER BY id DESC LIMIT 1`
const SELECT_COMPACTED = 'SELECT revision FROM compaction WHERE one = 1'
const INSERT_COMPACTED = `
INSERT INTO compaction (one, revision, cursor) VALUES (1, ?, ${FIRST_ID})
ON CONFLICT (one) DO UPDATE SET revision = excluded.revision, cursor = excluded.cursor`
/** What an earlier one has left is to go as well. */
const INSERT_SCHEDULED = `
INSERT INTO compaction (one, revision, cursor) VALUES (1, ?, ${FIRST_ID})
ON CONFLICT (one) DO UPDATE SET
  revision = excluded.revision, cursor = min(cursor, excluded.cursor)`

/** As PUT_CURRENT, but for what a version says of itself; nothing comes of one that is not the next. */
const RESTORE_CURRENT = `
INSERT INTO current (key, id, create_revision, version, previous, lease, value, value_length)
VALUES (?, ${ID}, ?, ?, NULL, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET previous = id, id = excluded.id, version = excluded.version,
  lease = excluded.lease, value = excluded.value, value_length = excluded.value_length
WHERE version + 1 = excluded.version AND create_revision = excluded.create_revision
RETURNING ${mainOf('previous')}, ${subOf('previous')}`

/** Changes that are no history of a store. The message says which one is wrong. */
export class BrokenHistory extends Error {
  override readonly name = 'BrokenHistory'
}

/**
 * Writes the history of another store into an empty one, change by change in their order. What a
 * transaction of the caller holds of it is whole; the Store is opened when all of it is there.
 */
export class HistoryRestore {
  readonly #sql: Sql
  readonly #rowBytesMax: number
  #last: ChangeId
  #compacted: Revision

  constructor(sql: Sql, rowBytesMax = ROW_BYTES_MAX) {
    this.#sql = sql
    this.#rowBytesMax = rowBytesMax
    const [main = 0, sub = 0] = sql.first(SELECT_LAST) ?? []
    this.#last = { main: numberOf(main), sub: numberOf(sub) }
    this.#compacted = numberOf(sql.first(SELECT_COMPACTED)?.[0] ?? -1)
  }

  /**
   * To be told before any change, first of the compaction that is finished: of what it superseded nothing
   * is left but the tombstones at its own revision, which are to go with the next one. Of one that is
   * not finished, some of it may be left, and is to go; of such ones more may come later.
   */
  compacted(revision: Revision, finished: boolean): void {
    if (finished) {
      this.#sql.run(INSERT_COMPACTED, revision, revision + 1)
    } else if (revision > this.#compacted) {
      this.#sql.run(INSERT_SCHEDULED, revision, Math.max(this.#compacted, 0))
    }
    this.#compacted = Math.max(this.#compacted, revision)
  }

  /**
   * Raises the revision behind the last change, and compacts all before that, as `etcdutl snapshot restore
   * --bump-revision --mark-compacted` does: who knows of revisions that were lost cannot go on as if nothing
   * were. Nothing where `by` is 0.
   */
  bump(revision: Revision, by: number): void {
    if (by > 0) {
      this.compacted(revision + by, false)
    }
  }

  /** Throws BrokenHistory. */
  change({ main, sub, deleted, kv }: Change<Uint8Array>): void {
    const { main: lastMain, sub: lastSub } = this.#last
    if (main < lastMain || (main === lastMain && sub <= lastSub)) {
      throw new BrokenHistory(`revision ${main} comes behind revision ${lastMain}`)
    }
    if (kv.key.length > KEY_BYTES_MAX) {
      throw new BrokenHistory(`the key of revision ${main} has ${kv.key.length} bytes`)
    }
    const id = { main, sub }
    if (deleted) {
      this.#delete(id, kv.key)
    } else {
      this.#put(id, kv)
    }
    this.#last = id
  }

  #put(id: ChangeId, kv: KeyValue): void {
    const inline = isInline(kv.value) ? kv.value : null
    const row = this.#sql.first(
      RESTORE_CURRENT,
      kv.key,
      id.main,
      id.sub,
      kv.createRevision,
      kv.version,
      leaseParam(kv.lease),
      inline,
      inline === null ? kv.value.length : null,
    )
    if (row === undefined) {
      throw new BrokenHistory(`revision ${id.main} is not the next version of its key`)
    }
    const [main = null, sub = null] = row
    const replaced = changeIdOf(main, sub)
    const isFirst = kv.version === 1 && kv.createRevision === id.main
    // What a compacted version replaced may be gone.
    if (replaced === undefined && !isFirst && id.main > this.#compacted) {
      throw new BrokenHistory(`revision ${id.main} replaces a version that is not there`)
    }
    if (inline === null) {
      appendVersion(this.#sql, id, kv, { replaced, rowBytesMax: this.#rowBytesMax })
    }
  }

  #delete(id: ChangeId, key: Uint8Array): void {
    const row = this.#sql.first(DELETE_CURRENT, key)
    if (row === undefined && id.main > this.#compacted) {
      throw new BrokenHistory(`revision ${id.main} deletes a key that is not there`)
    }
    const [createRevision = 0, main = null, sub = null] = row ?? []
    appendLog(
      this.#sql,
      id,
      { key, createRevision: numberOf(createRevision), version: 0, lease: 0n, value: null },
      changeIdOf(main, sub),
    )
  }
}
