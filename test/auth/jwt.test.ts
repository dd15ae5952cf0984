import { exportPKCS8, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { Jwt, type JwtKeyFiles } from '../../src/auth/jwt.ts'
import { type SignMethod, signMethods } from '../../src/config/auth-token.ts'
import { bytes, NOW } from './keyspace.ts'

const TTL = 300_000
const alice = { username: 'alice', revision: 7 }

async function keyFiles(signMethod: SignMethod): Promise<JwtKeyFiles> {
  if (signMethod.startsWith('HS')) {
    const privateKey = crypto.getRandomValues(new Uint8Array(64))
    return { signMethod, publicKey: undefined, privateKey }
  }
  const pair = await generateKeyPair(signMethod, { extractable: true })
  const publicKey = bytes(await exportSPKI(pair.publicKey))
  return { signMethod, publicKey, privateKey: bytes(await exportPKCS8(pair.privateKey)) }
}

function claimsIn(token = ''): unknown {
  return JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
}

describe('a JWT', () => {
  it.each(signMethods)('[AUT21] signed by %s says who its bearer is', async (signMethod) => {
    const files = await keyFiles(signMethod)
    const jwt = await Jwt.open(files, TTL)
    const token = (await jwt.sign(alice, NOW)) ?? ''
    expect(claimsIn(token)).toEqual({ ...alice, exp: (NOW + TTL) / 1000 })
    expect(await jwt.verify(token, NOW)).toEqual(alice)
    expect(await jwt.verify(token, NOW + TTL - 1)).toEqual(alice)
    expect(await jwt.verify(token, NOW + TTL)).toBeUndefined()
    expect(
      await (await Jwt.open(await keyFiles(signMethod), TTL)).verify(token, NOW),
    ).toBeUndefined()
    const privateOnly = await Jwt.open({ ...files, publicKey: undefined }, TTL)
    expect(await privateOnly.verify(token, NOW)).toEqual(alice)
  })

  it('[AUT22] is refused if it is none, or signed by another method or for no user', async () => {
    const files = await keyFiles('HS256')
    const jwt = await Jwt.open(files, TTL)
    const key = files.privateKey ?? new Uint8Array(0)
    const sign = (alg: string, claims: Record<string, unknown>): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg }).sign(key)
    expect(await jwt.verify(await sign('HS256', alice), NOW)).toEqual(alice)
    const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(alice))}.`
    const refused = [
      '',
      'garbage',
      'a.b.c',
      unsigned,
      await sign('HS512', alice),
      await sign('HS256', { username: 'alice' }),
      await sign('HS256', { username: 'alice', revision: '7' }),
      await sign('HS256', { username: 7, revision: 7 }),
      await sign('HS256', { ...alice, exp: NOW / 1000 }),
      await sign('HS256', { ...alice, nbf: NOW / 1000 + 1 }),
    ]
    for (const token of refused) {
      expect(await jwt.verify(token, NOW)).toBeUndefined()
    }
  })

  it('[AUT23] is only verified where there is a public key alone', async () => {
    const files = await keyFiles('ES256')
    const token = (await (await Jwt.open(files, TTL)).sign(alice, NOW)) ?? ''
    const verifier = await Jwt.open({ ...files, privateKey: undefined }, TTL)
    expect(await verifier.sign(alice, NOW)).toBeUndefined()
    expect(await verifier.verify(token, NOW)).toEqual(alice)
  })

  it.each(['RS256', 'ES256', 'EdDSA'] as const)(
    '[AUT23] of %s needs a key, and two that are a pair',
    async (signMethod) => {
      const { publicKey } = await keyFiles(signMethod)
      const { privateKey } = await keyFiles(signMethod)
      await expect(Jwt.open({ signMethod, publicKey, privateKey }, TTL)).rejects.toThrow(
        "auth: public and private keys don't match",
      )
      const none = { signMethod, publicKey: new Uint8Array(0), privateKey: undefined }
      await expect(Jwt.open(none, TTL)).rejects.toThrow('auth: missing key data')
    },
  )

  it('[AUT23] of an HMAC method needs its key', async () => {
    const none = { signMethod: 'HS256', publicKey: bytes('x'), privateKey: undefined } as const
    await expect(Jwt.open(none, TTL)).rejects.toThrow('auth: missing key data')
  })
})
