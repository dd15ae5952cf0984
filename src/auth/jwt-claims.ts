import type { AuthInfo } from './auth-store.ts'

/** `exp` is in seconds since 1970, as RFC 7519 has it. */
export interface JwtClaims {
  readonly username: string
  readonly revision: number
  readonly exp: number
}

/** `now` and `ttl` are in milliseconds. */
export function claimsOf({ username, revision }: AuthInfo, now: number, ttl: number): JwtClaims {
  return { username, revision, exp: Math.floor((now + ttl) / 1000) }
}

/**
 * Who the claims speak of, once their signature and times are checked; undefined where one is
 * missing or of another type. Whoever holds the signing key may claim anything: no such user is
 * refused later, and an old revision too.
 */
export function authInfoOfClaims(claims: Readonly<Record<string, unknown>>): AuthInfo | undefined {
  const username = claims['username']
  const revision = claims['revision']
  return typeof username === 'string' && typeof revision === 'number'
    ? { username, revision: Math.trunc(revision) }
    : undefined
}
