import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import type { AccessTokens } from '../door/access-tokens.ts'
import type { Refused } from '../protocol/shard-rpc.ts'
import { refusal } from './reply.ts'

/** Makes an access token of now. */
export function newAccessToken(
  tokens: AccessTokens,
  wanted: NewAccessToken,
): CreatedAccessToken | Refused {
  try {
    return tokens.create(wanted, Date.now(), (length) =>
      crypto.getRandomValues(new Uint8Array(length)),
    )
  } catch (error) {
    return refusal(error)
  }
}
