import { describe, expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import { AlarmMember, Lease, Role, User } from '../../src/protocol/generated/messages.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { putOf } from '../mvcc/requests.ts'
import { utf8 } from '../protocol/golden-file.ts'
import { type BoltContent, contentOf, readContent } from './content.ts'
import { smallKeyspace } from './small-keyspace.ts'
import { stateOf } from './state.ts'

/** Sixteen bytes a line, and none for those that are all zero. */
function dump(file: Buffer): string {
  const lines = Array.from({ length: file.length / 16 }, (_, i) =>
    file.subarray(16 * i, 16 * i + 16),
  )
  return lines
    .map((bytes, i) => ({ bytes, at: (16 * i).toString(16).padStart(6, '0') }))
    .filter(({ bytes }) => bytes.some(Boolean))
    .map(({ bytes, at }) => `${at}  ${bytes.toString('hex').replaceAll(/(..)(?=.)/g, '$1 ')}\n`)
    .join('')
}

/** The entries of a bucket as texts. */
function texts(file: BoltContent, bucket: string): Record<string, string> {
  const entries = file.get(bucket) ?? []
  return Object.fromEntries(entries.map(({ key, value }) => [key.toString(), value.toString()]))
}

function values<T>(
  file: BoltContent,
  bucket: string,
  read: (value: Uint8Array) => T,
): readonly T[] {
  return (file.get(bucket) ?? []).map(({ value }) => read(Uint8Array.from(value)))
}

/** A key of etcd's with what its value is in hex. */
function hex(file: BoltContent, bucket: string): Record<string, string> {
  const entries = file.get(bucket) ?? []
  return Object.fromEntries(
    entries.map(({ key, value }) => [key.toString(), value.toString('hex')]),
  )
}

const revision = (main: string): string => `${main.padStart(16, '0')}5f${'0'.repeat(16)}`

describe('the buckets of a snapshot', () => {
  it('[SNP2] are the ten of etcd, whatever there is in them', () => {
    const file = readContent(contentOf(bucketsOf(stateOf(new Keyspace()))))
    expect([...file.keys()]).toEqual([
      'alarm',
      'auth',
      'authRoles',
      'authUsers',
      'cluster',
      'key',
      'lease',
      'members',
      'members_removed',
      'meta',
    ])
  })

  it('[SNP2] hold leases with the TTL granted, in the order of their ids as bytes', () => {
    const keyspace = new Keyspace()
    const granted = [
      { ID: -5n, TTL: 70 },
      { ID: 9n, TTL: 9_000_000_000 },
      { ID: 0x7fffffffffffffffn, TTL: 2 },
      { ID: -(2n ** 63n), TTL: 30 },
    ]
    granted.forEach((lease) => keyspace.lessor.grant(lease, NOW))
    keyspace.lessor.keepAlive(9n, NOW + 1000)
    const file = readContent(contentOf(bucketsOf(stateOf(keyspace))))
    const [later, first, second, third] = granted
    expect(values(file, 'lease', (value) => decode(Lease, value))).toEqual(
      [first, second, third, later].map((lease) => ({ ...lease, RemainingTTL: 0 })),
    )
    expect(file.get('lease')?.map(({ key }) => key.readBigInt64BE(0))).toEqual(
      [first, second, third, later].map((lease) => lease?.ID),
    )
  })

  it('[SNP2] hold users with their hashes, roles with their permissions', () => {
    const keyspace = new Keyspace()
    const { auth } = keyspace
    const hash = utf8(`$2a$10$${'x'.repeat(53)}`)
    const perm = { permType: 2, key: utf8('b'), rangeEnd: utf8('c') }
    auth.roleAdd('root')
    auth.roleAdd('reader')
    auth.roleGrantPermission({ name: 'reader', perm })
    auth.roleGrantPermission({
      name: 'reader',
      perm: { ...perm, permType: 0, key: utf8('a') },
    })
    auth.userAdd('root', hash)
    auth.userAdd('certificate', undefined)
    auth.userGrantRole({ user: 'root', role: 'root' })
    auth.userGrantRole({ user: 'root', role: 'reader' })
    auth.enable()
    const file = readContent(contentOf(bucketsOf(stateOf(keyspace))))
    expect(hex(file, 'auth')).toEqual({ authEnabled: '01', authRevision: '0000000000000009' })
    expect(values(file, 'authUsers', (value) => decode(User, value))).toEqual([
      {
        name: utf8('certificate'),
        password: new Uint8Array(0),
        roles: [],
        options: { noPassword: true },
      },
      {
        name: utf8('root'),
        password: hash,
        roles: ['reader', 'root'],
        options: { noPassword: false },
      },
    ])
    expect(values(file, 'authRoles', (value) => decode(Role, value))).toEqual([
      {
        name: utf8('reader'),
        keyPermission: [{ ...perm, permType: 0, key: utf8('a') }, perm],
      },
      { name: utf8('root'), keyPermission: [] },
    ])
  })

  it('[SNP2] hold members, alarms and a downgrade under way', () => {
    const keyspace = new Keyspace()
    const state = stateOf(keyspace, {
      alarms: [{ memberID: 5n, alarm: 1 }],
      downgradeTarget: '3.6.0',
    })
    const learner = { ID: 10n, name: '', peerURLs: ['http://a:1'], clientURLs: [], isLearner: true }
    const members = [...state.members, learner]
    const file = readContent(contentOf(bucketsOf({ ...state, members })))
    expect(texts(file, 'members')).toEqual({
      a: '{"id":10,"peerURLs":["http://a:1"],"isLearner":true}',
      fedcba9876543210:
        '{"id":18364758544493064720,"peerURLs":["http://localhost:2380"],' +
        '"name":"default","clientURLs":["http://localhost:2379"]}',
    })
    expect(texts(file, 'meta')['confState']).toBe(
      '{"voters":[18364758544493064720],"learners":[10],"auto_leave":false}',
    )
    expect(texts(file, 'cluster')).toEqual({
      clusterVersion: '3.7.0',
      downgrade: '{"target-version":"3.6.0","enabled":true}',
    })
    const [alarm] = file.get('alarm') ?? []
    expect(decode(AlarmMember, alarm?.key ?? Buffer.alloc(0))).toEqual({ memberID: 5n, alarm: 1 })
    expect(alarm?.value.length).toBe(0)
  })

  it('[SNP7] name a compaction that is not done yet as scheduled, and not as finished', () => {
    const keyspace = new Keyspace()
    const meta = () => hex(readContent(contentOf(bucketsOf(stateOf(keyspace)))), 'meta')
    const { store } = keyspace
    store.put(putOf('a'))
    expect(meta()).not.toHaveProperty('scheduledCompactRev')
    store.put(putOf('a'))
    store.compact(3)
    expect(meta()).toMatchObject({ scheduledCompactRev: revision('3') })
    expect(meta()).not.toHaveProperty('finishedCompactRev')
    while (store.compactSlice(undefined)) {
      // Each slice deletes a part.
    }
    expect(meta()).toMatchObject({
      scheduledCompactRev: revision('3'),
      finishedCompactRev: revision('3'),
    })
  })

  it('[SNP3] of a small keyspace are byte for byte what etcd was seen to take', async () => {
    const file = contentOf(bucketsOf(stateOf(smallKeyspace())))
    await expect(dump(file)).toMatchFileSnapshot('../golden/snapshot-small.txt')
  })
})
