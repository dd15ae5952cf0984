import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../runs.ts'
import { addRoot, Keyspace, login, NOW, TOKEN_TTL } from './keyspace.ts'

function enabled(): Keyspace {
  const keyspace = new Keyspace()
  addRoot(keyspace)
  keyspace.auth.userAdd('alice', new Uint8Array(0))
  keyspace.auth.enable()
  return keyspace
}

function isAccepted(keyspace: Keyspace, token: string, now: number): boolean {
  try {
    keyspace.auth.authInfo(token, now)
    return true
  } catch (error) {
    assert.match(String(error), /invalid-auth-token/)
    return false
  }
}

describe('a simple token', () => {
  it('[AUT9] says who its bearer is, at the revision of the moment', () => {
    const keyspace = enabled()
    const token = login(keyspace, 'alice')
    expect(token).toMatch(/^[A-Za-z]{16}\.\d+\.\d+\.[0-9a-f]{32}$/)
    const { revision } = keyspace.auth
    expect(keyspace.auth.authInfo(token, NOW)).toEqual({ username: 'alice', revision })
    keyspace.auth.roleAdd('r')
    expect(keyspace.auth.authInfo(token, NOW)).toEqual({
      username: 'alice',
      revision: revision + 1,
    })
  })

  it('[AUT9] is another at each login', () => {
    const keyspace = enabled()
    expect(login(keyspace, 'alice')).not.toBe(login(keyspace, 'alice'))
  })

  it('[AUT10] lives for a TTL after its last use', () => {
    const keyspace = enabled()
    const token = login(keyspace, 'alice')
    const uses = [TOKEN_TTL - 1, 2 * (TOKEN_TTL - 1), 3 * (TOKEN_TTL - 1)]
    expect(uses.map((ms) => isAccepted(keyspace, token, NOW + ms))).toEqual([true, true, true])
    expect(isAccepted(keyspace, token, NOW + 3 * (TOKEN_TTL - 1) + TOKEN_TTL)).toBe(false)
    expect(isAccepted(keyspace, token, NOW)).toBe(true)
  })

  it('[AUT10] [AUT11] neither dies early nor lives long, with random uses and evictions', () => {
    const ms = fc.oneof(
      { weight: 9, arbitrary: fc.nat(TOKEN_TTL - 1) },
      { weight: 1, arbitrary: fc.nat(TOKEN_TTL * 1.8) },
    )
    const gaps = fc.array(fc.record({ ms, evicted: fc.boolean() }), {
      minLength: 5,
      maxLength: 60,
    })
    const seen = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(gaps, (steps) => {
        const keyspace = enabled()
        const token = login(keyspace, 'alice')
        let used = NOW
        let evictedSince = false
        for (const { ms: gap, evicted } of steps) {
          const now = used + gap
          if (evicted) {
            keyspace.evict()
          }
          evictedSince ||= evicted
          const accepted = isAccepted(keyspace, token, now)
          const dead = gap >= TOKEN_TTL && (!evictedSince || gap >= TOKEN_TTL * 1.5)
          expect(accepted && dead).toBe(false)
          expect(accepted || gap >= TOKEN_TTL).toBe(true)
          seen[accepted ? 'accepted' : 'refused']++
          if (!accepted) {
            return
          }
          used = now
          evictedSince = false
        }
      }),
      { numRuns: runs(300) },
    )
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(runs(50))
  })

  it('[AUT11] lives on through an eviction, unused at most half a TTL longer', () => {
    const keyspace = enabled()
    const token = login(keyspace, 'alice')
    const used = NOW + TOKEN_TTL - 1
    expect(isAccepted(keyspace, token, used)).toBe(true)
    keyspace.evict()
    expect(isAccepted(keyspace, token, used + 1.5 * TOKEN_TTL)).toBe(false)
    keyspace.evict()
    expect(isAccepted(keyspace, token, used + TOKEN_TTL - 1)).toBe(true)
    const unused = login(keyspace, 'alice')
    keyspace.evict()
    expect(isAccepted(keyspace, unused, NOW + 1.5 * TOKEN_TTL)).toBe(false)
    keyspace.evict()
    expect(isAccepted(keyspace, unused, NOW + 1.5 * TOKEN_TTL - 1)).toBe(true)
  })

  it('[AUT12] writes no row at login and in half a TTL after it, then at most two a TTL', () => {
    const keyspace = enabled()
    let token = ''
    const rows = (from: number, to: number): number =>
      keyspace.rowsWritten(() => {
        for (let now = from; now < to; now += 1000) {
          expect(isAccepted(keyspace, token, NOW + now)).toBe(true)
        }
      })
    expect(keyspace.rowsWritten(() => (token = login(keyspace, 'alice')))).toBe(0)
    expect(rows(0, TOKEN_TTL / 2 + 1)).toBe(0)
    const written = rows(TOKEN_TTL / 2, 10.5 * TOKEN_TTL)
    expect(written).toBeGreaterThan(0)
    expect(written).toBeLessThanOrEqual(20)
  })

  it('[AUT13] is refused where a letter of it is another, or it is of another keyspace', () => {
    const keyspace = enabled()
    const token = login(keyspace, 'alice')
    for (let at = 0; at < token.length; at++) {
      const letter = token[at] === '1' ? '2' : '1'
      const forged = token.slice(0, at) + letter + token.slice(at + 1)
      expect(isAccepted(keyspace, forged, NOW)).toBe(false)
    }
    for (const other of ['', token.slice(1), `${token}0`, ` ${token}`, login(enabled(), 'alice')]) {
      expect(isAccepted(keyspace, other, NOW)).toBe(false)
    }
    expect(isAccepted(keyspace, token, NOW)).toBe(true)
  })

  const deaths: readonly [string, (keyspace: Keyspace) => void][] = [
    [
      'its user has another password',
      ({ auth }) => auth.userChangePassword('alice', new Uint8Array(0)),
    ],
    ['its user is deleted', ({ auth }) => auth.userDelete('alice')],
    [
      'its user is deleted and added again',
      ({ auth }) => {
        auth.userDelete('alice')
        auth.userAdd('alice', new Uint8Array(0))
      },
    ],
    [
      'auth is disabled and enabled again',
      ({ auth }) => {
        auth.disable()
        auth.enable()
      },
    ],
  ]
  it.each(deaths)('[AUT14] dies when %s, whether memory knew it or not', (when, kill) => {
    for (const evicted of [false, true]) {
      const keyspace = enabled()
      const token = login(keyspace, 'alice')
      const roots = login(keyspace, 'root')
      expect(isAccepted(keyspace, token, NOW + TOKEN_TTL - 1)).toBe(true)
      if (evicted) {
        keyspace.evict()
      }
      kill(keyspace)
      expect(isAccepted(keyspace, token, NOW + TOKEN_TTL)).toBe(false)
      keyspace.evict()
      expect(isAccepted(keyspace, token, NOW + TOKEN_TTL)).toBe(false)
      expect(isAccepted(keyspace, roots, NOW)).toBe(!when.includes('disabled'))
    }
  })

  it('[AUT15] leaves no row when it has expired', () => {
    const keyspace = enabled()
    const count = (): unknown => keyspace.sql.first('SELECT COUNT(*) FROM auth_token')?.[0]
    for (let i = 0; i < 5; i++) {
      const token = login(keyspace, 'alice')
      expect(isAccepted(keyspace, token, NOW + TOKEN_TTL - 1)).toBe(true)
    }
    expect(count()).toBe(5)
    login(keyspace, 'root', NOW + 3 * TOKEN_TTL)
    expect(count()).toBe(0)
  })
})
