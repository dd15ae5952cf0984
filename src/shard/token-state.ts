import type { TokenState } from '../follow/frame.ts'
import { bytesOf, numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import { fromBase64 } from '../protocol/base64-decode.ts'
import { toBase64 } from '../protocol/base64.ts'

const SELECT_KEY = 'SELECT key FROM auth_token_key'
const SELECT_PASSWORDS = 'SELECT name, password_revision FROM auth_user ORDER BY name'
const DELETE_KEY = 'DELETE FROM auth_token_key'
const INSERT_KEY = 'INSERT INTO auth_token_key (one, key) VALUES (1, ?)'
/** No two users may share one, not even for a moment. */
const SET_ASIDE = 'UPDATE auth_user SET password_revision = -1 - password_revision'
const UPDATE_PASSWORD_REVISION = 'UPDATE auth_user SET password_revision = ? WHERE name = ?'

/** By what a keyspace knows its simple tokens, beside its users. */
export function tokenStateIn(sql: Sql): TokenState {
  const key = sql.first(SELECT_KEY)?.[0]
  return {
    key: key === undefined ? null : toBase64(bytesOf(key)),
    passwords: sql
      .all(SELECT_PASSWORDS)
      .map(([name, revision]) => [textOf(name), numberOf(revision)] as const),
  }
}

/** Behind the users that it is of. To be told within a transaction. */
export function restoreTokenState(sql: Sql, { key, passwords }: TokenState): void {
  sql.run(SET_ASIDE)
  for (const [name, revision] of passwords) {
    sql.run(UPDATE_PASSWORD_REVISION, revision, name)
  }
  sql.run(DELETE_KEY)
  if (key !== null) {
    sql.run(INSERT_KEY, fromBase64(key) ?? null)
  }
}
