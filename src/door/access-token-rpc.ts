import type { Refused } from '../protocol/shard-rpc.ts'
import type { AccessToken, CreatedAccessToken, NewAccessToken } from './access-token.ts'

/** How the gateway, once it knows that an administrator asks, manages access tokens. */
export interface AccessTokenRpc {
  createAccessToken(wanted: NewAccessToken): Promise<CreatedAccessToken | Refused>
  /** The oldest first. */
  accessTokens(): Promise<AccessTokenList | Refused>
  /** Answers whether there was one. What is open by it has ended. */
  revokeAccessToken(id: string): Promise<{ readonly known: boolean } | Refused>
}

export interface AccessTokenList {
  readonly tokens: readonly AccessToken[]
}
