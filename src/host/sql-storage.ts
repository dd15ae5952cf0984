import type { SqlValue } from './sql-limits.ts'
import type { Row, SqliteFile } from './sqlite-file.ts'

/** The rows of a statement that has run, read in whichever form, once. */
export class SqlCursor {
  readonly columnNames: readonly string[]
  readonly #rows: readonly Row[]
  #next = 0

  constructor(columnNames: readonly string[], rows: readonly Row[]) {
    this.columnNames = columnNames
    this.#rows = rows
  }

  get rowsRead(): number {
    return this.#rows.length
  }

  next(): IteratorResult<Record<string, unknown>, undefined> {
    const row = this.#rows[this.#next]
    if (row === undefined) {
      return { done: true, value: undefined }
    }
    this.#next++
    return { done: false, value: this.#object(row) }
  }

  #object(row: Row): Record<string, unknown> {
    return Object.fromEntries(this.columnNames.map((name, place) => [name, row[place]]))
  }

  [Symbol.iterator](): this {
    return this
  }

  toArray(): Record<string, unknown>[] {
    return [...this]
  }

  /** Throws unless there is one row. */
  one(): Record<string, unknown> {
    const rows = this.toArray()
    const [row] = rows
    if (row === undefined || rows.length > 1) {
      throw new Error(
        row === undefined
          ? 'Expected exactly one result from SQL query, but got no results.'
          : 'Expected exactly one result from SQL query, but got multiple results.',
      )
    }
    return row
  }

  /** Each row as an array of its columns. */
  raw(): IterableIterator<Row> {
    const rest = this.#next === 0 ? this.#rows : this.#rows.slice(this.#next)
    this.#next = this.#rows.length
    return rest.values()
  }
}

/** `ctx.storage.sql`. A statement has read all its rows when `exec` returns. */
export class SqlStorage {
  readonly #file: SqliteFile

  constructor(file: SqliteFile) {
    this.#file = file
  }

  exec(text: string, ...params: readonly SqlValue[]): SqlCursor {
    const { columns, rows } = this.#file.exec(text, params)
    return new SqlCursor(columns, rows)
  }

  get databaseSize(): number {
    return this.#file.size
  }
}
