import { FIRST_ID, ID, mainOf, SUB_MAX, subOf } from './change-id.ts'
import { type Bounds, successor } from './key-range.ts'
import {
  packed,
  packedKeys,
  packedSizes,
  PACKED_VALUE_BYTES_MAX,
  type ScannedRow,
  scanPacked,
  EVERYTHING,
} from './packed-rows.ts'
import {
  bytesOf,
  LIMIT,
  numberOf,
  type Sql,
  type SqlCell,
  type SqlParam,
  type SqlRow,
} from './sql.ts'
import {
  type ChangeId,
  type Event,
  EventType,
  type KeyValue,
  NO_LEASE,
  type Revision,
  type Sized,
} from './types.ts'
import { insertParts, joinedParts, ROW_BYTES_MAX, SUM_PART_LENGTHS } from './value-parts.ts'

/**
 * A value up to this many bytes stands in the current row too, so that a list reads one tree; a
 * longer one would leave the row's page for overflow pages, and is only in its log row. SQLite
 * keeps about 1,000 bytes of a row in a page of such a tree.
 */
export const INLINE_VALUE_BYTES_MAX = 768

export function isInline(value: Uint8Array): boolean {
  return value.length <= INLINE_VALUE_BYTES_MAX
}

/** A key stands in one row. Longer ones are refused, and none is found. */
export const KEY_BYTES_MAX = ROW_BYTES_MAX

/** A trigger appends the change to the log, unless the value is NULL (migrations/0010_put_trigger.sql). */
export const PUT_CURRENT = `
INSERT INTO current (key, id, create_revision, version, previous, lease, value, value_length)
VALUES (?, ${ID}, ?, 1, NULL, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET previous = id, id = excluded.id, version = version + 1,
  lease = excluded.lease, value = excluded.value, value_length = excluded.value_length`

/** The same for a key of which nothing is known. */
export const PUT_CURRENT_RETURNING = `${PUT_CURRENT}
RETURNING create_revision, version, ${mainOf('previous')}, ${subOf('previous')}`

const INSERT_LOG = `
INSERT INTO log (id, key, create_revision, version, previous, lease, value)
VALUES (${ID}, ?, ?, ?, ${ID}, ?, ?)`

export const DELETE_CURRENT = `
DELETE FROM current WHERE key = ? RETURNING create_revision, ${mainOf('id')}, ${subOf('id')}`

/** A head is what the current tree knows of a key; the value is NULL where it is not inline. */
const HEAD_COLUMNS = `
key, create_revision, ${mainOf('id')} AS main, version, lease, ${subOf('id')} AS sub`

/** By CASE, because workerd takes twice as long for the same as a coalesce(). */
function valueOr(fromLog: string): string {
  return `
CASE WHEN value IS NULL THEN (SELECT ${fromLog} FROM log WHERE log.id = current.id) ELSE value END`
}

const VALUE = valueOr('log.value')

export const SELECT_CURRENT = `SELECT ${HEAD_COLUMNS}, ${VALUE} FROM current WHERE key = ?`

export const SELECT_HEAD = `SELECT ${HEAD_COLUMNS} FROM current WHERE key = ?`

export const SHORT_LOG_VALUE = `CASE WHEN length(log.value) <= ${PACKED_VALUE_BYTES_MAX} THEN log.value END`
const SHORT_VALUE = valueOr(SHORT_LOG_VALUE)

export const SELECT_LOG_KEY = `SELECT key FROM log WHERE id = ${ID}`
export const SELECT_LOG_VALUE = `SELECT value FROM log WHERE id = ${ID}`

export const SELECT_LEASED_KEYS = 'SELECT key FROM current WHERE lease = ? ORDER BY key'
export const SELECT_LEASED_KEYS_AFTER = `SELECT key FROM current WHERE lease = ? AND key > ? ORDER BY key ${LIMIT}`
export const COUNT_LEASED = 'SELECT count(*) FROM current WHERE lease = ?'

export const COUNT_CURRENT_OPEN = 'SELECT count(*) FROM current WHERE key >= ?'
export const COUNT_CURRENT = `${COUNT_CURRENT_OPEN} AND key < ?`

export type ScanKind = 'values' | 'heads'
/** `sizes` has lengths in place of values. */
export type WalkKind = ScanKind | 'sizes'

const VALUE_LENGTH = `
CASE WHEN value IS NOT NULL THEN length(value) WHEN version > 0 THEN ${SUM_PART_LENGTHS} END`

/** Lists of the current tree: bounded or open, forward or backward. */
export function scanCurrent(kind: WalkKind, open: boolean, descending: boolean): string {
  return SCANS[kind][(open ? 2 : 0) + (descending ? 1 : 0)] ?? ''
}

const SCANS = {
  values: scansOf(SHORT_VALUE, packed),
  sizes: scansOf(
    `CASE WHEN value IS NOT NULL THEN length(value) WHEN value_length IS NOT NULL THEN value_length
ELSE (SELECT ${VALUE_LENGTH} FROM log WHERE log.id = current.id) END`,
    packedKeys,
  ),
  heads: scansOf('NULL', packed),
}

function scansOf(value: string, pack: (select: string) => string): readonly string[] {
  return ['key >= ? AND key < ?', 'key >= ?'].flatMap((where) =>
    ['ASC', 'DESC'].map((order) =>
      pack(`SELECT ${HEAD_COLUMNS}, ${value} AS value FROM current
WHERE ${where} AND create_revision <= ? ORDER BY key ${order} ${LIMIT}`),
    ),
  )
}

const LOG_COLUMNS = HEAD_COLUMNS

/** A change as it was made; without its value it is a head. */
export const SELECT_LOGGED = `SELECT ${LOG_COLUMNS}, value FROM log WHERE id = ${ID}`
export const SELECT_LOGGED_HEAD = `SELECT ${LOG_COLUMNS}, NULL FROM log WHERE id = ${ID}`

/** The tombstones after a revision of generations that lived at it: at most one a key. */
export function scanTombstones(open: boolean, descending: boolean): string {
  return TOMBSTONES[(open ? 2 : 0) + (descending ? 1 : 0)] ?? ''
}

const TOMBSTONES = ['key >= ? AND key < ?', 'key >= ?'].flatMap((where) =>
  ['ASC', 'DESC'].map((order) =>
    packed(`SELECT ${LOG_COLUMNS}, NULL AS value FROM log INDEXED BY log_tombstone
WHERE version = 0 AND ${where} AND id >= ${FIRST_ID} AND create_revision <= ?
ORDER BY key ${order} ${LIMIT}`),
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
const CHAIN = `
WITH RECURSIVE chain (id) AS (
  SELECT ${ID}
  UNION ALL
  SELECT log.previous FROM chain JOIN log ON log.id = chain.id
  WHERE chain.id >= ${FIRST_ID} AND log.previous IS NOT NULL
)`
export const SELECT_VERSION_BEFORE = `${CHAIN}
SELECT ${LOG_COLUMNS}, value FROM log WHERE id = (SELECT min(id) FROM chain)`
export const SELECT_HEAD_BEFORE = `${CHAIN}
SELECT ${LOG_COLUMNS}, NULL FROM log WHERE id = (SELECT min(id) FROM chain)`
export const SELECT_SIZE_BEFORE = `${CHAIN}
SELECT ${LOG_COLUMNS}, ${VALUE_LENGTH} FROM log WHERE id = (SELECT min(id) FROM chain)`

/** Where an event's `replaced` is in `more`. */
const REPLACED = ['previous_main', 'previous_sub']

export const SELECT_EVENTS_OPEN = eventsOf('key >= ?')
export const SELECT_EVENTS = eventsOf('key >= ? AND key < ?')

function eventsOf(where: string): string {
  return packed(
    `SELECT ${LOG_COLUMNS}, ${SHORT_LOG_VALUE} AS value,
${mainOf('previous')} AS previous_main, ${subOf('previous')} AS previous_sub
FROM log WHERE id > ${ID} AND id < ${FIRST_ID} AND ${where} ORDER BY id ${LIMIT}`,
    REPLACED,
  )
}

/** The log as it is, or with lengths in place of its bytes. */
export const SELECT_CHANGES = packed(changesWith('key', SHORT_LOG_VALUE))
export const SELECT_CHANGE_SIZES = packedSizes(changesWith('length(key)', VALUE_LENGTH))

/** `more` are columns with their names, whose parameters come before the others. */
export function changesWith(key: string, value: string, ...more: readonly string[]): string {
  const columns = [`${value} AS value`, ...more].join(', ')
  return `
SELECT ${key} AS key, create_revision, ${mainOf('id')} AS main, version, lease, ${subOf('id')} AS sub,
${columns} FROM log WHERE id > ${ID} AND id < ${FIRST_ID} ORDER BY id ${LIMIT}`
}

/** What the changes of a revision have replaced, in the order of the changes, whose places are in `more`. */
export const SELECT_REPLACED = packed(
  `SELECT log.key AS key, log.create_revision AS create_revision, ${mainOf('log.id')} AS main,
log.version AS version, log.lease AS lease, ${subOf('log.id')} AS sub, ${SHORT_LOG_VALUE} AS value,
${subOf('change.id')} AS at
FROM log AS change JOIN log ON log.id = change.previous
WHERE change.id > ${ID} AND change.id < ${FIRST_ID} ORDER BY change.id ${LIMIT}`,
  ['at'],
)

export const SELECT_LAST_REVISION = `SELECT ${mainOf('max(id)')} FROM log`

/** The parameters of a range in the two forms of every bounded statement. */
export function boundsParams(bounds: Bounds): readonly SqlParam[] {
  const start = comparable(bounds.start)
  return bounds.end === undefined ? [start] : [start, comparable(bounds.end)]
}

/**
 * What all keys that are stored compare with as they do with this one. A request may name a key that
 * is too long to be stored, and even too long to be a parameter.
 */
export function comparable(key: Uint8Array): Uint8Array {
  return key.length <= KEY_BYTES_MAX ? key : successor(key.subarray(0, KEY_BYTES_MAX))
}

function leaseOf(cell: SqlCell | undefined): bigint {
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

/** The same where the seventh is the value's length. */
export function sizedOf(row: SqlRow): Sized {
  return { ...keyValueOf(row.with(6, null)), value: { length: numberOf(row[6]) } }
}

/** The row with its value, where that was too long to come with it. */
export function withValue(sql: Sql, row: SqlRow): SqlRow {
  if (row[6] !== null || row[3] === 0) {
    return row
  }
  return row.with(6, valueAt(sql, { main: numberOf(row[2]), sub: numberOf(row[5]) }))
}

export function valueAt(sql: Sql, id: ChangeId): Uint8Array {
  const value = sql.first(SELECT_LOG_VALUE, id.main, id.sub)?.[0] ?? null
  return value === null ? joinedParts(sql, id) : bytesOf(value)
}

/** The key of a row, which may have been too long to come with it. */
export function scannedKey(sql: Sql, row: ScannedRow): Uint8Array {
  return row.key ?? bytesOf(sql.first(SELECT_LOG_KEY, row.main, row.sub)?.[0])
}

/** A row with all its bytes; that of a tombstone has no value. */
export function scannedVersion(sql: Sql, row: ScannedRow): KeyValue {
  const value = row.value ?? (row.version === 0 ? EMPTY : valueAt(sql, row))
  return { ...scannedHead(sql, row), value }
}

/** A row whose value is a length. */
export function scannedSize(sql: Sql, row: ScannedRow): Sized {
  return { ...scannedHead(sql, row), value: { length: row.valueLength ?? 0 } }
}

/** A row without its value. */
export function scannedHead(sql: Sql, row: ScannedRow): KeyValue {
  const { createRevision, main, version, lease } = row
  const key = scannedKey(sql, row)
  return { key, createRevision, modRevision: main, version, value: EMPTY, lease }
}

export function changeIdOf(
  main: SqlCell | undefined,
  sub: SqlCell | undefined,
): ChangeId | undefined {
  return main === null ? undefined : { main: numberOf(main), sub: numberOf(sub) }
}

/** A row of the log. A tombstone has no value, and of one that is cut the parts are elsewhere. */
interface Logged extends Omit<KeyValue, 'modRevision' | 'value'> {
  readonly value: Uint8Array | null
}

export function appendLog(
  sql: Sql,
  id: ChangeId,
  version: Logged,
  previous: ChangeId | undefined,
): void {
  sql.run(
    INSERT_LOG,
    id.main,
    id.sub,
    version.key,
    version.createRevision,
    version.version,
    previous?.main ?? null,
    previous?.sub ?? null,
    leaseParam(version.lease),
    version.value,
  )
}

/** The same of a version whose value may be longer than a row: at most `rowBytesMax` with its key. */
export function appendVersion(
  sql: Sql,
  id: ChangeId,
  kv: KeyValue,
  {
    replaced,
    rowBytesMax,
  }: { readonly replaced: ChangeId | undefined; readonly rowBytesMax: number },
): void {
  if (kv.key.length + kv.value.length <= rowBytesMax) {
    appendLog(sql, id, kv, replaced)
  } else {
    appendLog(sql, id, { ...kv, value: null }, replaced)
    insertParts(sql, id, kv.value, rowBytesMax)
  }
}

/** etcd's delete event carries the key and its revision, nothing else. */
export function tombstone(key: Uint8Array, modRevision: Revision): KeyValue {
  return { key, createRevision: 0, modRevision, version: 0, value: EMPTY, lease: NO_LEASE }
}

const EMPTY = new Uint8Array(0)

/** The log's rows of revisions from `from` on and before `before` whose keys are in bounds. */
export function readLog(
  sql: Sql,
  from: Revision,
  before: Revision,
  bounds: Bounds,
): Iterable<ScannedRow> {
  const statement = bounds.end === undefined ? SELECT_EVENTS_OPEN : SELECT_EVENTS
  const params = boundsParams(bounds)
  return scanPacked(sql, EVERYTHING, (last, rows) => {
    const { main, sub } = last ?? { main: from - 1, sub: SUB_MAX }
    return [statement, main, sub, before, ...params, rows]
  })
}

export function eventOf(sql: Sql, row: ScannedRow): Event {
  const deleted = row.version === 0
  const [main = null, sub = null] = row.more
  return {
    type: deleted ? EventType.DELETE : EventType.PUT,
    kv: deleted ? tombstone(scannedKey(sql, row), row.main) : scannedVersion(sql, row),
    prevKv: undefined,
    replaced: changeIdOf(main, sub),
  }
}
