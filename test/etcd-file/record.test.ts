import { describe, expect, it } from 'vitest'
import { UserRestore } from '../../src/auth/restored-users.ts'
import { FileProblem } from '../../src/etcd-file/file-problem.ts'
import { recordOf } from '../../src/etcd-file/record.ts'
import { restoreLease, startLeases } from '../../src/lease/restored-leases.ts'
import { revisionBytes } from '../../src/mvcc/revision-bytes.ts'
import { encode } from '../../src/protocol/binary.ts'
import { Role, User } from '../../src/protocol/generated/messages.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

const text = (value: string): Buffer => Buffer.from(value)
const stateOf = (bucket: string, key: string, value: string | Buffer) =>
  recordOf({ bucket, key: text(key), value: Buffer.from(value) })

describe('an entry of a file', () => {
  it('[SNP22] of meta and cluster says what a keyspace takes over of it', () => {
    const revision = Buffer.from(revisionBytes({ main: 9, sub: 0, deleted: false }))
    expect(stateOf('meta', 'finishedCompactRev', revision)).toEqual({
      kind: 'compaction',
      revision: 9,
      finished: true,
    })
    expect(stateOf('meta', 'scheduledCompactRev', revision)).toMatchObject({ finished: false })
    expect(stateOf('meta', 'storageVersion', '3.6.0')).toEqual({ kind: 'other' })
    expect(stateOf('meta', 'confState', '{}')).toEqual({ kind: 'other' })
    expect(stateOf('members', 'a', '{}')).toEqual({ kind: 'other' })
    const downgrade = '{"target-version":"3.6.0","enabled":true}'
    expect(stateOf('cluster', 'downgrade', downgrade)).toEqual({
      kind: 'downgrade',
      target: '3.6.0',
    })
    const none = '{"target-version":"","enabled":false}'
    expect(stateOf('cluster', 'downgrade', none)).toEqual({ kind: 'other' })
  })

  it('[SNP22] without a key, as etcdutl leaves it behind a bumped revision, is no change', () => {
    const key = revisionBytes({ main: 1_000_000_064, sub: 0, deleted: false })
    const mark = { bucket: 'key', key, value: new Uint8Array(0) }
    expect(recordOf(mark)).toEqual({ kind: 'mark', revision: 1_000_000_064 })
  })

  it('[SNP22] names users and roles in UTF-8', () => {
    const none = { password: text(''), roles: [], options: undefined }
    const user = (name: Buffer) =>
      recordOf({ bucket: 'authUsers', key: name, value: encode(User, { ...none, name }) })
    expect(user(text('ä'))).toMatchObject({ kind: 'user', name: 'ä' })
    expect(() => user(Buffer.of(0xff))).toThrow(new FileProblem('is damaged: a name is not UTF-8'))
    const role = encode(Role, { name: text('r'), keyPermission: [] })
    expect(recordOf({ bucket: 'authRoles', key: text('r'), value: role })).toMatchObject({
      kind: 'role',
      name: 'r',
    })
  })

  it('[SNP23] of a lease lets it live for what remains of it, or for all of it', () => {
    const sql = openNodeSql()
    restoreLease(sql, { ID: 7n, TTL: 600, RemainingTTL: 90 })
    restoreLease(sql, { ID: -8n, TTL: 600, RemainingTTL: 0 })
    restoreLease(sql, { ID: 9n, TTL: 1, RemainingTTL: 0 })
    startLeases(sql, NOW)
    const { lessor } = new Keyspace(() => undefined, sql)
    const left = (id: bigint) => lessor.timeToLive(id, NOW)
    expect(left(7n)).toEqual({ TTL: 90, grantedTTL: 600 })
    expect(left(-8n)).toEqual({ TTL: 600, grantedTTL: 600 })
    expect(left(9n)).toEqual({ TTL: 2, grantedTTL: 2 })
    expect(lessor.expired(NOW + 90_000, 10)).toEqual([9n, 7n])
    lessor.keepAlive(-8n, NOW + 100_000)
    expect(lessor.timeToLive(-8n, NOW + 100_000).TTL).toBe(600)
  })

  it('[SNP23] of users and roles lets them be as they were', () => {
    const sql = openNodeSql()
    const users = new UserRestore(sql, (length) => new Uint8Array(length))
    const hash = text(`$2a$10$${'x'.repeat(53)}`)
    const named = { password: hash, options: undefined }
    // Of one key etcd may hold several permissions, in the order of their granting.
    const permissions = [
      { permType: 1, key: text('a'), rangeEnd: text('b') },
      { permType: 0, key: text('a'), rangeEnd: text('') },
      { permType: 2, key: text('k'), rangeEnd: Buffer.of(0) },
    ]
    users.role('some', { name: text('some'), keyPermission: permissions })
    users.user('root', { ...named, name: text('root'), roles: ['root', 'some'] })
    const noPassword = { password: text(''), options: { noPassword: true } }
    users.user('cert', { ...noPassword, name: text('cert'), roles: [] })
    users.revision(12)
    users.enable()
    const { auth } = new Keyspace(() => undefined, sql)
    expect([auth.enabled, auth.revision, auth.userList()]).toEqual([true, 12, ['cert', 'root']])
    expect(auth.userGet('root')).toEqual(['root', 'some'])
    expect(Buffer.from(auth.passwordCheck('root').hash).equals(hash)).toBe(true)
    expect(auth.user('cert')?.noPassword).toBe(true)
    const perms = auth.roleGet('some').map(({ permType, key, rangeEnd }) => ({
      permType,
      key: Buffer.from(key),
      rangeEnd: Buffer.from(rangeEnd),
    }))
    expect(perms).toEqual(permissions)
    const token = auth.assignToken({ username: 'root', revision: 12 }, NOW)
    expect(auth.authInfo(token, NOW)).toEqual({ username: 'root', revision: 12 })
    auth.userAdd('new', hash)
    expect(auth.revision).toBe(13)
  })
})
