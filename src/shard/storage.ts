import type { Sql, SqlParam, SqlRow } from '../mvcc/sql.ts'

/** What a Durable Object's storage answers for a row. */
type Cells = (string | number | null | ArrayBuffer)[]

/**
 * The `Sql` port over a Durable Object's storage. Statements are cached by their text inside
 * workerd. `transactionSync` is a savepoint; the commit itself comes when the turn of the event
 * loop ends, and workerd holds back every answer and socket message until it is durable.
 */
export function durableSql(storage: DurableObjectStorage): Sql {
  const { sql } = storage
  const exec = (text: string, params: readonly SqlParam[]): readonly SqlRow[] => [
    ...sql.exec(text, ...params).raw<Cells>(),
  ]
  return {
    run(text, ...params) {
      sql.exec(text, ...params)
    },
    first(text, ...params) {
      const rows: Iterator<SqlRow> = sql.exec(text, ...params).raw<Cells>()
      const first = rows.next()
      let next = first
      // An open cursor would be in the way; to read one row into an array takes longer.
      while (next.done !== true) {
        next = rows.next()
      }
      return first.done === true ? undefined : first.value
    },
    all: (text, ...params) => exec(text, params),
    iterate: (text, ...params) => sql.exec(text, ...params).raw<Cells>(),
    transaction: <T>(body: () => T): T => storage.transactionSync(body),
    get databaseSize() {
      return sql.databaseSize
    },
  }
}
