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
   * reads that may end early there is `scanPacked`.
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

/**
 * The end of a statement whose last parameter is how many rows it may have. Of a bare `LIMIT ?` SQLite takes the
 * value into its plan, so that it compiles the statement anew whenever one is bound, for ten times as long as
 * reading a row takes.
 */
export const LIMIT = 'LIMIT ? + 0'

const EMPTY = new Uint8Array(0)
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
