import { ID, mainOf, subOf } from './change-id.ts'
import { changesWith, SELECT_LOG_KEY, SHORT_LOG_VALUE, valueAt } from './log.ts'
import { packed, rowsOf, type Piece, pieceIn } from './packed-rows.ts'
import { bytesOf, type Sql, type SqlParam } from './sql.ts'
import type { ChangeId, Revision } from './types.ts'
import { insertParts, ROW_BYTES_MAX } from './value-parts.ts'

/** Rows of the log as they stand there, for another store. They may be cloned. */
export interface CopiedRows {
  readonly piece: Piece
  /** Of rows that are too long for a piece, by their places in it. */
  readonly long: readonly LongRow[]
  readonly count: number
  /** The last of them; undefined where there are none. */
  readonly last: ChangeId | undefined
}

interface LongRow {
  readonly place: number
  readonly key: Uint8Array | undefined
  readonly value: Uint8Array | undefined
}

/** Rows of one piece, and what it costs to put them into statements of 100 parameters. */
const COPIED_ROWS = 256
/** What is too long for a piece comes by itself; so much of it goes with one. */
const COPIED_LONG_BYTES = 1024 * 1024
const ROW_PARAMS = 9
const INSERTED_ROWS = 11

const SELECT_COPIED = packed(
  changesWith(
    'key',
    SHORT_LOG_VALUE,
    `${mainOf('previous')} AS previous_main`,
    `${subOf('previous')} AS previous_sub`,
  ),
  ['previous_main', 'previous_sub'],
)

const ROW_VALUES = `(${ID}, ?, ?, ?, ${ID}, ?, ?)`

function insertRowsOf(count: number): string {
  const rows = Array.from({ length: count }, () => ROW_VALUES).join(', ')
  return `INSERT INTO log (id, key, create_revision, version, previous, lease, value) VALUES ${rows}`
}

const INSERT_ROW = insertRowsOf(1)
const INSERT_ROWS = insertRowsOf(INSERTED_ROWS)

/** What a piece has at most; of long values one more. */
export interface CopiedMost {
  readonly rows: number
  readonly bytes: number
}

/** The rows behind a change, up to a revision: a piece of them. */
export function copyRows(
  sql: Sql,
  after: ChangeId,
  until: Revision,
  most: CopiedMost = { rows: COPIED_ROWS, bytes: COPIED_LONG_BYTES },
): CopiedRows {
  const rows = Math.min(most.rows, COPIED_ROWS)
  const piece = pieceIn(sql, [SELECT_COPIED, after.main, after.sub, until + 1, rows])
  const long: LongRow[] = []
  let longBytes = 0
  let last: ChangeId | undefined
  let place = 0
  for (const row of rowsOf(piece)) {
    const isLong = row.value === undefined && row.version > 0
    if (longBytes > most.bytes && (row.key === undefined || isLong)) {
      return copyRows(sql, after, until, { ...most, rows: place })
    }
    if (row.key === undefined || isLong) {
      const key = row.key ?? bytesOf(sql.first(SELECT_LOG_KEY, row.main, row.sub)?.[0])
      const value = isLong ? valueAt(sql, row) : undefined
      long.push({ place, key, value })
      longBytes += key.length + (value?.length ?? 0)
    }
    last = row
    place++
  }
  return { piece, long, count: place, last: last && { main: last.main, sub: last.sub } }
}

/** Writes them into the log of another store; its current rows come by `insertCurrent`. */
export function insertCopied(
  sql: Sql,
  { piece, long }: CopiedRows,
  rowBytesMax = ROW_BYTES_MAX,
): void {
  const longs = new Map(long.map((row) => [row.place, row]))
  let params: SqlParam[] = []
  let place = 0
  for (const row of rowsOf(piece)) {
    const more = longs.get(place++)
    const key = row.key ?? more?.key ?? NO_BYTES
    const value = row.value ?? more?.value ?? null
    const isWhole = key.length + (value?.length ?? 0) <= rowBytesMax
    const [previousMain = null, previousSub = null] = row.more
    const lease = row.lease === 0n ? null : row.lease.toString()
    params.push(row.main, row.sub, key, row.createRevision, row.version)
    params.push(previousMain, previousSub, lease, isWhole ? value : null)
    if (!isWhole && value !== null) {
      insertParts(sql, row, value, rowBytesMax)
    }
    if (params.length === INSERTED_ROWS * ROW_PARAMS) {
      sql.run(INSERT_ROWS, ...params)
      params = []
    }
  }
  for (let at = 0; at < params.length; at += ROW_PARAMS) {
    sql.run(INSERT_ROW, ...params.slice(at, at + ROW_PARAMS))
  }
}

const NO_BYTES = new Uint8Array(0)
