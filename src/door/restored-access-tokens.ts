import { hexToBytes } from '@noble/hashes/utils'
import type { Sql } from '../mvcc/sql.ts'
import { INSERT_TOKEN } from './access-tokens.ts'

const DELETE_TOKENS = 'DELETE FROM access_token'

/** As it was stored; its hash is 64 hexadecimal digits. */
interface RestoredAccessToken {
  readonly id: string
  readonly hash: string
  readonly access: string
  readonly commonNames: boolean
  readonly description: string
  readonly created: number
  readonly expires: number | null
}

/** In place of those that are there. AccessTokens are opened when all are. */
export function restoreAccessTokens(sql: Sql, tokens: readonly RestoredAccessToken[]): void {
  sql.run(DELETE_TOKENS)
  for (const { id, hash, access, commonNames, description, created, expires } of tokens) {
    sql.run(
      INSERT_TOKEN,
      id,
      hexToBytes(hash),
      access,
      commonNames ? 1 : 0,
      description,
      created,
      expires,
    )
  }
}
