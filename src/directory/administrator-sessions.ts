import { jurisdictions } from '../config/keyspace-options.ts'
import { type Sql, textOf } from '../mvcc/sql.ts'
import type { KeyspaceAddress } from './directory-rpc.ts'

/** A keyspace that has to hear of a token's revocation. */
export interface Told {
  readonly token: string
  readonly address: KeyspaceAddress
}

const INSERT = `
INSERT INTO administrator_session (token, keyspace, jurisdiction) VALUES (?, ?, ?)
ON CONFLICT DO NOTHING`
const SELECT_UNTOLD = `
SELECT token, keyspace, jurisdiction FROM administrator_session
WHERE token NOT IN (SELECT id FROM access_token) LIMIT ?`
const DELETE = `
DELETE FROM administrator_session WHERE token = ? AND keyspace = ? AND jurisdiction = ?`

/** Where sockets may be open by administrators' tokens. */
export class AdministratorSessions {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** To be durable before a socket is opened there. */
  record(token: string, { name, jurisdiction }: KeyspaceAddress): void {
    this.#sql.run(INSERT, token, name, jurisdiction ?? '')
  }

  /** Keyspaces that have not heard that a token is no more. */
  untold(limit: number): readonly Told[] {
    return this.#sql.all(SELECT_UNTOLD, limit).map(([token, name, jurisdiction]) => ({
      token: textOf(token),
      address: {
        name: textOf(name),
        jurisdiction: jurisdictions.find((one) => one === jurisdiction),
      },
    }))
  }

  told({ token, address: { name, jurisdiction } }: Told): void {
    this.#sql.run(DELETE, token, name, jurisdiction ?? '')
  }
}
