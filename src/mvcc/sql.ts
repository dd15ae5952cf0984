import { assert } from './errors.ts'

/**
 * What the engine needs of SQLite, so small that a Durable Object's storage and `node:sqlite` both
 * satisfy it. Statements are constant texts (drivers cache them by text) with at most 100
 * parameters; there are no BigInt parameters, because a Durable Object binds none.
 */
export interface Sql {
  run(statement: string, ...params: readonly SqlParam[]): void
  first(statement: string, ...params: readonly SqlParam[]): SqlRow | undefined
  all(statement: string, ...params: readonly SqlParam[]): readonly SqlRow[]
  /**
   * Rows as they are stepped to: to the last one, before anything writes and any event passes. For
   * reads that may end early there is `inPieces`.
   */
  iterate(statement: string, ...params: readonly SqlParam[]): Iterable<SqlRow>
  /** Rolls everything back when `body` throws. May be nested. */
  transaction<T>(body: () => T extends Promise<unknown> ? never : T): T
  /** Bytes of the pages in use. */
  readonly databaseSize: number
}

export type SqlParam = number | string | null | Uint8Array
/** The columns in the order of the statement; a Durable Object answers blobs as ArrayBuffer. */
export type SqlRow = readonly SqlCell[]
export type SqlCell = number | string | null | Uint8Array | ArrayBuffer

const EMPTY = new Uint8Array(0)
const PIECE_ROWS = 256

/**
 * A long read in pieces, of which the first has `rows` rows where so many are likely asked for.
 * `read` answers the first rows behind the last one of the piece before. Nothing stays open between
 * two pieces: a cursor that is not read to its end keeps SQLite from starting its write-ahead log
 * anew, which then grows until the cursor is garbage-collected.
 */
export function* inPieces(
  rows: number,
  read: (last: SqlRow | undefined, rows: number) => readonly SqlRow[],
): Iterable<SqlRow> {
  let last: SqlRow | undefined
  let wanted = Math.min(rows, PIECE_ROWS)
  for (;;) {
    const piece = read(last, wanted)
    yield* piece
    if (piece.length < wanted) {
      return
    }
    last = piece.at(-1)
    wanted = PIECE_ROWS
  }
}

/** NULL reads as no bytes. */
export function bytesOf(cell: SqlCell | undefined): Uint8Array {
  if (cell instanceof ArrayBuffer) {
    return new Uint8Array(cell)
  }
  if (cell === null) {
    return EMPTY
  }
  assert(cell instanceof Uint8Array, `a blob column holds ${typeof cell}`)
  return cell
}

export function numberOf(cell: SqlCell | undefined): number {
  assert(typeof cell === 'number', `a number column holds ${typeof cell}`)
  return cell
}

export function textOf(cell: SqlCell | undefined): string {
  assert(typeof cell === 'string', `a text column holds ${typeof cell}`)
  return cell
}
