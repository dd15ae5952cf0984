import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../src/protocol/binary.ts'
import { FrameKind } from '../../src/protocol/frames.ts'
import {
  type AuthenticateResponse,
  AuthUserAddRequest,
  type HashKVResponse,
  HashKVRequest,
  type LeaseGrantResponse,
  LeaseLeasesRequest,
  type LeaseLeasesResponse,
  LockRequest,
  LockResponse,
  type MemberListResponse,
  type PutResponse,
  RangeRequest,
  type RangeResponse,
  type StatusResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import {
  ask,
  bytes,
  call,
  COMPACT,
  compaction,
  grant,
  LEASE_GRANT,
  put,
  PUT,
  range,
  RANGE,
  type Serving,
  shardNamed,
} from './calls.ts'
import { replicaOf, rowsIn, untilWhole, wholeReplicaOf } from './replica-objects.ts'
import { SessionClient } from './session-client.ts'

const END = FrameKind.END
const encodeRange = (): Uint8Array => encode(RangeRequest, range('a', { serializable: true }))
const ALL = { rangeEnd: new Uint8Array(1) }
const LOCK = '/v3lockpb.Lock/Lock'
const UNLOCK = '/v3lockpb.Lock/Unlock'

async function auth<T>(at: Serving, name: string, request: object, token?: string): Promise<T> {
  return ask<T>(at, `/etcdserverpb.Auth/${name}` as MethodName, request, token)
}

async function login(at: Serving, name: string): Promise<string> {
  return (await auth<AuthenticateResponse>(at, 'Authenticate', { name, password: name })).token
}

/** The user root, and alice who may read `a`. */
async function enableAuth(at: Serving): Promise<void> {
  for (const name of ['root', 'alice']) {
    await auth(at, 'UserAdd', create(AuthUserAddRequest, { name, password: name }))
  }
  await auth(at, 'UserGrantRole', { user: 'root', role: 'root' })
  await auth(at, 'RoleAdd', { name: 'a' })
  const perm = { permType: 0, key: bytes('a'), rangeEnd: new Uint8Array(0) }
  await auth(at, 'RoleGrantPermission', { name: 'a', perm })
  await auth(at, 'UserGrantRole', { user: 'alice', role: 'a' })
  await auth(at, 'AuthEnable', {})
}

const keysOf = ({ kvs }: RangeResponse): readonly string[] =>
  kvs.map(({ key }) => new TextDecoder().decode(key))

/** Who says that they have answered. */
async function memberIn(at: Serving, method: MethodName, request: object): Promise<bigint> {
  const { header } = await ask<PutResponse>(at, method, request)
  return header?.memberId ?? 0n
}

describe('what a replica begins with', () => {
  it('[RPL11] passes everything on to the leader until it has copied all', async () => {
    const { replica, leader } = await replicaOf('copying', 'weur')
    const { header } = await ask<PutResponse>(replica, PUT, put('a'))
    expect(keysOf(await ask(replica, RANGE, range('a')))).toEqual(['a'])
    expect(header?.memberId).toBe(
      (await ask<RangeResponse>(leader, RANGE, range('a'))).header?.memberId,
    )
    await untilWhole(replica)
    expect(keysOf(await ask(replica, RANGE, range('a')))).toEqual(['a'])
  })

  it('[RPL12] copies values of several rows, deletions, compactions, leases, while writes go on', async () => {
    const leader = await shardNamed('copied')
    await ask(leader, LEASE_GRANT, grant(9n, 3600))
    await ask(leader, PUT, put('long', 'x'.repeat(1_400_000), 9n))
    for (let i = 0; i < 500; i++) {
      await ask(leader, PUT, put(`k${i % 40}`, `${i}`))
    }
    await ask(leader, COMPACT, compaction(300, true))
    const { replica } = await replicaOf('copied', 'apac')
    for (let i = 0; i < 50; i++) {
      await ask(leader, PUT, put(`k${i}`, `${i}`))
    }
    await untilWhole(replica)
    const [ours, theirs] = [
      await ask<RangeResponse>(leader, RANGE, range('\0', ALL)),
      await ask<RangeResponse>(replica, RANGE, range('\0', ALL)),
    ]
    expect(theirs.kvs).toEqual(ours.kvs)
    for (const revision of [301, 400, 552]) {
      const request = create(HashKVRequest, { revision })
      const hash = async (at: Serving): Promise<HashKVResponse> =>
        ask<HashKVResponse>(at, '/etcdserverpb.Maintenance/HashKV', request)
      expect((await hash(replica)).hash).toBe((await hash(leader)).hash)
    }
    expect(await rowsIn(replica, 'SELECT id, ttl FROM lease')).toEqual([{ id: '9', ttl: 3600 }])
  })

  it('[RPL13] what is not of the leader’s own history is copied anew', async () => {
    const { leader, replica } = await wholeReplicaOf('diverged', 'weur')
    await ask(leader, PUT, put('a', 'led'))
    await runInDurableObject(replica, (_, { storage }) => {
      storage.sql.exec('UPDATE replica_of SET epoch = 0')
    })
    await evictDurableObject(replica)
    await expect
      .poll(
        async () => {
          // The object is lost at it, and with it whoever asks at that moment.
          const again = env.REPLICA.getByName('diverged@weur')
          const answer = await call(again, RANGE, range('a', { serializable: true })).catch(
            () => undefined,
          )
          const [row] = await rowsIn(again, 'SELECT epoch FROM replica_of').catch(() => [])
          return answer !== undefined && row?.['epoch'] === 1
        },
        { timeout: 10_000 },
      )
      .toBe(true)
    const copied = env.REPLICA.getByName('diverged@weur')
    await untilWhole(copied)
    expect(keysOf(await ask(copied, RANGE, range('a')))).toEqual(['a'])
  })

  it('[RPL14] is told twice what it is, and is it once; it is free when it was removed', async () => {
    const { leader, replica } = await wholeReplicaOf('told', 'weur')
    await ask(leader, PUT, put('a'))
    const { replica: again } = await replicaOf('told', 'weur')
    expect(keysOf(await ask(again, RANGE, range('a')))).toEqual(['a'])
    await replica.destroy().catch(() => undefined)
    // A stub that has thrown is of no use any more.
    const removed = env.REPLICA.getByName('told@weur')
    const report = await removed.report()
    expect(isRefused(report)).toBe(true)
    expect(await call(removed, RANGE, range('a'))).toMatchObject({
      refused: { message: expect.stringContaining('keyspace') as string },
    })
  })
})

describe('reads at a replica', () => {
  it('[RPL15] a linearizable read sees what was acknowledged before it', async () => {
    const { leader, replica } = await wholeReplicaOf('linearizable', 'weur')
    for (let i = 0; i < 30; i++) {
      const written = await ask<PutResponse>(leader, PUT, put('a', `${i}`))
      const read = await ask<RangeResponse>(replica, RANGE, range('a'))
      expect(read.header?.revision).toBe(written.header?.revision)
      if (i % 7 === 0) {
        await evictDurableObject(replica)
      }
    }
  })

  it('[RPL16] answers reads itself, and at past revisions, and says that it is a learner', async () => {
    const { leader, replica } = await wholeReplicaOf('own reads', 'oc')
    await ask(leader, PUT, put('a', '1'))
    await ask(leader, PUT, put('a', '2'))
    const own = (await ask<StatusResponse>(replica, '/etcdserverpb.Maintenance/Status', {})) ?? {}
    const led = (await ask<StatusResponse>(leader, '/etcdserverpb.Maintenance/Status', {})) ?? {}
    expect(own).toMatchObject({ isLearner: true, leader: led.leader })
    expect(own.header?.clusterId).toBe(led.header?.clusterId)
    expect(own.header?.memberId).not.toBe(led.header?.memberId)
    const read = await ask<RangeResponse>(replica, RANGE, range('a', { revision: 2 }))
    expect(read.kvs[0]?.value).toEqual(bytes('1'))
    expect(read.header?.memberId).toBe(own.header?.memberId)
    const { members } = await ask<MemberListResponse>(
      replica,
      '/etcdserverpb.Cluster/MemberList',
      {},
    )
    expect(members.find(({ ID }) => ID === own.header?.memberId)).toMatchObject({
      name: 'oc',
      isLearner: true,
    })
  })

  it('[RPL17] a writer finds its own writes by serializable reads at the replica it wrote through', async () => {
    const { replica } = await wholeReplicaOf('own writes', 'weur')
    await ask(replica, RANGE, range('a'))
    for (let i = 0; i < 20; i++) {
      await ask(replica, PUT, put('a', `${i}`))
      const read = await ask<RangeResponse>(replica, RANGE, range('a', { serializable: true }))
      expect(read.kvs[0]?.value).toEqual(bytes(`${i}`))
    }
  })

  it('[RPL18] a reader that names a revision is answered at it or later, or told that it did not come', async () => {
    const { leader, replica } = await wholeReplicaOf('min revision', 'weur')
    await ask(leader, PUT, put('a'))
    const read = async (minRevision: number) => {
      const context = { administrator: true as const, minRevision }
      const request = encodeRange()
      const [outcome] = await replica.callMany([{ method: RANGE, request, context }])
      return outcome
    }
    expect(await read(2)).toHaveProperty('response')
    expect(await read(100)).toMatchObject({
      refused: { message: 'etcdserver: request timed out' },
    })
  })
})

describe('what a replica passes on', () => {
  it('[RPL23] is answered as of the member that was asked, whoever has led', async () => {
    const { leader, replica } = await wholeReplicaOf('member', 'weur')
    const own = await memberIn(replica, '/etcdserverpb.Maintenance/Status', {})
    expect(await memberIn(leader, PUT, put('a'))).not.toBe(own)
    expect(await memberIn(replica, PUT, put('a'))).toBe(own)
    expect(await memberIn(replica, LEASE_GRANT, grant(3n, 60))).toBe(own)
    expect(
      await memberIn(replica, LOCK, create(LockRequest, { name: bytes('l'), lease: 3n })),
    ).toBe(own)
    expect(await memberIn(replica, RANGE, range('a'))).toBe(own)
  })

  it('[RPL19] leases, and locks that wait, whose place in the queue ends with their caller', async () => {
    const { leader, replica } = await wholeReplicaOf('passed', 'weur')
    const { ID } = await ask<LeaseGrantResponse>(replica, LEASE_GRANT, grant(0n, 60))
    const { leases } = await ask<LeaseLeasesResponse>(
      replica,
      '/etcdserverpb.Lease/LeaseLeases',
      create(LeaseLeasesRequest, {}),
    )
    expect(leases.map((lease) => lease.ID)).toEqual([ID])
    const lock = create(LockRequest, { name: bytes('l'), lease: ID })
    const first = await ask<LockResponse>(leader, LOCK, lock)
    const client = await SessionClient.of(replica, { administrator: true })
    const queued = async (): Promise<number> =>
      (await ask<RangeResponse>(leader, RANGE, range('l/', { rangeEnd: bytes('l0') }))).kvs.length
    const wait = async (stream: number): Promise<void> => {
      const { ID: lease } = await ask<LeaseGrantResponse>(replica, LEASE_GRANT, grant(0n, 60))
      client.call(LOCK, create(LockRequest, { name: bytes('l'), lease }), stream)
    }
    await wait(5)
    await expect.poll(queued).toBe(2)
    await wait(6)
    await expect.poll(queued).toBe(3)
    client.frame(END, new Uint8Array(0), 5)
    await expect.poll(queued).toBe(2)
    await ask(leader, UNLOCK, { key: first.key })
    const { key } = decode(LockResponse, await client.answer(6))
    expect(new TextDecoder().decode(key)).toMatch(/^l\//)
    client.socket.close()
  })
})

describe('watches at a replica', () => {
  it('[RPL20] hear each revision once and in order, through evictions of either', async () => {
    const { leader, replica } = await wholeReplicaOf('watched', 'weur')
    const client = await SessionClient.open(replica)
    client.watch({ key: bytes('a'), rangeEnd: bytes('b') })
    await client.until(() => client.responses.length === 1)
    const expected: number[] = []
    for (let round = 0; round < 12; round++) {
      const { header } = await ask<PutResponse>(leader, PUT, put(`a${round}`))
      expected.push(header?.revision ?? 0)
      if (round % 4 === 1) {
        await evictDurableObject(replica)
      } else if (round % 4 === 3) {
        await evictDurableObject(leader)
      }
    }
    await ask(replica, RANGE, range('a'))
    await client.until(() => client.revisions.length === expected.length)
    expect(client.revisions).toEqual(expected)
    client.request({ progressRequest: {} })
    await client.until(() => client.responses.at(-1)?.watchId === -1)
    expect(client.responses.at(-1)?.header?.revision).toBe(expected.at(-1))
    client.socket.close()
  })
})

describe('who may come in at a replica', () => {
  it('[RPL21] is who may at the leader: users, their tokens, and what was granted a moment ago', async () => {
    const { leader, replica } = await wholeReplicaOf('users', 'weur')
    await ask(leader, PUT, put('a'))
    await ask(leader, PUT, put('b'))
    await enableAuth(leader)
    const [root, alice] = [await login(leader, 'root'), await login(replica, 'alice')]
    const read = (key: string, token?: string) =>
      call(replica, RANGE, range(key, { serializable: true }), token)
    expect(await read('a', alice)).toHaveProperty('response')
    expect(await read('b', alice)).toMatchObject({
      refused: { message: 'etcdserver: permission denied' },
    })
    expect(await read('a')).toMatchObject({
      refused: { message: 'etcdserver: user name is empty' },
    })
    expect(await read('a', 'none')).toMatchObject({
      refused: { message: 'etcdserver: invalid auth token' },
    })
    const perm = { permType: 0, key: bytes('b'), rangeEnd: new Uint8Array(0) }
    await auth(leader, 'RoleGrantPermission', { name: 'a', perm }, root)
    expect(await read('b', alice)).toHaveProperty('response')
    await auth(leader, 'RoleRevokePermission', { role: 'a', ...perm }, root)
    expect(await read('b', alice)).toMatchObject({
      refused: { message: 'etcdserver: permission denied' },
    })
    // The replica knows the token by itself: it says so with its own member id.
    const known = await ask<RangeResponse>(replica, RANGE, range('a'), alice)
    const other = await ask<RangeResponse>(leader, RANGE, range('a'), alice)
    expect(known.header?.memberId).not.toBe(other.header?.memberId)
  })

  it('[RPL22] access tokens count at once, and are dead at once, with the sockets that they opened', async () => {
    const { leader, replica } = await wholeReplicaOf('tokens', 'weur')
    await ask(replica, RANGE, range('a'))
    const created = await leader.createAccessToken({
      access: 'read-only',
      commonNames: false,
      description: '',
      expires: undefined,
    })
    if (isRefused(created)) {
      throw new Error(created.refused.message)
    }
    const accessToken = created.text
    const read = async () => {
      const context = { accessToken }
      const [outcome] = await replica.callMany([{ method: RANGE, request: encodeRange(), context }])
      return outcome
    }
    expect(await read()).toHaveProperty('response')
    const client = await SessionClient.of(replica, { accessToken })
    client.call(RANGE, range('a'), 3)
    await client.answer(3)
    // What it passes on is passed on as the token's.
    client.call(PUT, put('a'), 4)
    await expect(client.answer(4)).rejects.toThrow('read-only')
    await leader.revokeAccessToken(created.token.id)
    expect(await read()).toMatchObject({ refused: { code: 16 } })
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toBe(1008)
  })
})
