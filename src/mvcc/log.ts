import { checkId, FIRST_ID, ID, mainOf, subOf } from './change-id.ts'
import type { Bounds } from './key-range.ts'
import { bytesOf, numberOf, type Sql, type SqlCell, type SqlParam, type SqlRow } from './sql.ts'
import { type ChangeId, type Event, EventType, type KeyValue, NO_LEASE, type Revision } from './types.ts'

/**
 * A value up to this many bytes stands in the current row too, so that a list reads one tree; a
 * longer one would leave the row's page for overflow pages, and is only in its log row. SQLite
 * keeps about 1,000 bytes of a row in a page of such a tree.
 */
export const INLINE_VALUE_BYTES_MAX = 768

export const UPSERT_CURRENT = `
INSERT INTO current (key, id, create_revision, version, previous, lease, value)
VALUES (?, ${ID}, ?, 1, NULL, ?, ?)
ON CONFLICT (key) DO UPDATE SET previous = id, id = excluded.id, version = version + 1,
  lease = excluded.lease, value = excluded.value
RETURNING create_revision, version, ${mainOf('previous')}, ${subOf('previous')}`

export const INSERT_LOG = `
INSERT INTO log (id, key, create_revision, version, previous, lease, value)
VALUES (${ID}, ?, ?, ?, ${ID}, ?, ?)`

export const DELETE_CURRENT = 'DELETE FROM current WHERE key = ?'

/** A head is what the current tree knows of a key; the value is NULL where it is not inline. */
const HEAD_COLUMNS = `key, create_revision, ${mainOf('id')}, version, lease, ${subOf('id')}`

const VALUE = 'coalesce(value, (SELECT log.value FROM log WHERE log.id = current.id))'

export const SELECT_CURRENT = `SELECT ${HEAD_COLUMNS}, ${VALUE} FROM current WHERE key = ?`

export const SELECT_LEASED_KEYS = 'SELECT key FROM current WHERE lease = ? ORDER BY key'

export const COUNT_CURRENT_OPEN = 'SELECT count(*) FROM current WHERE key >= ?'
export const COUNT_CURRENT = `${COUNT_CURRENT_OPEN} AND key < ?`

export type ScanKind = 'values' | 'heads'

/** Lists of the current tree: bounded or open, forward or backward, with or without values. */
export function scanCurrent(kind: ScanKind, open: boolean, descending: boolean): string {
  return SCANS[(kind === 'values' ? 4 : 0) + (open ? 2 : 0) + (descending ? 1 : 0)] ?? ''
}

const SCANS = ['NULL', VALUE].flatMap((value) =>
  ['key >= ? AND key < ?', 'key >= ?'].flatMap((where) =>
    ['ASC', 'DESC'].map(
      (order) =>
        `SELECT ${HEAD_COLUMNS}, ${value} FROM current WHERE ${where} AND create_revision <= ?
ORDER BY key ${order}`,
    ),
  ),
)

const LOG_COLUMNS = `key, create_revision, ${mainOf('id')}, version, lease, ${subOf('id')}`

/** The tombstones after a revision of generations that lived at it: at most one a key. */
export function scanTombstones(open: boolean, descending: boolean): string {
  return TOMBSTONES[(open ? 2 : 0) + (descending ? 1 : 0)] ?? ''
}

const TOMBSTONES = ['key >= ? AND key < ?', 'key >= ?'].flatMap((where) =>
  ['ASC', 'DESC'].map(
    (order) => `
SELECT ${LOG_COLUMNS} FROM log INDEXED BY log_tombstone
WHERE version = 0 AND ${where} AND id >= ${FIRST_ID} AND create_revision <= ?
ORDER BY key ${order}`,
  ),
)

/** The end of the generation that began at a revision. */
export const FIRST_TOMBSTONE_OF = `
SELECT ${LOG_COLUMNS} FROM log INDEXED BY log_tombstone
WHERE version = 0 AND key = ? AND create_revision = ?`

/**
 * From a change back along `previous` to the version that stood before the revision given last.
 * The chain ends there or at the key's creation, whichever comes first.
 */
export const SELECT_VERSION_BEFORE = `
WITH RECURSIVE chain (id) AS (
  SELECT ${ID}
  UNION ALL
  SELECT log.previous FROM chain JOIN log ON log.id = chain.id
  WHERE chain.id >= ${FIRST_ID} AND log.previous IS NOT NULL
)
SELECT ${LOG_COLUMNS}, value FROM log WHERE id = (SELECT min(id) FROM chain)`

const EVENT_COLUMNS = `${LOG_COLUMNS}, value, ${mainOf('previous')}, ${subOf('previous')}`

export const SELECT_EVENTS_OPEN = `
SELECT ${EVENT_COLUMNS} FROM log
WHERE id >= ${FIRST_ID} AND id < ${FIRST_ID} AND key >= ? ORDER BY id`
export const SELECT_EVENTS = `
SELECT ${EVENT_COLUMNS} FROM log
WHERE id >= ${FIRST_ID} AND id < ${FIRST_ID} AND key >= ? AND key < ? ORDER BY id`

export const SELECT_LAST_REVISION = `SELECT ${mainOf('max(id)')} FROM log`

/** The parameters of a range in the two forms of every bounded statement. */
export function boundsParams(bounds: Bounds): readonly SqlParam[] {
  return bounds.end === undefined ? [bounds.start] : [bounds.start, bounds.end]
}

export function leaseOf(cell: SqlCell | undefined): bigint {
  return typeof cell === 'string' ? BigInt(cell) : NO_LEASE
}

export function leaseParam(lease: bigint): string | null {
  return lease === NO_LEASE ? null : lease.toString()
}

/** Rows whose first seven columns are those of a key's version. */
export function keyValueOf(row: SqlRow): KeyValue {
  return {
    key: bytesOf(row[0]),
    createRevision: numberOf(row[1]),
    modRevision: numberOf(row[2]),
    version: numberOf(row[3]),
    value: bytesOf(row[6] ?? null),
    lease: leaseOf(row[4]),
  }
}

export function changeIdOf(main: SqlCell | undefined, sub: SqlCell | undefined): ChangeId | undefined {
  return main === null ? undefined : { main: numberOf(main), sub: numberOf(sub) }
}

export function appendLog(sql: Sql, id: ChangeId, kv: KeyValue, previous: ChangeId | undefined): void {
  checkId(id)
  sql.run(
    INSERT_LOG,
    id.main,
    id.sub,
    kv.key,
    kv.createRevision,
    kv.version,
    previous?.main ?? null,
    previous?.sub ?? null,
    leaseParam(kv.lease),
    kv.version === 0 ? null : kv.value,
  )
}

/** etcd's delete event carries the key and its revision, nothing else. */
export function tombstone(key: Uint8Array, modRevision: Revision): KeyValue {
  return { key, createRevision: 0, modRevision, version: 0, value: EMPTY, lease: NO_LEASE }
}

const EMPTY = new Uint8Array(0)

/** The events of the revisions from `from` up to, and without, `before`. */
export function* readEvents(
  sql: Sql,
  from: Revision,
  before: Revision,
  bounds: Bounds,
): Iterable<Event> {
  const statement = bounds.end === undefined ? SELECT_EVENTS_OPEN : SELECT_EVENTS
  for (const row of sql.iterate(statement, from, before, ...boundsParams(bounds))) {
    const deleted = row[3] === 0
    yield {
      type: deleted ? EventType.DELETE : EventType.PUT,
      kv: deleted ? tombstone(bytesOf(row[0]), numberOf(row[2])) : keyValueOf(row),
      prevKv: undefined,
      replaced: changeIdOf(row[7], row[8]),
    }
  }
}
