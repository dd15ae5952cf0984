import { jurisdictions, locationHints, type KeyspaceOptions } from '../config/keyspace-options.ts'
import { assert } from '../mvcc/errors.ts'
import { numberOf, type Sql, type SqlCell, type SqlRow, textOf } from '../mvcc/sql.ts'
import type { ChangedOptions } from '../protocol/shard-rpc.ts'
import type { KeyspaceEntry } from './directory-rpc.ts'

const COLUMNS = `
  name, state, created, quota_backend_bytes, auto_compaction_mode, auto_compaction_retention,
  location_hint, jurisdiction, restore, enable_v2`
const SELECT_ONE = `SELECT ${COLUMNS} FROM keyspace WHERE name = ?`
/** What is being restored is no keyspace yet, and never was one when it is given up. */
const SELECT_PAGE = `
SELECT ${COLUMNS} FROM keyspace WHERE name > ? AND (restore IS NULL OR state = 'ready')
ORDER BY name LIMIT ?`
const SELECT_UNFINISHED = `
SELECT ${COLUMNS} FROM keyspace INDEXED BY keyspace_unfinished
WHERE state <> 'ready' AND name > ? ORDER BY name LIMIT ?`
const INSERT = `INSERT INTO keyspace (${COLUMNS}) VALUES (?, 'creating', ?, ?, ?, ?, ?, ?, ?, ?)`
const UPDATE_READY = `UPDATE keyspace SET state = 'ready' WHERE name = ? AND state = 'creating'`
const UPDATE_OPTIONS = `
UPDATE keyspace SET quota_backend_bytes = ?, auto_compaction_mode = ?, auto_compaction_retention = ?, enable_v2 = ?
WHERE name = ? AND state = 'creating'`
const UPDATE_V2 = 'UPDATE keyspace SET enable_v2 = ?, untold = 1 WHERE name = ?'
const UPDATE_TOLD = 'UPDATE keyspace SET untold = 0 WHERE name = ? AND enable_v2 IS ?'
const SELECT_UNTOLD = `
SELECT name FROM keyspace INDEXED BY keyspace_untold WHERE untold = 1 ORDER BY name LIMIT ?`
const SELECT_IS_UNTOLD = 'SELECT untold FROM keyspace WHERE name = ?'
const UPDATE_DELETING = `UPDATE keyspace SET state = 'deleting' WHERE name = ?`
const DELETE = `DELETE FROM keyspace WHERE name = ? AND state = 'deleting'`

const states = ['creating', 'ready', 'deleting'] as const
const modes = ['periodic', 'revision'] as const

/**
 * The keyspaces of a deployment, and what is still to be done to them: a keyspace is `creating`, then
 * `ready`, then `deleting`, then gone. Each step is recorded before it is taken.
 */
export class KeyspaceTable {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get(name: string): KeyspaceEntry | undefined {
    const row = this.#sql.first(SELECT_ONE, name)
    return row && entryOf(row)
  }

  /** In the order of their names, those after `after`. */
  list(after: string, limit: number): readonly KeyspaceEntry[] {
    return this.#sql.all(SELECT_PAGE, after, limit).map(entryOf)
  }

  /** The same, of those that are to become ready or gone. */
  unfinished(after: string, limit: number): readonly KeyspaceEntry[] {
    return this.#sql.all(SELECT_UNFINISHED, after, limit).map(entryOf)
  }

  /**
   * There must be none of that name. `now` is in milliseconds since 1970, `restore` the id of the restore
   * that makes it.
   */
  beginCreation(name: string, options: KeyspaceOptions, now: number, restore?: string): void {
    this.#sql.run(
      INSERT,
      name,
      now,
      options.quotaBackendBytes ?? null,
      options.autoCompactionMode ?? null,
      options.autoCompactionRetention ?? null,
      options.locationHint ?? null,
      options.jurisdiction ?? null,
      restore ?? null,
      cellOf(options.enableV2),
    )
  }

  /** Does nothing where its deletion has begun meanwhile. */
  endCreation(name: string): void {
    this.#sql.run(UPDATE_READY, name)
  }

  /** The same of one that was restored, whose options are then known. */
  endRestore(name: string, options: KeyspaceOptions): void {
    this.#sql.run(
      UPDATE_OPTIONS,
      options.quotaBackendBytes ?? null,
      options.autoCompactionMode ?? null,
      options.autoCompactionRetention ?? null,
      cellOf(options.enableV2),
      name,
    )
    this.endCreation(name)
  }

  /** Of a keyspace that is ready; its objects are to be told. */
  change(name: string, { enableV2 }: ChangedOptions): void {
    this.#sql.run(UPDATE_V2, cellOf(enableV2), name)
  }

  /** Its objects know. */
  told(name: string, { enableV2 }: ChangedOptions): void {
    this.#sql.run(UPDATE_TOLD, name, cellOf(enableV2))
  }

  isUntold(name: string): boolean {
    return this.#sql.first(SELECT_IS_UNTOLD, name)?.[0] === 1
  }

  /** Names of keyspaces whose objects are to be told. */
  untold(limit: number): readonly string[] {
    return this.#sql.all(SELECT_UNTOLD, limit).map(([name]) => textOf(name))
  }

  beginDeletion(name: string): void {
    this.#sql.run(UPDATE_DELETING, name)
  }

  endDeletion(name: string): void {
    this.#sql.run(DELETE, name)
  }
}

function entryOf([
  name,
  state,
  created,
  quota,
  mode,
  retention,
  hint,
  place,
  restore,
  enableV2,
]: SqlRow): KeyspaceEntry {
  return {
    name: textOf(name),
    state: oneOf(states, state),
    created: numberOf(created),
    ...(restore !== null && { restore: textOf(restore) }),
    options: {
      ...(quota !== null && { quotaBackendBytes: numberOf(quota) }),
      ...(mode !== null && { autoCompactionMode: oneOf(modes, mode) }),
      ...(retention !== null && { autoCompactionRetention: textOf(retention) }),
      ...(enableV2 !== null && { enableV2: enableV2 === 1 }),
      ...(hint !== null && { locationHint: oneOf(locationHints, hint) }),
      ...(place !== null && { jurisdiction: oneOf(jurisdictions, place) }),
    },
  }
}

function cellOf(flag: boolean | undefined): number | null {
  return flag === undefined ? null : Number(flag)
}

function oneOf<T extends string>(values: readonly T[], cell: SqlCell | undefined): T {
  const found = values.find((value) => value === cell)
  assert(found !== undefined, `a column of keyspace holds none of ${values.join()}`)
  return found
}
