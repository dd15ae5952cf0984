import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import {
  DeleteRangeRequest,
  HashKVRequest,
  HashKVResponse,
  type RangeResponse,
  RequestOp,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { runs } from '../runs.ts'
import {
  ask,
  bytes,
  call,
  COMPACT,
  compaction,
  DELETE_RANGE,
  grant,
  LEASE_GRANT,
  put,
  PUT,
  range,
  RANGE,
  type Serving,
} from './calls.ts'
import { crashed, cutFeed, feedSockets, untilCurrent } from './lab-lines.ts'
import { type LedAndReplica, rowsIn, wholeReplicaOf } from './replica-objects.ts'
import { V2_SET } from './v2-call.ts'

const ADMINISTRATOR = { administrator: true } as const
const HASH_KV = '/etcdserverpb.Maintenance/HashKV'
const HISTORIES = runs(100)
/** So many are held at once: an object that is evicted keeps its history waiting. */
const LANES = 8
/** Points of each at which HashKV is compared, at least. */
const POINTS = 10

/** Sides of the feed. */
type Side = 'leader' | 'replica'

type Step =
  | { readonly do: 'put'; readonly key: string; readonly bytes: number; readonly lease: bigint }
  | { readonly do: 'delete'; readonly from: string; readonly to: string }
  | { readonly do: 'txn'; readonly keys: readonly string[] }
  | { readonly do: 'compact'; readonly back: number }
  | { readonly do: 'grant' | 'revoke'; readonly lease: bigint }
  | { readonly do: 'role' | 'user'; readonly name: string; readonly isAdded: boolean }
  | { readonly do: 'alarm'; readonly action: number }
  | { readonly do: 'v2'; readonly key: string; readonly dir: boolean; readonly isSet: boolean }
  | { readonly do: 'evict' | 'crash' | 'cut'; readonly of: Side }
  | { readonly do: 'hash'; readonly back: number }
  | { readonly do: 'read'; readonly key: string }

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const CUTS: readonly Step[] = [
  { do: 'cut', of: 'leader' },
  { do: 'cut', of: 'replica' },
]
const lease = fc.constantFrom(0n, 0n, 0n, 5n, 6n)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      key,
      bytes: fc.constantFrom(0, 1, 20, 769, 3000),
      lease,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), from: key, to: key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('txn' as const),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.nat({ max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('grant' as const, 'revoke' as const),
      lease: fc.constantFrom(5n, 6n),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('role' as const, 'user' as const),
      name: fc.constantFrom('r', 's'),
      isAdded: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('alarm' as const), action: fc.constantFrom(1, 2) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('v2' as const),
      key,
      dir: fc.boolean(),
      isSet: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Step>(
      { do: 'evict', of: 'replica' },
      { do: 'evict', of: 'replica' },
      // It takes five seconds: the leader closes a socket that is quiet.
      { do: 'evict', of: 'leader' },
      { do: 'crash', of: 'leader' },
      { do: 'crash', of: 'leader' },
      { do: 'crash', of: 'leader' },
      { do: 'crash', of: 'replica' },
      { do: 'crash', of: 'replica' },
      ...CUTS,
      ...CUTS,
    ),
  },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('hash' as const), back: fc.nat(12) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), key }) },
)
/** Writes are asked of either of them. */
const move = fc.tuple(step, fc.boolean())
/** Where HashKV is compared at the end: how far back from the last revision. */
const points = fc.array(fc.nat(60), { minLength: POINTS, maxLength: POINTS })
type Move = readonly [step: Step, viaReplica: boolean]

let histories = 0
let hashes = 0
/** The sockets of feeds that have been cut, by who has done it. */
const cuts = { leader: 0, replica: 0 }
/** Puts that are under way while something is lost. */
const UNDER_WAY = 8
/** A machine that is busy may have no socket: too little comes in a second. */
const TRIES = 20

/** What is refused is refused by both alike; it is not what is tested here. */
async function write(at: Serving, one: Step, revision: number): Promise<void> {
  switch (one.do) {
    case 'put':
      await call(at, PUT, put(one.key, 'x'.repeat(one.bytes), one.lease))
      break
    case 'delete': {
      const request = { key: bytes(one.from), rangeEnd: bytes(one.to), prevKv: true }
      await call(at, DELETE_RANGE, create(DeleteRangeRequest, request))
      break
    }
    case 'txn': {
      const success = one.keys.map((name, place) =>
        create(
          RequestOp,
          place === 1
            ? { requestDeleteRange: create(DeleteRangeRequest, { key: bytes(name) }) }
            : { requestPut: put(name, `txn ${place}`) },
        ),
      )
      await call(at, '/etcdserverpb.KV/Txn', create(TxnRequest, { success }))
      break
    }
    case 'compact':
      await call(at, COMPACT, compaction(revision - one.back))
      break
    case 'grant':
      await call(at, LEASE_GRANT, grant(one.lease, 3600))
      break
    case 'revoke':
      await call(at, '/etcdserverpb.Lease/LeaseRevoke', { ID: one.lease })
      break
    case 'role': {
      const method = one.isAdded ? 'RoleAdd' : 'RoleDelete'
      await call(at, `/etcdserverpb.Auth/${method}`, { name: one.name, role: one.name })
      break
    }
    case 'user': {
      const request = { name: one.name, password: '', options: { noPassword: true } }
      const method = one.isAdded ? 'UserAdd' : 'UserDelete'
      await call(at, `/etcdserverpb.Auth/${method}`, request)
      break
    }
    case 'alarm': {
      const request = { action: one.action, memberID: 7n, alarm: 1 }
      await call(at, '/etcdserverpb.Maintenance/Alarm', request)
      // A standing alarm would refuse all that comes.
      await call(at, '/etcdserverpb.Maintenance/Alarm', { ...request, action: 2 })
      break
    }
    default:
      break
  }
}

async function hold(moves: readonly Move[], backs: readonly number[]): Promise<void> {
  const keyspace = `lab-history-${histories++}`
  await wholeReplicaOf(keyspace, 'weur')
  let revision = 1
  let compacted = 0
  // A stub that has thrown is of no use any more.
  const both = (): LedAndReplica => ({
    leader: env.SHARD.getByName(keyspace),
    replica: env.REPLICA.getByName(`${keyspace}@weur`),
  })
  for (const [one, viaReplica] of moves) {
    const { leader, replica } = both()
    if (one.do === 'evict') {
      await evict(both(), one.of)
    } else if (one.do === 'crash' || one.do === 'cut') {
      await lose(both(), one)
    } else if (one.do === 'hash') {
      // Of a compacted revision its own compaction's hash is remembered, until the memory is lost.
      await checkHash(both(), Math.max(revision - one.back, compacted + 1, 1))
    } else if (one.do === 'read') {
      revision = await checkRead(both(), one.key)
    } else if (one.do === 'v2') {
      const { key: name, dir } = one
      const made = { dir, value: dir ? '' : 'v', path: `/${name}/${name}` }
      const gone = { method: 'DELETE', path: `/${name}`, dir: true, recursive: true } as const
      await leader.v2({ ...V2_SET, ...(one.isSet ? made : gone) }, ADMINISTRATOR)
    } else {
      await write(viaReplica ? replica : leader, one, revision)
      compacted = Math.max(compacted, one.do === 'compact' ? revision - one.back : 0)
    }
  }
  const { leader, replica } = both()
  for (const side of ['leader', 'replica'] as const) {
    for (let tries = 0; tries < TRIES && (await feedSockets(replica)) === 0; tries++) {
      // Who is read is pushed to, and what comes often goes over a socket.
      await call(replica, RANGE, range('a'))
      for (let puts = 0; puts < UNDER_WAY; puts++) {
        await call(leader, PUT, put('a'))
      }
    }
    await lose({ leader, replica }, { do: 'cut', of: side })
  }
  // A linearizable read brings the state along as well.
  const { header } = await ask<RangeResponse>(replica, RANGE, range('a'))
  for (const back of backs) {
    await checkHash(both(), Math.max((header?.revision ?? 1) - back, compacted + 1, 1))
  }
  for (const statement of STATES) {
    expect(await rowsIn(replica, statement)).toEqual(await rowsIn(leader, statement))
  }
}

/** In the midst of writes, so that frames are under way. */
async function lose(
  { leader, replica }: LedAndReplica,
  { do: how, of }: Extract<Step, { readonly of: Side }>,
): Promise<void> {
  const writes = Array.from({ length: UNDER_WAY }, (_, place) =>
    call(leader, PUT, put(`under way ${place}`)).catch(() => undefined),
  )
  await writes[0]
  if (how === 'crash') {
    await crashed(of === 'leader' ? leader : replica)
  } else {
    await cut({ leader, replica }, of)
  }
  await Promise.all(writes)
}

async function cut(both: LedAndReplica, by: Side): Promise<void> {
  const before = await feedSockets(both.replica)
  await cutFeed(both, by)
  cuts[by] += Math.max(0, before - (await feedSockets(both.replica)))
}

/** An object whose own socket is open, or that waits to push, is not evicted. */
async function evict({ leader, replica }: LedAndReplica, of: Side): Promise<void> {
  if (of === 'leader') {
    await untilCurrent({ leader, replica })
    await cut({ leader, replica }, of)
    await evictDurableObject(leader)
  } else {
    await replica.report()
    await evictDurableObject(replica)
  }
}

/** Answers the revision. */
async function checkRead({ leader, replica }: LedAndReplica, name: string): Promise<number> {
  const here = await ask<RangeResponse>(leader, RANGE, range(name))
  const there = await ask<RangeResponse>(replica, RANGE, range(name))
  expect(there.kvs).toEqual(here.kvs)
  expect(there.header?.revision).toBe(here.header?.revision)
  return here.header?.revision ?? 0
}

async function checkHash({ leader, replica }: LedAndReplica, revision: number): Promise<void> {
  const request = create(HashKVRequest, { revision })
  // What the replica has is to be what the leader has now.
  await ask(replica, RANGE, range('a'))
  const hash = async (at: Serving): Promise<unknown> => {
    const outcome = await call(at, HASH_KV, request)
    return 'refused' in outcome
      ? outcome
      : { ...decode(HashKVResponse, outcome.response), header: undefined }
  }
  const ours = await hash(leader)
  hashes += 'hash' in (ours as object) ? 1 : 0
  expect(await hash(replica)).toEqual(ours)
}

/** All that is the same at a replica, besides the log. */
const STATES = [
  'SELECT * FROM v2_node',
  'SELECT * FROM v2_event',
  'SELECT id, key, create_revision, version, previous, lease, value FROM log ORDER BY id DESC LIMIT 20',
  'SELECT * FROM current',
  'SELECT revision FROM compaction',
  'SELECT id, ttl FROM lease ORDER BY id',
  'SELECT name FROM auth_role',
  'SELECT * FROM auth_user',
  'SELECT * FROM auth_token_key',
  'SELECT enabled, revision FROM auth',
  'SELECT * FROM alarm',
]

it('[RPL10] a replica is equal to its leader after any history, with evictions and crashes of either, and sockets that either cuts: HashKV at any revision, rows, leases, users, alarms', async () => {
  const moves = fc.array(move, { minLength: 20, maxLength: 40, size: 'max' })
  const lanes = Array.from({ length: Math.min(LANES, HISTORIES) }, () =>
    fc.assert(fc.asyncProperty(moves, points, hold), {
      numRuns: Math.ceil(HISTORIES / LANES),
      endOnFailure: true,
    }),
  )
  await Promise.all(lanes)
  expect(hashes).toBeGreaterThanOrEqual(POINTS * HISTORIES)
  // Another socket may be open again before they are counted.
  expect(Math.min(cuts.leader, cuts.replica)).toBeGreaterThanOrEqual(HISTORIES / 2)
}, 900_000)
