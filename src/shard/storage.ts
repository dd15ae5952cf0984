import type { Sql, SqlParam, SqlRow } from '../mvcc/sql.ts'

/**
 * The `Sql` port over a Durable Object's storage. Statements are cached by their text inside
 * workerd. `transactionSync` is a savepoint; the commit itself comes when the turn of the event
 * loop ends, and workerd holds back every answer and socket message until it is durable.
 */
export function durableSql(storage: DurableObjectStorage): Sql {
  const { sql } = storage
  const exec = (text: string, params: readonly SqlParam[]): readonly SqlRow[] => [
    ...sql.exec(text, ...params).raw<(string | number | null | ArrayBuffer)[]>(),
  ]
  return {
    run(text, ...params) {
      sql.exec(text, ...params)
    },
    first: (text, ...params) => exec(text, params)[0],
    all: (text, ...params) => exec(text, params),
    iterate: (text, ...params) =>
      sql.exec(text, ...params).raw<(string | number | null | ArrayBuffer)[]>(),
    transaction: <T>(body: () => T): T => storage.transactionSync(body),
    get databaseSize() {
      return sql.databaseSize
    },
  }
}
