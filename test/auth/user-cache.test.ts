import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { checkPermission } from '../../src/auth/check-permission.ts'
import { PERMISSION_BYTES_MAX } from '../../src/auth/user-cache.ts'
import type { Permission } from '../../src/protocol/generated/messages.ts'
import { RangeRequest } from '../../src/protocol/generated/messages.ts'
import { addRoot, bytes, Keyspace } from './keyspace.ts'

const roles = 20
const rangesPerRole = 100

/** A key of its own for each range of each role. */
function permission(role: number, range: number, padding = ''): Permission {
  return { permType: 2, key: bytes(`${role}/${range}${padding}`), rangeEnd: new Uint8Array(0) }
}

function keyspaceOf(...users: readonly string[]): Keyspace {
  const keyspace = new Keyspace()
  const { auth } = keyspace
  addRoot(keyspace)
  users.forEach((name) => auth.userAdd(name, undefined))
  for (let role = 0; role < roles; role++) {
    auth.roleAdd(`r${role}`)
    for (let range = 0; range < rangesPerRole; range++) {
      auth.roleGrantPermission({ name: `r${role}`, perm: permission(role, range) })
    }
    users.forEach((user) => auth.userGrantRole({ user, role: `r${role}` }))
  }
  auth.enable()
  return keyspace
}

function mayRead(keyspace: Keyspace, username: string, key: Uint8Array): boolean {
  const { auth } = keyspace
  const visit = { auth, who: { username, revision: auth.revision }, leases: keyspace }
  try {
    checkPermission(visit, '/etcdserverpb.KV/Range', { ...RangeRequest.empty(), key })
    return true
  } catch (error) {
    assert.match(String(error), /permission-denied/)
    return false
  }
}

describe('the permissions that memory knows', () => {
  it('[AUT40] follow each change without being read again', () => {
    const keyspace = keyspaceOf('alice', 'bob')
    const { auth, sql } = keyspace
    const [first, last] = [permission(0, 0), permission(19, 99)]
    const other = permission(99, 0)
    sql.rowsRead = 0
    expect(mayRead(keyspace, 'alice', first.key)).toBe(true)
    expect(mayRead(keyspace, 'bob', first.key)).toBe(true)
    expect(sql.rowsRead).toBeGreaterThan(2 * roles * rangesPerRole)
    const after = (change: () => void): object => {
      sql.rowsRead = 0
      change()
      const may = [first, last, other].map(({ key }) => mayRead(keyspace, 'alice', key))
      expect(sql.rowsRead).toBeLessThan(2 * rangesPerRole)
      return may
    }
    expect(after(() => auth.roleGrantPermission({ name: 'r0', perm: other }))).toEqual([
      true,
      true,
      true,
    ])
    const writing = { ...other, permType: 1 }
    expect(after(() => auth.roleGrantPermission({ name: 'r0', perm: writing }))).toEqual([
      true,
      true,
      false,
    ])
    expect(after(() => auth.roleRevokePermission({ role: 'r0', ...first }))).toEqual([
      false,
      true,
      false,
    ])
    expect(after(() => auth.userRevokeRole({ name: 'alice', role: 'r19' }))).toEqual([
      false,
      false,
      false,
    ])
    expect(after(() => auth.userGrantRole({ user: 'alice', role: 'r19' }))).toEqual([
      false,
      true,
      false,
    ])
    expect(after(() => auth.roleDelete('r19'))).toEqual([false, false, false])
    expect(mayRead(keyspace, 'bob', last.key)).toBe(false)
    expect(after(() => auth.userChangePassword('bob', bytes('a hash')))).toEqual([
      false,
      false,
      false,
    ])
    expect(after(() => auth.userDelete('bob'))).toEqual([false, false, false])
    expect(mayRead(keyspace, 'bob', permission(1, 1).key)).toBe(false)
  })

  it('[AUT40] of a user with little are made anew where much has changed', () => {
    const keyspace = keyspaceOf()
    const { auth } = keyspace
    const { key } = permission(0, 0)
    auth.userAdd('carol', undefined)
    expect(mayRead(keyspace, 'carol', key)).toBe(false)
    auth.userGrantRole({ user: 'carol', role: 'r0' })
    expect(mayRead(keyspace, 'carol', key)).toBe(true)
    auth.userRevokeRole({ name: 'carol', role: 'r0' })
    expect(mayRead(keyspace, 'carol', key)).toBe(false)
  })

  it('[AUT41] are kept up to a bound: who was known first is read again', () => {
    const keyspace = keyspaceOf('alice', 'bob', 'carol')
    const { auth, sql } = keyspace
    // A byte is two digits, and a permission two boundaries in each of two covers.
    const padding = 'x'.repeat(4000)
    const ranges = Math.ceil(PERMISSION_BYTES_MAX / 2.5 / (4000 * 2 * 4))
    auth.roleAdd('long')
    for (let range = 0; range < ranges; range++) {
      auth.roleGrantPermission({ name: 'long', perm: permission(50, range, padding) })
    }
    const readsOf = (username: string): number => {
      sql.rowsRead = 0
      expect(mayRead(keyspace, username, permission(0, 0).key)).toBe(true)
      return sql.rowsRead
    }
    for (const user of ['alice', 'bob', 'carol']) {
      auth.userGrantRole({ user, role: 'long' })
      expect(readsOf(user)).toBeGreaterThan(ranges)
    }
    expect(readsOf('carol')).toBe(0)
    expect(readsOf('bob')).toBe(0)
    expect(readsOf('alice')).toBeGreaterThan(ranges)
    expect(readsOf('bob')).toBeGreaterThan(ranges)
  })
})
