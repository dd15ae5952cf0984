import type { Sql } from '../../src/mvcc/sql.ts'

/** Runs a test's body over the SQL of a fresh keyspace. */
export type WithSql = (body: (sql: Sql) => void) => void | Promise<void>
