import type { Sql } from '../mvcc/sql.ts'
import { jurisdictions, type KeyspaceAddress } from './directory-rpc.ts'

const SELECT_ADDRESS = `SELECT jurisdiction FROM keyspace WHERE name = ? AND state = 'ready'`

/** The keyspaces of a deployment. */
export class KeyspaceTable {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** Undefined where there is none that is ready. */
  find(name: string): KeyspaceAddress | undefined {
    const row = this.#sql.first(SELECT_ADDRESS, name)
    return row && { name, jurisdiction: jurisdictions.find((one) => one === row[0]) }
  }
}
