import { assert } from './errors.ts'
import { freeBytes } from './free-bytes.ts'
import { bytesOf, type Sql, type SqlParam, type SqlRow, textOf } from './sql.ts'
import { type LeaseId, NO_LEASE, type Revision } from './types.ts'

/**
 * Many rows as one. A driver makes a JavaScript value of each cell that it answers, which takes about as
 * long as SQLite takes for the row: 10,000 rows of 1 KB are read in 18 ms in place of 32.
 */

/** Rows of one piece. With the two limits below, its keys and its values are below 2 MB each. */
const PIECE_ROWS_MAX = 256
/** Rows of a first piece, when nothing is known of their length. */
const FIRST_PIECE_ROWS = 64
/** A longer key is loaded by itself. */
const PACKED_KEY_BYTES_MAX = 1024
/** A longer value is loaded by itself: no row of a Durable Object's answer may have 2 MB. */
export const PACKED_VALUE_BYTES_MAX = 6 * 1024

/** A version of a key as it is scanned. */
export interface ScannedRow {
  /** Undefined where it is long, see `log.ts`. */
  readonly key: Uint8Array | undefined
  readonly createRevision: Revision
  readonly main: Revision
  readonly sub: number
  /** 0 is a tombstone. */
  readonly version: number
  readonly lease: LeaseId
  /** Undefined where it is long, was not asked for, or is a tombstone's. */
  readonly value: Uint8Array | undefined
  /** Undefined where `value` is; known of values of any length where lengths alone were asked for. */
  readonly valueLength: number | undefined
  /** What else was asked for. */
  readonly more: readonly (number | null)[]
}

/** The same of which only the lengths are known. */
export interface ScannedSizes {
  readonly keyLength: number
  readonly createRevision: Revision
  readonly main: Revision
  readonly sub: number
  readonly version: number
  readonly lease: LeaseId
  /** Undefined of a tombstone. */
  readonly valueLength: number | undefined
}

const KEY_LENGTH = `CASE WHEN length(key) <= ${PACKED_KEY_BYTES_MAX} THEN length(key) END`
const VERSION_COLUMNS = ['create_revision', 'main', 'version', 'lease', 'sub']

/**
 * A statement for `scanPacked`. `select` names its columns key, create_revision, main, version, lease,
 * sub, value and those of `more`, and ends in a LIMIT, which keeps its order.
 */
export function packed(select: string, more: readonly string[] = []): string {
  const key = `CASE WHEN length(key) <= ${PACKED_KEY_BYTES_MAX} THEN key END`
  const columns = [KEY_LENGTH, 'length(value)', ...VERSION_COLUMNS, ...more]
  return `
SELECT ${joined(key)}, ${joined('value')}, ${arrays(columns)} FROM (${select})`
}

/** The same where `value` is a length. */
export function packedKeys(select: string): string {
  const key = `CASE WHEN length(key) <= ${PACKED_KEY_BYTES_MAX} THEN key END`
  return `
SELECT ${joined(key)}, NULL, ${arrays([KEY_LENGTH, 'value', ...VERSION_COLUMNS])} FROM (${select})`
}

/** The same for `scanSizes`: `key` and `value` are lengths. */
export function packedSizes(select: string): string {
  return `
SELECT ${arrays(['key', 'value', ...VERSION_COLUMNS])} FROM (${select})`
}

/** SQLite joins blobs byte by byte, as texts that nobody reads as such. */
function joined(column: string): string {
  return `CAST(group_concat(${column}, '') AS BLOB)`
}

function arrays(columns: readonly string[]): string {
  return `json_array(${columns.map((column) => `json_group_array(${column})`).join(', ')})`
}

type Numbers = readonly number[]
type Columns = readonly [
  keyLengths: readonly (number | null)[],
  valueLengths: readonly (number | null)[],
  createRevisions: Numbers,
  mains: Numbers,
  versions: Numbers,
  leases: readonly (string | null)[],
  subs: Numbers,
  ...more: (readonly (number | null)[])[],
]

/** How much a reader will likely take. */
export interface Wanted {
  readonly rows: number
  /** Of keys and values. */
  readonly bytes: number
  /** And of them at once, if the rows to come are as long as those before. */
  readonly pieceBytes?: number
}

export const EVERYTHING: Wanted = { rows: Infinity, bytes: Infinity }

/** A statement and its parameters, for so many rows behind `last`. */
export type PieceOf<T> = (
  last: T | undefined,
  rows: number,
) => readonly [statement: string, ...params: SqlParam[]]

/** Rows as SQLite has packed them: keys, and values, are in a row, in the lengths that come first. */
export interface Piece {
  readonly keys: Uint8Array
  /** Undefined where none was asked for, or there is none. */
  readonly values: Uint8Array | undefined
  readonly keyLengths: readonly (number | null)[]
  readonly valueLengths: readonly (number | null)[]
  readonly createRevisions: Numbers
  readonly mains: Numbers
  readonly versions: Numbers
  readonly leases: readonly (string | null)[]
  readonly subs: Numbers
  readonly more: readonly (readonly (number | null)[])[]
}

/** The rows of statements made by `packed`, one by one. */
export function* scanPacked(
  sql: Sql,
  wanted: Wanted,
  pieceOf: PieceOf<ScannedRow>,
): Iterable<ScannedRow> {
  for (const piece of scanPieces(sql, wanted, pieceOf)) {
    let keyAt = 0
    let valueAt = 0
    for (let i = 0; i < piece.mains.length; i++) {
      yield rowAt(piece, i, keyAt, valueAt)
      keyAt += piece.keyLengths[i] ?? 0
      valueAt += piece.valueLengths[i] ?? 0
    }
  }
}

/** The rows of one piece. */
export function* rowsOf(piece: Piece): Generator<ScannedRow, void> {
  let keyAt = 0
  let valueAt = 0
  for (let i = 0; i < piece.mains.length; i++) {
    yield rowAt(piece, i, keyAt, valueAt)
    keyAt += piece.keyLengths[i] ?? 0
    valueAt += piece.valueLengths[i] ?? 0
  }
}

/** A row of a piece, whose key and value begin there. */
export function rowAt(piece: Piece, i: number, keyAt: number, valueAt: number): ScannedRow {
  const { keys, values, more } = piece
  const keyLength = piece.keyLengths[i] ?? undefined
  const valueLength = piece.valueLengths[i] ?? undefined
  return {
    key: keyLength === undefined ? undefined : keys.subarray(keyAt, keyAt + keyLength),
    createRevision: piece.createRevisions[i] ?? 0,
    main: piece.mains[i] ?? 0,
    sub: piece.subs[i] ?? 0,
    version: piece.versions[i] ?? 0,
    lease: leaseOf(piece.leases[i]),
    value:
      values === undefined || valueLength === undefined
        ? undefined
        : values.subarray(valueAt, valueAt + valueLength),
    valueLength,
    more: more.length === 0 ? NOTHING : more.map((column) => column[i] ?? null),
  }
}

/**
 * The rows of statements made by `packed`, in pieces that are read as they are asked for. Nothing stays
 * open between two pieces: a cursor that is not read to its end keeps SQLite from starting its
 * write-ahead log anew, which then grows until the cursor is garbage-collected.
 */
export function* scanPieces(
  sql: Sql,
  wanted: Wanted,
  pieceOf: PieceOf<ScannedRow>,
): Iterable<Piece> {
  let last: ScannedRow | undefined
  const isShort = wanted.bytes !== Infinity || wanted.pieceBytes !== undefined
  let rows = Math.min(wanted.rows, isShort ? FIRST_PIECE_ROWS : PIECE_ROWS_MAX)
  let read = 0
  let readBytes = 0
  for (;;) {
    const piece = pieceIn(sql, pieceOf(last, rows))
    const count = piece.mains.length
    // Who was given the piece may release it.
    const bytes = piece.keys.length + (piece.values?.length ?? 0)
    last = lastOf(piece)
    yield piece
    if (count < rows) {
      return
    }
    read += rows
    readBytes += bytes
    rows = Math.min(
      nextRows(wanted.bytes - readBytes, read, readBytes),
      nextRows(wanted.pieceBytes ?? Infinity, rows, bytes),
    )
  }
}

function lastOf(piece: Piece): ScannedRow {
  const last = piece.mains.length - 1
  const keyAt = piece.keys.length - (piece.keyLengths[last] ?? 0)
  const valueAt = (piece.values?.length ?? 0) - (piece.valueLengths[last] ?? 0)
  return rowAt(piece, last, keyAt, valueAt)
}

const NOTHING: readonly null[] = []

/** Gives the bytes of a piece back at once; nothing of it may be looked at any more. */
export function release({ keys, values }: Piece): void {
  freeBytes(keys)
  if (values !== undefined) {
    freeBytes(values)
  }
}

/** One piece by itself. */
export function pieceIn(sql: Sql, [statement, ...params]: readonly [string, ...SqlParam[]]): Piece {
  const row = sql.first(statement, ...params)
  assert(row !== undefined, 'rows that are packed are one row, be they none')
  const values = row[1] ?? null
  const [keyLengths, valueLengths, createRevisions, mains, versions, leases, subs, ...more] =
    columnsOf(row, 2)
  return {
    keys: bytesOf(row[0]),
    values: values === null ? undefined : bytesOf(values),
    keyLengths,
    valueLengths,
    createRevisions,
    mains,
    versions,
    leases,
    subs,
    more,
  }
}

function columnsOf(row: SqlRow, place: number): Columns {
  return JSON.parse(textOf(row[place])) as Columns
}

/** As many as the reader will still take, if they are as long as those before them. */
function nextRows(left: number, read: number, readBytes: number): number {
  const rows = Math.ceil((Math.max(0, left) * read) / Math.max(readBytes, 1)) + 1
  return Math.min(rows, PIECE_ROWS_MAX)
}

/** The same for statements made by `packedSizes`. */
export function* scanSizes(sql: Sql, pieceOf: PieceOf<ScannedSizes>): Iterable<ScannedSizes> {
  let last: ScannedSizes | undefined
  for (;;) {
    const [statement, ...params] = pieceOf(last, PIECE_ROWS_MAX)
    const row = sql.first(statement, ...params)
    assert(row !== undefined, 'rows that are packed are one row, be they none')
    const [keyLengths, valueLengths, createRevisions, mains, versions, leases, subs] = columnsOf(
      row,
      0,
    )
    for (let i = 0; i < mains.length; i++) {
      last = {
        keyLength: keyLengths[i] ?? 0,
        createRevision: createRevisions[i] ?? 0,
        main: mains[i] ?? 0,
        sub: subs[i] ?? 0,
        version: versions[i] ?? 0,
        lease: leaseOf(leases[i]),
        valueLength: valueLengths[i] ?? undefined,
      }
      yield last
    }
    if (mains.length < PIECE_ROWS_MAX) {
      return
    }
  }
}

/** Leases are texts, because a Durable Object answers integers as doubles. */
export function leaseOf(lease: string | null | undefined): LeaseId {
  return typeof lease === 'string' ? BigInt(lease) : NO_LEASE
}
