import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sql } from '../../src/mvcc/sql.ts'
import { V2AuthStore } from '../../src/v2/auth-store.ts'
import { granted, matches, matchesBelow, revoked } from '../../src/v2/permissions.ts'
import { V2Store } from '../../src/v2/store.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'

const NOW = 1_700_000_000_000

interface Opened {
  readonly store: V2Store
  readonly auth: V2AuthStore
}

function open(sql: Sql = openNodeSql()): Opened {
  const store = new V2Store(sql)
  return { store, auth: new V2AuthStore(store) }
}

const told = { password: '', roles: undefined, grant: [], revoke: [] }
const nothing = { read: undefined, write: undefined }
const role = { role: 'r', permissions: nothing, grant: undefined, revoke: undefined }

function addUser(auth: V2AuthStore, user: string, ...roles: readonly string[]): void {
  auth.putUser({ ...told, user, password: 'p', roles }, 'hash', NOW)
}

const pattern = fc.constantFrom('/*', '/a', '/a/*', '/a*', '/b', '')
const key = fc.constantFrom('', '/', '/a', '/a/', '/a/b', '/ab', '/b', '/b/c')

describe('patterns', () => {
  it('[V2A7] let at what they are, and with a star at what they begin', () => {
    fc.assert(
      fc.property(fc.array(pattern), key, (patterns, at) => {
        const starred = patterns.filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1))
        const begun = starred.some((start) => at.startsWith(start))
        const exact = at !== '' && patterns.some((one) => one === at)
        expect(matches(patterns, at)).toBe(begun || exact)
        expect(matchesBelow(patterns, at)).toBe(begun)
      }),
      { numRuns: runs(1000) },
    )
  })

  it('[V2A8] are granted once, and revoked where they are', () => {
    const list = fc.uniqueArray(pattern)
    fc.assert(
      fc.property(list, list, (there, more) => {
        const before = { read: there, write: undefined }
        const fresh = more.filter((one) => !there.includes(one))
        const read = [...there, ...fresh].toSorted()
        expect(granted(before, { read: fresh, write: undefined })).toEqual({ read, write: [] })
        const left = there.filter((one) => !more.includes(one)).toSorted()
        const change = { read: more, write: undefined }
        expect(revoked(before, change)).toEqual({ read: left, write: [] })
      }),
      { numRuns: runs(500) },
    )
    const once = { read: ['/a'], write: undefined }
    expect(() => granted(once, once)).toThrow('auth: Granting duplicate read permission /a')
  })
})

describe('users and roles', () => {
  it('[V2A8] a change that changes nothing is refused, and so is a role twice', () => {
    const { auth } = open()
    addUser(auth, 'u', 'r')
    auth.putUser({ ...told, user: 'u', grant: ['s'] }, '', NOW)
    expect(() => auth.putUser({ ...told, user: 'u' }, '', NOW)).toThrow('User not updated')
    expect(() => auth.putUser({ ...told, user: 'u', grant: ['s'] }, '', NOW)).toThrow(
      'auth: Granting duplicate role s for user u',
    )
    expect(() => auth.putUser({ ...told, user: 'u', revoke: ['t'] }, '', NOW)).toThrow(
      'auth: Revoking ungranted role t for user u',
    )
    auth.putRole(role, NOW)
    const revoke = { read: ['/x'], write: undefined }
    // That the role had no list was something else than an empty one.
    auth.putRole({ ...role, revoke }, NOW)
    expect(() => auth.putRole({ ...role, revoke }, NOW)).toThrow('Role not updated')
  })

  it('[V2A11] count the index, and outlive a restart', () => {
    const sql = openNodeSql()
    const { store, auth } = open(sql)
    const before = store.index
    addUser(auth, 'root')
    // Three directories and whether users are looked at came first.
    expect(store.index).toBe(before + 5)
    auth.enable(NOW)
    // The role of guests, and the change itself.
    expect(store.index).toBe(before + 7)
    const again = open(sql)
    expect(again.auth.isEnabled(NOW)).toBe(true)
    expect(again.auth.user('root', NOW)).toEqual({
      user: 'root',
      password: 'hash',
      roles: ['root'],
    })
    expect(again.auth.role('guest', NOW).permissions).toEqual({ read: ['/*'], write: ['/*'] })
    expect(() => again.auth.deleteUser('root', NOW)).toThrow('Cannot delete root user')
    again.auth.disable(NOW)
    expect(again.store.index).toBe(before + 8)
    expect(open(sql).auth.isEnabled(NOW)).toBe(false)
  })
})
