import { ID, mainOf, SUB_MAX, subOf } from './change-id.ts'
import { successor } from './key-range.ts'
import { comparable, INLINE_VALUE_BYTES_MAX, scannedKey } from './log.ts'
import { packed, type Piece, pieceIn, rowAt, rowsOf } from './packed-rows.ts'
import { LIMIT, type Sql, type SqlParam, textOf } from './sql.ts'
import type { Revision } from './types.ts'
import { SUM_PART_LENGTHS } from './value-parts.ts'
import { placedVersions } from './versions.ts'

/** What stands at a revision, in the order of keys, for another store that has the log. It may be cloned. */
export interface CopiedCurrent {
  /** Rows of `current` as they are. */
  readonly piece: Piece
  /** By their places those of them that do not count: what has changed since, and long keys. */
  readonly passedOver: readonly number[]
  /** Changes that stand in their place: their ids as JSON, which SQLite reads as integers. */
  readonly ids: string
  /** The last key; undefined where there are none behind it. */
  readonly last: Uint8Array | undefined
}

/** With keys of a KiB and values that are inline, a piece is below the 2 MB that a row may have. */
const COPIED_ROWS = 1024
/** Each that has changed since is looked for by itself. */
const CHANGED_ROWS = 32
/** What it costs to put them into statements of 100 parameters. */
const ROW_PARAMS = 10
const INSERTED_ROWS = 10

const SELECT_COPIED = packed(
  `
SELECT key, create_revision, ${mainOf('id')} AS main, version, lease, ${subOf('id')} AS sub, value,
${mainOf('previous')} AS previous_main, ${subOf('previous')} AS previous_sub, value_length
FROM current WHERE key >= ? ORDER BY key ${LIMIT}`,
  ['previous_main', 'previous_sub', 'value_length'],
)

/** Those of keys behind `after`, at a revision that may be an earlier one than `current`. */
export function copyCurrent(
  sql: Sql,
  after: Uint8Array | undefined,
  { revision, current }: { readonly revision: Revision; readonly current: Revision },
  rows = COPIED_ROWS,
): CopiedCurrent {
  const start = after === undefined ? new Uint8Array(0) : successor(after)
  const piece = pieceIn(sql, [SELECT_COPIED, comparable(start), rows])
  const count = piece.mains.length
  const last = count < rows ? undefined : lastKey(sql, piece)
  const passedOver = placesWhere(
    piece,
    (place) => (piece.mains[place] ?? 0) > revision || (piece.keyLengths[place] ?? null) === null,
  )
  if (revision >= current && passedOver.length === 0) {
    return { piece, passedOver, ids: '[]', last }
  }
  const verbatim = verbatimIn(piece, passedOver)
  const bounds = { start, end: last && successor(last) }
  const ids: string[] = []
  let end = 0
  for (const [id, { key }] of placedVersions(
    sql,
    { bounds, revision, descending: false, kind: 'heads', rows: Infinity, bytes: Infinity },
    current,
  )) {
    const text = idText(id.main, id.sub)
    const place = verbatim.get(text)
    if (place !== undefined) {
      end = place + 1
    } else if (ids.push(text) === Math.min(rows, CHANGED_ROWS)) {
      // Thousands may have changed since, or been deleted: what is behind comes with the next piece.
      const others = new Set(passedOver)
      const left = placesWhere(piece, (at) => at >= end || others.has(at))
      return { piece, passedOver: left, ids: jsonOf(ids), last: key }
    }
  }
  return { piece, passedOver, ids: jsonOf(ids), last }
}

function placesWhere({ mains }: Piece, is: (place: number) => boolean): readonly number[] {
  return mains.map((_, place) => place).filter(is)
}

/** The rows that count, by their ids. */
function verbatimIn({ mains, subs }: Piece, passedOver: readonly number[]): Map<string, number> {
  const others = new Set(passedOver)
  return new Map(
    mains
      .map((main, place): [string, number] => [idText(main, subs[place] ?? 0), place])
      .filter(([, place]) => !others.has(place)),
  )
}

function lastKey(sql: Sql, piece: Piece): Uint8Array {
  const place = piece.mains.length - 1
  const keyAt = piece.keys.length - (piece.keyLengths[place] ?? 0)
  return scannedKey(sql, rowAt(piece, place, keyAt, 0)).slice()
}

function jsonOf(ids: readonly string[]): string {
  return `[${ids.join(',')}]`
}

/** A number of JavaScript holds the ids of the first 2^30 revisions. */
function idText(main: Revision, sub: number): string {
  return main < 2 ** 30
    ? String(main * (SUB_MAX + 1) + sub)
    : String(BigInt(main) * BigInt(SUB_MAX + 1) + BigInt(sub))
}

/** Where the triggers are there, they would write each row into the log, where it is: IGNORE holds for them, too. */
function insertRowsOf(count: number): string {
  const rows = Array.from({ length: count }, () => `(?, ${ID}, ?, ?, ${ID}, ?, ?, ?)`).join(', ')
  return `INSERT OR IGNORE INTO current
  (key, id, create_revision, version, previous, lease, value, value_length) VALUES ${rows}`
}

const INSERT_ROW = insertRowsOf(1)
const INSERT_ROWS = insertRowsOf(INSERTED_ROWS)

const INSERT_LOGGED = `
INSERT OR IGNORE INTO current
  (key, id, create_revision, version, previous, lease, value, value_length)
SELECT log.key, log.id, log.create_revision, log.version, log.previous, log.lease,
  CASE WHEN length(log.value) <= ${INLINE_VALUE_BYTES_MAX} THEN log.value END,
  CASE WHEN log.value IS NULL THEN ${SUM_PART_LENGTHS}
    WHEN length(log.value) > ${INLINE_VALUE_BYTES_MAX} THEN length(log.value) END
FROM json_each(?) AS place CROSS JOIN log ON log.id = place.value`

/** Makes them current in a store whose log has them. */
export function insertCurrent(sql: Sql, { piece, passedOver, ids }: CopiedCurrent): void {
  const others = new Set(passedOver)
  let params: SqlParam[] = []
  let place = 0
  for (const row of rowsOf(piece)) {
    if (!others.has(place++)) {
      const [previousMain = null, previousSub = null, valueLength = null] = row.more
      const lease = row.lease === 0n ? null : row.lease.toString()
      params.push(row.key ?? null, row.main, row.sub, row.createRevision, row.version)
      params.push(previousMain, previousSub, lease, row.value ?? null, valueLength)
      if (params.length === INSERTED_ROWS * ROW_PARAMS) {
        sql.run(INSERT_ROWS, ...params)
        params = []
      }
    }
  }
  for (let at = 0; at < params.length; at += ROW_PARAMS) {
    sql.run(INSERT_ROW, ...params.slice(at, at + ROW_PARAMS))
  }
  if (ids !== '[]') {
    sql.run(INSERT_LOGGED, ids)
  }
}

const SELECT_TRIGGERS = `
SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'current' ORDER BY name`

/**
 * Takes away what writes a put into the log too, while rows are made current whose changes are there: to find
 * that out takes as long as to write the row. Answers what makes it again.
 */
export function dropTriggers(sql: Sql): readonly string[] {
  return sql.all(SELECT_TRIGGERS).map(([name, text]) => {
    sql.run(`DROP TRIGGER ${textOf(name)}`)
    return textOf(text)
  })
}

export function createTriggers(sql: Sql, texts: readonly string[]): void {
  texts.forEach((text) => sql.run(text))
}
