import type { Sql } from '../../mvcc/sql.ts'

const SELECT_TABLE = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'v2_setting'`
const SELECT_ENABLED = 'SELECT enabled FROM v2_setting'
const REPLACE_ENABLED = 'REPLACE INTO v2_setting (one, enabled) VALUES (1, ?)'
const DELETE_ENABLED = 'DELETE FROM v2_setting'

/** What the keyspace itself says; undefined for as the deployment has it. Writes nothing. */
export function ownV2In(sql: Sql): boolean | undefined {
  const row = sql.first(SELECT_TABLE) && sql.first(SELECT_ENABLED)
  return row && row[0] === 1
}

export function recordOwnV2(sql: Sql, own: boolean | undefined): void {
  if (own === undefined) {
    sql.run(DELETE_ENABLED)
  } else {
    sql.run(REPLACE_ENABLED, own ? 1 : 0)
  }
}

/** Whether etcd's v2 API is served: as the keyspace says, or else the deployment. */
export class V2Setting {
  readonly #sql: Sql
  readonly #fallback: boolean
  #own: boolean | undefined
  #changes = 0

  constructor(sql: Sql, fallback: boolean) {
    this.#sql = sql
    this.#fallback = fallback
    this.#own = ownV2In(sql)
  }

  get isOn(): boolean {
    return this.#own ?? this.#fallback
  }

  /** What the keyspace itself says. */
  get own(): boolean | undefined {
    return this.#own
  }

  /** How often it was changed since this was made. */
  get changes(): number {
    return this.#changes
  }

  set(own: boolean | undefined): void {
    if (own !== this.#own) {
      recordOwnV2(this.#sql, own)
      this.#own = own
      this.#changes++
    }
  }
}
