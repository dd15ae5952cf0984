import { FIRST_ID } from './change-id.ts'
import { assert } from './errors.ts'
import { type Bounds, boundsBehind, compareBytes } from './key-range.ts'
import {
  boundsParams,
  comparable,
  COUNT_CURRENT,
  COUNT_CURRENT_OPEN,
  keyValueOf,
  scanCurrent,
  type ScanKind,
  scannedHead,
  scannedKey,
  scannedVersion,
  scanTombstones,
  SELECT_CURRENT,
  SELECT_HEAD,
  SELECT_HEAD_BEFORE,
  SELECT_LOGGED,
  SELECT_LOGGED_HEAD,
  SELECT_SIZE_BEFORE,
  SELECT_VERSION_BEFORE,
  scannedSize,
  sizedOf,
  type WalkKind,
  withValue,
} from './log.ts'
import { type PieceOf, type ScannedRow, scanPacked } from './packed-rows.ts'
import { numberOf, type Sql, type SqlRow } from './sql.ts'
import type { ChangeId, KeyValue, Revision, Sized } from './types.ts'

/** How to walk the keys of a range. `heads` leaves the values out. */
export interface Walk<K extends WalkKind = ScanKind> {
  readonly bounds: Bounds
  readonly revision: Revision
  readonly descending: boolean
  readonly kind: K
  /** How many the reader will likely ask for, and how many bytes of keys and values. */
  readonly rows: number
  readonly bytes: number
}

export function currentVersion(
  sql: Sql,
  key: Uint8Array,
  kind: ScanKind = 'values',
): KeyValue | undefined {
  const row = sql.first(kind === 'values' ? SELECT_CURRENT : SELECT_HEAD, comparable(key))
  return row === undefined ? undefined : keyValueWith(sql, row, kind)
}

function keyValueWith(sql: Sql, row: SqlRow, kind: ScanKind): KeyValue {
  return keyValueOf(kind === 'values' ? withValue(sql, row) : row)
}

/**
 * The version that stood before `revision`, starting at a change and going back along what each
 * change replaced; undefined when the key was created later than that.
 */
export function versionBefore(
  sql: Sql,
  from: ChangeId,
  revision: Revision,
  kind: ScanKind = 'values',
): KeyValue | undefined {
  const row = rowBefore(sql, from, revision, BEFORE[kind])
  return row && keyValueWith(sql, row, kind)
}

const BEFORE: Readonly<Record<WalkKind, string>> = {
  values: SELECT_VERSION_BEFORE,
  sizes: SELECT_SIZE_BEFORE,
  heads: SELECT_HEAD_BEFORE,
}

function rowBefore(
  sql: Sql,
  from: ChangeId,
  revision: Revision,
  statement: string,
): SqlRow | undefined {
  const row = sql.first(statement, from.main, from.sub, revision)
  if (row === undefined || numberOf(row[2]) >= revision || numberOf(row[3]) === 0) {
    return undefined
  }
  return row
}

/** The version that a change has made, which the log still holds. */
export function versionAt(sql: Sql, id: ChangeId, kind: ScanKind): KeyValue {
  const row = sql.first(kind === 'values' ? SELECT_LOGGED : SELECT_LOGGED_HEAD, id.main, id.sub)
  assert(row !== undefined, `the log has lost change ${id.main}/${id.sub}`)
  return keyValueWith(sql, row, kind)
}

/**
 * The versions of a range at a revision, in key order, read as they are asked for. The current
 * tree answers for all keys that live; those that changed since the revision are followed back
 * along their log, and those deleted since come from their tombstones.
 */
export function versions(sql: Sql, walk: Walk, current: Revision): Iterable<KeyValue> {
  return walked(sql, { walk, current, form: formOf(walk.kind), found: (_, version) => version })
}

/** The same of which only the lengths of values are read. */
export function sizedVersions(sql: Sql, walk: Walk<'sizes'>, current: Revision): Iterable<Sized> {
  return walked(sql, { walk, current, form: SIZES, found: (_, version) => version })
}

/** The same with the changes that have made them. */
export function placedVersions(
  sql: Sql,
  walk: Walk,
  current: Revision,
): Iterable<readonly [ChangeId, KeyValue]> {
  return walked(sql, { walk, current, form: formOf(walk.kind), found: placed })
}

function placed({ main, sub }: ChangeId, version: KeyValue): readonly [ChangeId, KeyValue] {
  return [{ main, sub }, version]
}

/** What becomes of a row that is scanned, and of one that stood before it. */
interface Form<V> {
  readonly scanned: (sql: Sql, row: ScannedRow) => V
  readonly before: (sql: Sql, row: SqlRow) => V
}

const VALUES: Form<KeyValue> = {
  scanned: scannedVersion,
  before: (sql, row) => keyValueOf(withValue(sql, row)),
}
const HEADS: Form<KeyValue> = { scanned: scannedHead, before: (_, row) => keyValueOf(row) }
const SIZES: Form<Sized> = { scanned: scannedSize, before: (_, row) => sizedOf(row) }

function formOf(kind: ScanKind): Form<KeyValue> {
  return kind === 'values' ? VALUES : HEADS
}

interface Walking<V, T> {
  readonly walk: Walk<WalkKind>
  readonly current: Revision
  readonly form: Form<V>
  readonly found: (id: ChangeId, version: V) => T
}

function* walked<V, T>(sql: Sql, { walk, current, form, found }: Walking<V, T>): Iterable<T> {
  const { kind, revision, descending } = walk
  const living = scan(sql, walk, (bounds, rows) => {
    const statement = scanCurrent(kind, bounds.end === undefined, descending)
    return [statement, ...boundsParams(bounds), revision, rows]
  })
  if (revision >= current) {
    for (const row of living) {
      yield found(row, form.scanned(sql, row))
    }
    return
  }
  const dead = scan(sql, walk, (bounds, rows) => {
    const statement = scanTombstones(bounds.end === undefined, descending)
    return [statement, ...boundsParams(bounds), revision + 1, revision, rows]
  })
  for (const row of merge(sql, living, dead, descending)) {
    if (row.version !== 0 && row.main <= revision) {
      yield found(row, form.scanned(sql, row))
    } else {
      const before = rowBefore(sql, row, revision + 1, BEFORE[kind])
      assert(before !== undefined, `the log has lost a version at revision ${revision}`)
      const id = { main: numberOf(before[2]), sub: numberOf(before[5]) }
      yield found(id, form.before(sql, before))
    }
  }
}

function scan(
  sql: Sql,
  walk: Walk<WalkKind>,
  read: (bounds: Bounds, rows: number) => ReturnType<PieceOf<ScannedRow>>,
): Iterable<ScannedRow> {
  const { bounds, descending } = walk
  return scanPacked(sql, walk, (last, rows) =>
    read(
      last === undefined ? bounds : boundsBehind(bounds, scannedKey(sql, last), descending),
      rows,
    ),
  )
}

/** Two row sequences with no key in common, each in key order, as one. */
function* merge(
  sql: Sql,
  a: Iterable<ScannedRow>,
  b: Iterable<ScannedRow>,
  descending: boolean,
): Iterable<ScannedRow> {
  const left = a[Symbol.iterator]()
  const right = b[Symbol.iterator]()
  let l = left.next()
  let r = right.next()
  while (l.done !== true || r.done !== true) {
    const order =
      l.done === true
        ? 1
        : r.done === true
          ? -1
          : compareBytes(scannedKey(sql, l.value), scannedKey(sql, r.value))
    if (l.done === true || (r.done !== true && (descending ? order < 0 : order > 0))) {
      assert(r.done !== true, 'one of the two has a row')
      yield r.value
      r = right.next()
    } else {
      yield l.value
      l = left.next()
    }
  }
}

export const COUNT_OLD_OPEN = `${COUNT_CURRENT_OPEN} AND create_revision <= ?`
export const COUNT_OLD = `${COUNT_CURRENT} AND create_revision <= ?`
const COUNT_TOMBSTONES =
  'SELECT count(*) FROM log INDEXED BY log_tombstone WHERE version = 0 AND create_revision <= ?'
export const COUNT_DEAD_OPEN = `${COUNT_TOMBSTONES} AND id >= ${FIRST_ID} AND key >= ?`
export const COUNT_DEAD = `${COUNT_DEAD_OPEN} AND key < ?`

/** How many keys of a range lived at an old revision, by a pass over the range's heads. */
export function countAt(sql: Sql, bounds: Bounds, revision: Revision): number {
  const params = boundsParams(bounds)
  const open = bounds.end === undefined
  const living = sql.first(open ? COUNT_OLD_OPEN : COUNT_OLD, ...params, revision)
  const dead = sql.first(open ? COUNT_DEAD_OPEN : COUNT_DEAD, revision, revision + 1, ...params)
  return numberOf(living?.[0]) + numberOf(dead?.[0])
}

export const COUNT_GROWTH_OPEN = `
SELECT total(CASE version WHEN 1 THEN 1 WHEN 0 THEN -1 END) FROM log
WHERE id >= ${FIRST_ID} AND key >= ?`
export const COUNT_GROWTH = `${COUNT_GROWTH_OPEN} AND key < ?`

/** How many keys a range has more than it had at an old revision, by a pass over the log since. */
function growthSince(sql: Sql, bounds: Bounds, revision: Revision): number {
  const statement = bounds.end === undefined ? COUNT_GROWTH_OPEN : COUNT_GROWTH
  return numberOf(sql.first(statement, revision + 1, ...boundsParams(bounds))?.[0])
}

/** What a revision may have changed, and how much more a row of the log is than a key is to count. */
const LOG_ROWS_PER_REVISION = 64

/** How many lived at a revision so many ago, where so many `keys` live now. */
export function countBefore(
  sql: Sql,
  bounds: Bounds,
  {
    revision,
    age,
    keys,
  }: { readonly revision: Revision; readonly age: number; readonly keys: number },
): number {
  // A list that goes on at the revision of its first page is mostly not long ago.
  return age * LOG_ROWS_PER_REVISION < keys
    ? keys - growthSince(sql, bounds, revision)
    : countAt(sql, bounds, revision)
}
