import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import script from '../../migrations/0011_access_token.sql'
import {
  formatAccessToken,
  isAccessToken,
  type NewAccessToken,
  parseAccessToken,
} from '../../src/door/access-token.ts'
import { ACCESS_TOKENS_MAX, AccessTokens } from '../../src/door/access-tokens.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { NodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'

const NOW = 1_800_000_000_000

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

const wanted: NewAccessToken = {
  description: 'of a test',
  access: 'read-write',
  commonNames: false,
  expires: undefined,
}

function opened(): { readonly sql: NodeSql; readonly tokens: AccessTokens } {
  const sql = new NodeSql()
  migrate(sql, [{ name: '0011_access_token', script }])
  return { sql, tokens: new AccessTokens(sql, 'keyspace') }
}

describe('an access token', () => {
  it('[DOR1] is told by its prefix, and says its kind and id', () => {
    const { tokens } = opened()
    const { text, token } = tokens.create(wanted, NOW, random)
    expect(text).toMatch(/^etcdurable_[\da-f]{16}_[\w-]{43}$/)
    expect(isAccessToken(text)).toBe(true)
    expect(parseAccessToken(text)).toMatchObject({ kind: 'keyspace', id: token.id })
    expect(isAccessToken('TBWNqQcxAKDYknRE.39')).toBe(false)
  })

  it('[DOR1] is read back letter by letter, and no other text is one', () => {
    const digits = fc.uint8Array({ minLength: 8, maxLength: 8 })
    const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const kinds = fc.constantFrom('keyspace' as const, 'administrator' as const)
    const parts = fc.record({ kind: kinds, id: digits, secret: secrets }).map((drawn) => ({
      kind: drawn.kind,
      id: Buffer.from(drawn.id).toString('hex'),
      secret: Buffer.from(drawn.secret).toString('base64url'),
    }))
    fc.assert(
      fc.property(parts, (drawn) => {
        expect(parseAccessToken(formatAccessToken(drawn))).toEqual(drawn)
      }),
    )
    const pieces = fc.constantFrom('etcdurable', '_', 'admin', 'ab12', 'AB', '-', ' ', '\n', 'é')
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40 }).map((drawn) => drawn.join('')),
      fc
        .tuple(parts.map(formatAccessToken), fc.nat(90), fc.string({ maxLength: 2 }))
        .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const read = parseAccessToken(text)
        expect(read === undefined || formatAccessToken(read) === text).toBe(true)
      }),
      { numRuns: runs(1000) },
    )
  })

  it('[DOR2] is known by its whole text and nothing near it', () => {
    const { tokens } = opened()
    const { text, token } = tokens.create(wanted, NOW, random)
    tokens.create(wanted, NOW, random)
    expect(tokens.verify(text, NOW)).toBe(token)
    for (let place = 0; place < text.length; place++) {
      for (const letter of ['A', 'Z', '0', '_', '-', '']) {
        const near = text.slice(0, place) + letter + text.slice(place + 1)
        expect(tokens.verify(near, NOW)).toBe(near === text ? token : undefined)
      }
    }
  })

  it('[DOR2] of the other kind is none here, whatever it says', () => {
    const { sql, tokens } = opened()
    const { text } = new AccessTokens(sql, 'administrator').create(wanted, NOW, random)
    expect(text).toMatch(/^etcdurable_admin_/)
    expect(tokens.verify(text, NOW)).toBeUndefined()
    expect(tokens.verify(text.replace('admin_', ''), NOW)).toBeDefined()
  })

  it('[DOR3] is stored without its secret', () => {
    const { sql, tokens } = opened()
    const { text } = tokens.create(wanted, NOW, random)
    const secret = text.slice(text.lastIndexOf('_', text.length - 43) + 1)
    const stored = sql.all('SELECT * FROM access_token').flat()
    const texts = stored.map((cell) =>
      typeof cell === 'object' && cell !== null
        ? Buffer.from(cell as Uint8Array).toString('latin1')
        : String(cell),
    )
    expect(texts.join(' ')).not.toContain(secret)
    expect(texts.join(' ')).not.toContain(Buffer.from(secret, 'base64url').toString('latin1'))
  })

  it('[DOR4] is dead from its expiry on, and once it is revoked', () => {
    const { tokens } = opened()
    const limited = tokens.create({ ...wanted, expires: NOW + 10 }, NOW, random)
    const { text, token } = tokens.create(wanted, NOW, random)
    expect(tokens.verify(limited.text, NOW + 9)).toBe(limited.token)
    expect(tokens.verify(limited.text, NOW + 10)).toBeUndefined()
    expect(tokens.isAlive(limited.token, NOW + 10)).toBe(false)
    expect(tokens.verify(text, NOW + 10)).toBe(token)
    expect(tokens.revoke(token.id)).toBe(true)
    expect(tokens.revoke(token.id)).toBe(false)
    expect(tokens.verify(text, NOW)).toBeUndefined()
    expect(tokens.get(token.id, NOW)).toBeUndefined()
    expect(tokens.isAlive(token, NOW)).toBe(false)
  })

  it('[DOR4] outlives an eviction, as does its end', () => {
    const { sql, tokens } = opened()
    const made = Array.from({ length: 5 }, () => tokens.create(wanted, NOW, random))
    const [first, second] = made
    tokens.revoke(first?.token.id ?? '')
    const after = new AccessTokens(sql, 'keyspace')
    expect(after.list()).toEqual(tokens.list())
    expect(after.verify(first?.text ?? '', NOW)).toBeUndefined()
    expect(after.verify(second?.text ?? '', NOW)).toEqual(second?.token)
    expect(after.get(second?.token.id ?? '', NOW)).toEqual(second?.token)
  })

  it('[DOR5] is listed with all but its secret, an expired one until the next is made', () => {
    const { tokens } = opened()
    const limited = tokens.create({ ...wanted, expires: NOW + 10 }, NOW, random)
    expect(tokens.list()).toEqual([
      { ...wanted, expires: NOW + 10, id: limited.token.id, created: NOW },
    ])
    const { token } = tokens.create({ ...wanted, access: 'read-only' }, NOW + 10, random)
    expect(tokens.list()).toEqual([token])
  })

  it('[DOR5] is one of a thousand at most', () => {
    const { tokens } = opened()
    for (let count = 0; count < ACCESS_TOKENS_MAX; count++) {
      tokens.create({ ...wanted, expires: NOW + 1 }, NOW, random)
    }
    expect(() => tokens.create(wanted, NOW, random)).toThrow('too-many-access-tokens')
    expect(tokens.list()).toHaveLength(ACCESS_TOKENS_MAX)
    expect(tokens.create(wanted, NOW + 1, random).token.created).toBe(NOW + 1)
  })
})
