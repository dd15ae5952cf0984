import type { AutoCompaction } from '../config/auto-compaction.ts'
import { numberOf } from '../mvcc/sql.ts'
import type { Revision } from '../mvcc/types.ts'
import type { Keyspace } from './keyspace.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** How often etcd's revision mode looks (server/etcdserver/api/v3compactor/revision.go). */
const REVISION_INTERVAL_MS = 5 * MINUTE_MS

const INSERT_SAMPLE = 'INSERT OR REPLACE INTO auto_compaction (time, revision) VALUES (?, ?)'
const SELECT_SAMPLE = 'SELECT max(revision) FROM auto_compaction WHERE time <= ?'
const SELECT_LAST_SAMPLE = 'SELECT max(revision) FROM auto_compaction'
const DELETE_SAMPLES = 'DELETE FROM auto_compaction WHERE time < ?'

/**
 * --auto-compaction-mode and -retention. Revision mode keeps so many revisions; periodic mode keeps
 * what is younger than the retention, and looks every hour, or as often as a shorter retention says
 * (api/v3compactor/periodic.go). What periodic mode knows of the past is in the storage, because
 * between two looks the object is rarely in memory.
 */
export class AutoCompactor {
  readonly #keyspace: Keyspace
  readonly #settings: AutoCompaction

  constructor(keyspace: Keyspace, settings: AutoCompaction) {
    this.#keyspace = keyspace
    this.#settings = settings
  }

  get intervalMs(): number {
    return this.#settings.mode === 'revision'
      ? REVISION_INTERVAL_MS
      : Math.min(this.#settings.retentionMs, HOUR_MS)
  }

  /** Whether there is history that a later look could compact. */
  get wanted(): boolean {
    const { store } = this.#keyspace
    const kept = this.#settings.mode === 'revision' ? this.#settings.retentionRevisions : 0
    return store.revision - kept > Math.max(store.compactRevision, 1)
  }

  /** Answers whether it has compacted. */
  run(now: number): boolean {
    const revision = this.#due(now)
    const { store } = this.#keyspace
    if (revision <= store.compactRevision || revision < 1) {
      return false
    }
    store.compact(revision)
    return true
  }

  #due(now: number): Revision {
    const { sql, store } = this.#keyspace
    if (this.#settings.mode === 'revision') {
      return store.revision - this.#settings.retentionRevisions
    }
    const before = now - this.#settings.retentionMs
    const due = sql.first(SELECT_SAMPLE, before)?.[0] ?? null
    if (store.revision > numberOf(sql.first(SELECT_LAST_SAMPLE)?.[0] ?? 0)) {
      sql.run(INSERT_SAMPLE, now, store.revision)
    }
    if (due === null) {
      return 0
    }
    // The sample at the edge stays: the next look may still be too early for the one after it.
    sql.run(DELETE_SAMPLES, before - this.intervalMs)
    return numberOf(due)
  }
}
