import { describe, expect, it } from 'vitest'
import { parseAuthToken } from '../../src/config/auth-token.ts'

describe('--auth-token', () => {
  it('[AUT20] names the kind of tokens, and the keys and the TTL of JWTs', () => {
    expect(parseAuthToken('simple')).toEqual({ kind: 'simple' })
    expect(parseAuthToken('')).toEqual({ kind: 'none' })
    const jwt = {
      kind: 'jwt',
      publicKey: undefined,
      privateKey: undefined,
      ttl: 300_000,
      survivesUserChanges: false,
    }
    expect(parseAuthToken('jwt,pub-key=a.pub,priv-key=a.key,sign-method=RS512,ttl=1h30m')).toEqual({
      ...jwt,
      publicKey: 'a.pub',
      privateKey: 'a.key',
      signMethod: 'RS512',
      ttl: 5_400_000,
    })
    expect(parseAuthToken('jwt,sign-method=HS256,colour=red,priv-key=,ttl=')).toEqual({
      ...jwt,
      signMethod: 'HS256',
    })
    expect(parseAuthToken('jwt,sign-method=HS256,survives-user-changes=true')).toEqual({
      ...jwt,
      signMethod: 'HS256',
      survivesUserChanges: true,
    })
  })

  const refused = [
    'JWT',
    'basic',
    'jwt',
    'jwt,sign-method=none',
    'jwt,sign-method=RS1',
    'jwt,sign-method=RS256,ttl=soon',
    'jwt,sign-method=RS256,ttl=300',
    'jwt,sign-method=RS256,sign-method=RS256',
    'jwt,sign-method=RS256,priv-key',
    'jwt,sign-method=RS256,priv-key=a=b',
    'simple,',
  ]
  it.each(refused)('[AUT20] is refused: %s', (text) => {
    expect(parseAuthToken(text)).toBeUndefined()
  })
})
