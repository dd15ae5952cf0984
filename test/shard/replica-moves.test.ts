import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { KeyspaceOptions } from '../../src/config/keyspace-options.ts'
import type { Region } from '../../src/config/region.ts'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  AuthRoleAddRequest,
  AuthRoleListRequest,
  type AuthRoleListResponse,
  HashKVRequest,
  type HashKVResponse,
  LeaseGrantRequest,
  LeaseLeasesRequest,
  type LeaseLeasesResponse,
  type Member,
  MemberAddRequest,
  MemberListRequest,
  type MemberListResponse,
  MemberRemoveRequest,
  MemberUpdateRequest,
  PutRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import type { ReplicaReport } from '../../src/protocol/replica-rpc.ts'
import { isRefused, type Outcome, type Refused } from '../../src/protocol/shard-rpc.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { put } from './calls.ts'
import { rowsIn } from './replica-objects.ts'
import { V2_SET } from './v2-call.ts'

const MEMBER_ADD = '/etcdserverpb.Cluster/MemberAdd'
const MEMBER_REMOVE = '/etcdserverpb.Cluster/MemberRemove'
const MEMBER_UPDATE = '/etcdserverpb.Cluster/MemberUpdate'
const PUT = '/etcdserverpb.KV/Put'
const V2_ROWS = ['v2_node', 'v2_event', 'v2_event_part'].map((table) => `SELECT * FROM ${table}`)
const context = { administrator: true, origin: 'http://store.example.com' } as const

const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME)
const own = (name: string) => env.SHARD.getByName(name)
const replica = (name: string, region: Region) => env.REPLICA.getByName(`${name}@${region}`)

/** What serves a keyspace: its own object, or that of a replica. */
type Serving = Pick<ReturnType<typeof own>, 'callMany'>

async function ask(serving: Serving, method: MethodName, request: object): Promise<Outcome> {
  const type: MessageType<object> = rpcMethods[method].request
  const [outcome] = await serving.callMany([{ method, request: encode(type, request), context }])
  if (outcome === undefined) {
    throw new Error('there is no answer')
  }
  return outcome
}

async function answer<T extends object>(
  serving: Serving,
  method: MethodName,
  request: object,
): Promise<T> {
  const outcome = await ask(serving, method, request)
  if (isRefused(outcome)) {
    throw new Error(outcome.refused.message)
  }
  return decode(rpcMethods[method].response as MessageType<object>, outcome.response) as T
}

const write = (serving: Serving, key: string): Promise<object> =>
  answer(serving, PUT, create(PutRequest, put(key, `${key}-value`)))

const hash = async (serving: Serving): Promise<Omit<HashKVResponse, 'header'>> => {
  const request = create(HashKVRequest, {})
  const { header: _, ...sums } = await answer<HashKVResponse>(
    serving,
    '/etcdserverpb.Maintenance/HashKV',
    request,
  )
  return sums
}

/** Those that are no replicas. */
async function membersOf(serving: Serving): Promise<readonly Member[]> {
  const request = create(MemberListRequest, {})
  const { members } = await answer<MemberListResponse>(
    serving,
    '/etcdserverpb.Cluster/MemberList',
    request,
  )
  return members.filter(({ peerURLs }) => peerURLs.length > 0)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await scheduler.wait(5)
  }
}

async function reportOf(name: string, region: Region): Promise<ReplicaReport> {
  const report: ReplicaReport | Refused = await replica(name, region).report()
  if (isRefused(report)) {
    throw new Error(report.refused.message)
  }
  return report
}

/** Where an object is lost by what it is asked, it is asked again. */
async function made(
  name: string,
  regions: readonly Region[],
  options: KeyspaceOptions = {},
): Promise<void> {
  expect(isRefused(await directory().create(name, options))).toBe(false)
  for (const region of regions) {
    expect(await directory().addReplica(name, region)).toMatchObject({ region, state: 'ready' })
    await until(async () => (await reportOf(name, region)).isWhole)
  }
}

/** Whether the v2 API is there. */
function v2At(object: Pick<ReturnType<typeof own>, 'v2'>): Promise<unknown> {
  return object.v2({ on: 'presence' }, context)
}

describe('a keyspace that is moved to a replica', () => {
  it('[V2K35] has the v2 API as it was told before, and is told of it where it is then', async () => {
    await made('v2 moved', ['weur'])
    const off = { refused: { code: 12, message: 'the v2 API is not enabled' } }
    expect(await v2At(replica('v2 moved', 'weur'))).toEqual(off)
    await directory().change('v2 moved', { enableV2: true })
    expect(await v2At(replica('v2 moved', 'weur'))).toMatchObject({ status: 204 })
    await directory().promote('v2 moved', { region: 'weur', force: false })
    expect(await v2At(replica('v2 moved', 'weur'))).toMatchObject({ status: 204 })
    await directory().change('v2 moved', { enableV2: undefined })
    expect(await v2At(replica('v2 moved', 'weur'))).toEqual(off)
  })

  it('[LDR3] loses nothing, and its leases go on', async () => {
    await made('moved', ['weur', 'apac'])
    await write(own('moved'), 'a')
    await answer(
      own('moved'),
      '/etcdserverpb.Lease/LeaseGrant',
      create(LeaseGrantRequest, { TTL: 1_000, ID: 77n }),
    )
    const before = await hash(own('moved'))
    expect(await directory().promote('moved', { region: 'weur', force: false })).toEqual({
      region: 'weur',
      epoch: 2,
      revision: 2,
      missing: 0,
      isWhole: true,
    })
    const leader = replica('moved', 'weur')
    expect(await hash(leader)).toEqual(before)
    const { leases } = await answer<LeaseLeasesResponse>(
      leader,
      '/etcdserverpb.Lease/LeaseLeases',
      LeaseLeasesRequest.empty(),
    )
    expect(leases.map(({ ID }) => ID)).toEqual([77n])
    await write(leader, 'b')
    expect(await directory().find('moved')).toMatchObject({ leader: 'weur', replicas: ['apac'] })
  })

  it('[LDR4] is refused by its former object, which keeps nothing but that word', async () => {
    await made('fenced', ['weur'])
    await write(own('fenced'), 'a')
    await directory().promote('fenced', { region: 'weur', force: false })
    const { code, message } = statusOf('keyspace-moved')
    expect(await ask(own('fenced'), PUT, create(PutRequest, put('b', 'b')))).toEqual({
      refused: { code, message },
    })
    await runInDurableObject(own('fenced'), (_, { storage }) => {
      const names = storage.sql.exec(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
      const kept = [...names.raw<string[]>()].flat().filter((name) => !/^(sqlite|_cf)_/.test(name))
      expect(kept.toSorted()).toEqual(['leadership', 'replica'])
    })
  })

  it('[LDR5] is followed by the other replicas, and may be moved on and back', async () => {
    await made('on', ['weur', 'apac'])
    await directory().promote('on', { region: 'weur', force: false })
    await write(replica('on', 'weur'), 'a')
    expect(await directory().promote('on', { region: 'apac', force: false })).toMatchObject({
      epoch: 3,
      isWhole: true,
    })
    await write(replica('on', 'apac'), 'b')
    await replica('on', 'weur').wake()
    expect(await reportOf('on', 'weur')).toMatchObject({ role: 'follower', epoch: 3, revision: 3 })
    expect(await directory().promote('on', { region: 'weur', force: false })).toMatchObject({
      epoch: 4,
      revision: 3,
    })
    await replica('on', 'apac').wake()
    expect(await hash(replica('on', 'apac'))).toEqual(await hash(replica('on', 'weur')))
  })

  it('[LDR6] comes back from the replica that has the most where its leader is lost, which is said', async () => {
    await made('lost', ['weur', 'apac', 'oc'])
    await write(own('lost'), 'a')
    await replica('lost', 'apac').wake()
    await write(own('lost'), 'b')
    await until(async () => (await reportOf('lost', 'apac')).revision === 3)
    await own('lost')
      .destroy()
      .catch(() => undefined)
    expect(await directory().promote('lost', { region: undefined, force: true })).toEqual({
      region: 'apac',
      epoch: 2,
      revision: 3,
      missing: 0,
      isWhole: false,
    })
    await write(replica('lost', 'apac'), 'c')
    await replica('lost', 'weur').wake()
    expect(await hash(replica('lost', 'weur'))).toEqual(await hash(replica('lost', 'apac')))
  })

  it('[LDR7] has its replicas in the list of members, as learners', async () => {
    await made('listed', ['weur'])
    const { members } = await answer<MemberListResponse>(
      own('listed'),
      '/etcdserverpb.Cluster/MemberList',
      create(MemberListRequest, {}),
    )
    const { memberId } = await reportOf('listed', 'weur')
    expect(members.filter(({ isLearner }) => isLearner)).toEqual([
      {
        ID: BigInt(memberId),
        name: 'weur',
        peerURLs: [],
        clientURLs: ['http://store.example.com/keyspaces/listed@weur'],
        isLearner: true,
      },
    ])
  })

  it.each([false, true])(
    '[LDR16] brings its members and options along, forced: %s',
    async (force) => {
      const name = `with members ${force}`
      const options = {
        quotaBackendBytes: 1_000_000_000,
        autoCompactionMode: 'revision',
        autoCompactionRetention: '1000',
      } as const
      expect(isRefused(await directory().create(name, options))).toBe(false)
      await directory().addReplica(name, 'weur')
      await until(async () => (await reportOf(name, 'weur')).isWhole)
      await replica(name, 'weur').wake()
      const [one] = await membersOf(own(name))
      const changes: readonly (readonly [MethodName, object])[] = [
        [
          MEMBER_UPDATE,
          create(MemberUpdateRequest, { ID: one?.ID ?? 0n, peerURLs: ['http://own:1'] }),
        ],
        [MEMBER_ADD, create(MemberAddRequest, { peerURLs: ['http://gone:1'], isLearner: true })],
      ]
      for (const [method, request] of changes) {
        await answer(own(name), method, request)
      }
      const gone = (await membersOf(own(name))).find(
        ({ peerURLs }) => peerURLs[0] === 'http://gone:1',
      )
      await answer(own(name), MEMBER_REMOVE, create(MemberRemoveRequest, { ID: gone?.ID ?? 0n }))
      await answer(own(name), MEMBER_ADD, create(MemberAddRequest, { peerURLs: ['http://more:1'] }))
      // As far as it has come, where it is forced.
      await replica(name, 'weur').wake()
      const before = await membersOf(own(name))
      expect(before.map(({ peerURLs }) => peerURLs)).toContainEqual(['http://own:1'])
      expect(await directory().promote(name, { region: 'weur', force })).toMatchObject({
        missing: 0,
      })
      const { memberId } = await reportOf(name, 'weur')
      const after = await membersOf(replica(name, 'weur'))
      const asBefore = after.map((member) =>
        member.ID === BigInt(memberId) ? { ...member, ID: one?.ID } : member,
      )
      expect(new Set(asBefore)).toEqual(new Set(before))
      expect(
        await rowsIn(
          replica(name, 'weur'),
          'SELECT quota_backend_bytes, auto_compaction_mode, auto_compaction_retention FROM keyspace',
        ),
      ).toEqual([
        {
          quota_backend_bytes: 1_000_000_000,
          auto_compaction_mode: 'revision',
          auto_compaction_retention: '1000',
        },
      ])
    },
  )

  it('[LDR8] brings its v2 store along: tree, index, what is remembered, times to live', async () => {
    await made('old', ['weur'], { enableV2: true })
    const set = (at: Pick<ReturnType<typeof own>, 'v2'>, path: string, value = 'v') =>
      at.v2({ ...V2_SET, path, value, ttl: 1_000n }, context)
    await set(own('old'), '/a', 'long'.repeat(300_000))
    await set(own('old'), '/b')
    // It has not heard of these when the leader hands over.
    await replica('old', 'weur').wake()
    await evictDurableObject(replica('old', 'weur'))
    await set(own('old'), '/c/d')
    const rows = await Promise.all(V2_ROWS.map((rowsOf) => rowsIn(own('old'), rowsOf)))
    expect(await directory().promote('old', { region: 'weur', force: false })).toMatchObject({
      isWhole: true,
    })
    const leader = replica('old', 'weur')
    expect(await Promise.all(V2_ROWS.map((rowsOf) => rowsIn(leader, rowsOf)))).toEqual(rows)
    expect(await set(leader, '/c/d')).toMatchObject({ header: { etcdIndex: 7 } })
  })

  it('[LDR8] has its v2 store at each replica also when more has changed than is remembered', async () => {
    await made('busy', ['weur', 'apac'], { enableV2: true })
    await replica('busy', 'apac').wake()
    await evictDurableObject(replica('busy', 'weur'))
    await evictDurableObject(own('busy'))
    const calls = Array.from({ length: 1_100 }, (_, count) =>
      own('busy').v2({ ...V2_SET, path: `/${count % 50}`, value: String(count) }, context),
    )
    await Promise.all(calls)
    await directory().promote('busy', { region: 'weur', force: false })
    await write(replica('busy', 'weur'), 'a')
    await replica('busy', 'apac').wake()
    const [nodes, events] = await Promise.all(
      V2_ROWS.map((rowsOf) => rowsIn(replica('busy', 'weur'), rowsOf)),
    )
    expect([nodes?.length, events?.length]).toEqual([50, 1_000])
    expect(
      await Promise.all(V2_ROWS.map((rowsOf) => rowsIn(replica('busy', 'apac'), rowsOf))),
    ).toEqual([nodes, events, []])
  })

  it('[LDR10] has told replicas that are awake of a revoked token or right before it says so', async () => {
    await made('guarded', ['weur'])
    const leader = own('guarded')
    const there = replica('guarded', 'weur')
    const token = await leader.createAccessToken({
      access: 'read-only',
      commonNames: false,
      description: '',
      expires: undefined,
    })
    if (isRefused(token)) {
      throw new Error(token.refused.message)
    }
    await there.wake()
    const has = (): Promise<number> =>
      runInDurableObject(there, (_, { storage }) =>
        Number(storage.sql.exec('SELECT count(*) AS n FROM access_token').one()['n']),
      )
    expect(await has()).toBe(1)
    expect(await leader.revokeAccessToken(token.token.id)).toEqual({ known: true })
    expect(await has()).toBe(0)
    await answer(leader, '/etcdserverpb.Auth/RoleAdd', create(AuthRoleAddRequest, { name: 'r' }))
    const roles = await answer<AuthRoleListResponse>(
      there,
      '/etcdserverpb.Auth/RoleList',
      create(AuthRoleListRequest, {}),
    )
    expect(roles.roles).toEqual(['r'])
    await runInDurableObject(there, (_, { storage }) => {
      expect([...storage.sql.exec('SELECT name FROM auth_role').raw()]).toEqual([['r']])
    })
  })

  it('[LDR9] is gone with its replicas when it is deleted, and its name may be used again', async () => {
    await made('gone', ['weur', 'apac'])
    await directory().promote('gone', { region: 'weur', force: false })
    await write(replica('gone', 'weur'), 'a')
    expect(await directory().delete('gone')).toBeUndefined()
    for (const region of ['weur', 'apac'] as const) {
      expect(isRefused(await replica('gone', region).report())).toBe(true)
    }
    await made('gone', [])
    await write(own('gone'), 'b')
    expect(await directory().find('gone')).toMatchObject({ leader: undefined, replicas: [] })
  })
})
