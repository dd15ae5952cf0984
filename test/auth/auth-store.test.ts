import { describe, expect, it } from 'vitest'
import type { AuthStore } from '../../src/auth/auth-store.ts'
import { addRoot, bytes, Keyspace } from './keyspace.ts'

function filled(): Keyspace {
  const keyspace = new Keyspace()
  addRoot(keyspace)
  const { auth } = keyspace
  auth.userAdd('alice', bytes('a hash'))
  auth.userAdd('certain', undefined)
  auth.roleAdd('r')
  auth.roleGrantPermission({
    name: 'r',
    perm: { permType: 2, key: bytes('a'), rangeEnd: bytes('b') },
  })
  auth.userGrantRole({ user: 'alice', role: 'r' })
  auth.enable()
  return keyspace
}

function stateOf({ auth }: Keyspace): unknown {
  const users = auth.userList().map((name) => auth.user(name))
  const roles = auth.roleList().map((name) => [name, auth.roleGet(name)])
  return { enabled: auth.enabled, revision: auth.revision, users, roles }
}

describe('the users, the roles and their revision', () => {
  it('[AUT4] outlive an eviction', () => {
    const keyspace = filled()
    const before = stateOf(keyspace)
    keyspace.evict()
    expect(stateOf(keyspace)).toEqual(before)
    keyspace.auth.disable()
    keyspace.evict()
    expect(keyspace.auth.enabled).toBe(false)
    expect(keyspace.auth.revision).toBe(9)
  })

  const refusals: readonly [string, (auth: AuthStore) => void][] = [
    ['user-empty', (auth) => auth.userAdd('', undefined)],
    ['user-exists', (auth) => auth.userAdd('alice', undefined)],
    ['user-not-found', (auth) => auth.userDelete('nobody')],
    ['invalid-auth-management', (auth) => auth.userDelete('root')],
    ['no-password-user', (auth) => auth.userChangePassword('alice', undefined)],
    ['role-not-found', (auth) => auth.userGrantRole({ user: 'alice', role: 'none' })],
    ['role-not-granted', (auth) => auth.userRevokeRole({ name: 'certain', role: 'r' })],
    ['role-exists', (auth) => auth.roleAdd('r')],
    ['role-not-found', (auth) => auth.roleDelete('none')],
    ['permission-not-given', (auth) => auth.roleGrantPermission({ name: 'r' })],
    [
      'permission-not-granted',
      (auth) => auth.roleRevokePermission({ role: 'r', key: bytes('a'), rangeEnd: bytes('c') }),
    ],
  ]
  it.each(refusals)('[AUT6] are as they were after a refusal: %s', (kind, change) => {
    const keyspace = filled()
    const before = stateOf(keyspace)
    expect(keyspace.rowsWritten(() => expect(() => change(keyspace.auth)).toThrow(kind))).toBe(0)
    expect(stateOf(keyspace)).toEqual(before)
  })
})

describe('Authenticate', () => {
  it('[AUT7] gives out the hash to compare with', () => {
    const { auth } = filled()
    const check = auth.passwordCheck('alice')
    expect(check).toEqual({ hash: bytes('a hash'), revision: auth.revision })
    expect(auth.authenticated('alice', check)).toEqual({
      username: 'alice',
      revision: auth.revision,
    })
    expect(() => auth.passwordCheck('nobody')).toThrow('auth-failed')
    expect(() => auth.passwordCheck('certain')).toThrow('no-password-user')
  })

  it('[AUT8] begins anew where something has changed while the password was compared', () => {
    const { auth } = filled()
    const check = auth.passwordCheck('alice')
    auth.userChangePassword('alice', bytes('another hash'))
    expect(auth.authenticated('alice', check)).toBe('stale')
    auth.userDelete('alice')
    expect(() => auth.authenticated('alice', check)).toThrow('auth-failed')
    auth.disable()
    expect(() => auth.authenticated('alice', check)).toThrow('auth-not-enabled')
  })
})
