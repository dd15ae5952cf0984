import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { objectStoreOf } from '../../src/object-store/object-store-of.ts'
import {
  type AuthUserAddRequest,
  type HashKVResponse,
  HashKVRequest,
  type RangeResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { ReplicaCharge } from '../../src/protocol/replica-rpc.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import { LeaderClient } from '../../src/replica/leader-client.ts'
import { ReplicaCopy } from '../../src/replica/replica-copy.ts'
import { recordArchiveFailed, recordCharge } from '../../src/replica/replica-row.ts'
import { Replica } from '../../src/replica/replica.ts'
import type { CopiedArchive } from '../../src/shard/copied-archive.ts'
import { Shard } from '../../src/shard/shard.ts'
import { durableSql } from '../../src/shard/storage.ts'
import {
  ask,
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
import { rowsIn } from './replica-objects.ts'
import { testBucket } from './test-bucket.ts'

const administrator = { administrator: true } as const
const ALL = { rangeEnd: new Uint8Array(1) }
const bound = { ...env, SNAPSHOTS: testBucket(), ETCDURABLE_SNAPSHOT_LAG_SECONDS: '0.1' }

/** Sends a keyspace to the bucket, and answers what its leader tells of that; undefined where it tells nothing. */
async function archived(name: string): Promise<CopiedArchive | undefined> {
  const leader = env.SHARD.getByName(name)
  const told = await runInDurableObject(leader, async (_, state) => {
    const shard = new Shard(state, bound)
    for (;;) {
      await shard.alarm()
      const status = await shard.replication(administrator)
      if (!isRefused(status) && status.lagRevisions === 0 && status.fulls + status.segments > 0) {
        return shard.copyArchive()
      }
      await scheduler.wait(50)
    }
  })
  // The object itself has not seen what was written beside it.
  await evictDurableObject(leader)
  return told as CopiedArchive | undefined
}

/** What a replica has asked its leader. */
interface Asked {
  copyBegin?: number
  copyRows: number
}

/** The leader's namespace, whose object tells of that archive; counts what is read of the leader itself. */
function telling(told: CopiedArchive | undefined, asked: Asked): Env['SHARD'] {
  const getByName = (name: string): unknown =>
    new Proxy(env.SHARD.getByName(name), {
      get: (stub, method) => {
        if (method === 'copyArchive') {
          return () => Promise.resolve(told)
        }
        asked.copyRows += method === 'copyRows' ? 1 : 0
        asked.copyBegin = (asked.copyBegin ?? 0) + (method === 'copyBegin' ? 1 : 0)
        return (...params: readonly unknown[]) =>
          (stub as unknown as Record<string | symbol, (...all: readonly unknown[]) => unknown>)[
            method
          ]?.(...params)
      },
    })
  return { getByName } as unknown as Env['SHARD']
}

interface Attempt {
  readonly outcome: string
  /** How often the leader's log was read for it. */
  readonly copyRows: number
}

/** Has the replica copy until it is whole. */
async function copied(
  name: string,
  charge: ReplicaCharge,
  told: CopiedArchive | undefined,
): Promise<readonly Attempt[]> {
  const replica = env.REPLICA.getByName(`${name}@weur`)
  const attempts = await runInDurableObject(replica, async (_, { storage }) => {
    const sql = durableSql(storage)
    recordCharge(sql, charge)
    const asked = { copyRows: 0 }
    const leader = new LeaderClient({ ...env, SHARD: telling(told, asked) }, { ...charge, name })
    const parts = { leader, machine: undefined, objects: objectStoreOf(bound) }
    const all: Attempt[] = []
    while (all.at(-1)?.outcome !== 'whole') {
      const outcome = await outcomeOf(new ReplicaCopy(sql, charge, parts))
      all.push({ outcome, ...asked })
      if (outcome === 'no-archive') {
        // As the replica's object does, which is lost at it.
        await storage.deleteAll()
        recordCharge(sql, charge)
        recordArchiveFailed(sql)
      }
    }
    return all
  })
  await evictDurableObject(replica)
  return attempts
}

async function outcomeOf(copy: ReplicaCopy): Promise<string> {
  for (;;) {
    const step = await copy.goOn()
    if (typeof step === 'string') {
      return step
    }
    await scheduler.wait(step)
  }
}

/** The archive was of no use, and the leader was copied. */
function requireFallback(attempts: readonly Attempt[]): void {
  expect(attempts.map(({ outcome }) => outcome)).toEqual(['no-archive', 'whole'])
  expect(attempts[0]?.copyRows).toBe(0)
  expect(attempts[1]?.copyRows).toBeGreaterThan(0)
}

async function charged(name: string): Promise<ReplicaCharge> {
  const charge = await env.SHARD.getByName(name).addReplica({
    keyspace: name,
    jurisdiction: undefined,
    region: 'weur',
  })
  if (isRefused(charge)) {
    throw new Error(charge.refused.message)
  }
  return charge
}

/** A keyspace with a full, segments behind it, and more that is not sent. */
async function written(name: string): Promise<CopiedArchive | undefined> {
  const leader = await shardNamed(name)
  await ask(leader, LEASE_GRANT, grant(9n, 3600))
  await ask(leader, LEASE_GRANT, grant(8n, 3600))
  await ask(leader, PUT, put('long', 'x'.repeat(1_400_000), 9n))
  for (let i = 0; i < 60; i++) {
    await ask(leader, PUT, put(`k${i % 20}`, `${i}`, i % 5 === 0 ? 8n : 0n))
  }
  await ask(leader, COMPACT, compaction(20, true))
  await archived(name)
  for (let i = 0; i < 40; i++) {
    await ask(leader, PUT, put(`k${i % 30}`, `${i}`))
  }
  const user = { name: 'left', password: '', options: { noPassword: true } }
  await ask(leader, '/etcdserverpb.Auth/UserAdd', user as Partial<AuthUserAddRequest>)
  const told = await archived(name)
  await ask(leader, PUT, put('behind', 'it'))
  await ask(leader, '/etcdserverpb.Lease/LeaseRevoke', { ID: 8n })
  await ask(leader, '/etcdserverpb.Auth/UserDelete', { name: 'left' })
  return told
}

/** Who reads there first waits for all that the leader has. */
async function requireEqual(name: string, from = 21): Promise<void> {
  const leader = env.SHARD.getByName(name)
  const replica = env.REPLICA.getByName(`${name}@weur`)
  const [ours, theirs] = [
    await ask<RangeResponse>(leader, RANGE, range('\0', ALL)),
    await ask<RangeResponse>(replica, RANGE, range('\0', ALL)),
  ]
  expect(theirs.kvs).toEqual(ours.kvs)
  const revision = ours.header?.revision ?? 0
  expect(theirs.header?.revision).toBe(revision)
  for (let at = from; at <= revision; at += 7) {
    const request = create(HashKVRequest, { revision: at })
    const hash = async (of: Serving): Promise<number> =>
      (await ask<HashKVResponse>(of, '/etcdserverpb.Maintenance/HashKV', request)).hash
    expect(await hash(replica)).toBe(await hash(leader))
  }
  for (const statement of ['SELECT id, ttl FROM lease ORDER BY id', 'SELECT name FROM auth_user']) {
    expect(await rowsIn(replica, statement)).toEqual(await rowsIn(leader, statement))
  }
}

it('[RPL26] a replica is copied from the archive and not from the leader, which tells what is behind', async () => {
  const told = await written('from-archive')
  expect(told?.point.base.chain).toBeDefined()
  const attempts = await copied('from-archive', await charged('from-archive'), told)
  expect(attempts).toEqual([{ outcome: 'whole', copyRows: 0 }])
  await requireEqual('from-archive')
})

const keysOf = async (told: CopiedArchive | undefined): Promise<readonly string[]> => {
  const prefix = `keyspaces/${told?.archive.keyspace ?? ''}/`
  const { objects } = await bound.SNAPSHOTS.list({ prefix })
  return objects.map(({ key }) => key)
}

/** Puts something else in the place of one of its objects. */
async function damaged(
  told: CopiedArchive | undefined,
  part: RegExp,
  change: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const key = (await keysOf(told)).findLast((one) => part.test(one)) ?? ''
  const object = await bound.SNAPSHOTS.get(key)
  const bytes = change(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer()))
  await (bytes === undefined ? bound.SNAPSHOTS.delete(key) : bound.SNAPSHOTS.put(key, bytes))
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, place) => (place === bytes.length >> 1 ? byte ^ 1 : byte))

it.each([
  ['a part that is damaged', /full.*\/0000$/, flipped],
  ['a part that is gone', /full.*\/0000$/, () => undefined],
  ['an end that is gone', /full.*\/end$/, () => undefined],
  ['a segment that is damaged', /log/, flipped],
  ['the last segment gone', /log/, () => undefined],
] as const)(
  '[RPL27] where the archive has %s, the leader is copied',
  async (what, part, change) => {
    const name = what.replaceAll(' ', '-')
    const told = await written(name)
    await damaged(told, part, change)
    requireFallback(await copied(name, await charged(name), told))
    await requireEqual(name)
  },
)

it('[RPL27] the objects of another history are not taken for the leader’s', async () => {
  const told = await written('own-history')
  await written('other-history')
  const others = await keysOf({
    ...(told as CopiedArchive),
    archive: { keyspace: 'other-history', generation: 0 },
  })
  const own = await keysOf(told)
  for (const [place, key] of others.entries()) {
    const object = await bound.SNAPSHOTS.get(key)
    await bound.SNAPSHOTS.put(own[place] ?? '', (await object?.arrayBuffer()) ?? '')
  }
  requireFallback(await copied('own-history', await charged('own-history'), told))
  await requireEqual('own-history')
})

/** A replica that was whole; what came since is in the archive, and the leader has compacted nearly all of it. */
async function compactedBehind(name: string): Promise<CopiedArchive | undefined> {
  const before = await written(name)
  await copied(name, await charged(name), before)
  await requireEqual(name)
  await evictDurableObject(env.REPLICA.getByName(`${name}@weur`))
  const leader = env.SHARD.getByName(name)
  const last = async (): Promise<number> =>
    (await ask<RangeResponse>(leader, RANGE, range('k'))).header?.revision ?? 0
  for (let i = 0; i < 200; i++) {
    await ask(leader, PUT, put(`k${i % 30}`, 'x'.repeat(1_000)))
  }
  const told = await archived(name)
  await ask(leader, COMPACT, compaction((await last()) - 1, true))
  await ask(leader, PUT, put('behind', 'the gap'))
  await ask(leader, LEASE_GRANT, grant(7n, 3600))
  return told
}

/** Wakes the replica, which goes on until it has all; answers what it has asked for that. */
async function woken(name: string, told: CopiedArchive | undefined): Promise<Asked> {
  const replica = env.REPLICA.getByName(`${name}@weur`)
  const asked: Asked = { copyBegin: 0, copyRows: 0 }
  await runInDurableObject(replica, async (_, state) => {
    const own = new Replica(state, { ...bound, SHARD: telling(told, asked) })
    await scheduler.wait(50)
    expect(await own.wake()).toBeUndefined()
  })
  await evictDurableObject(replica)
  return asked
}

it('[RPL90] what the leader has compacted comes from the archive, and nothing is copied', async () => {
  const told = await compactedBehind('gap')
  expect(await woken('gap', told)).toEqual({ copyBegin: 0, copyRows: 0 })
  const { header } = await ask<RangeResponse>(env.SHARD.getByName('gap'), RANGE, range('k'))
  await requireEqual('gap', (header?.revision ?? 0) - 1)
})

it('[RPL28] a leader tells of no archive whose end its log does not reach back to', async () => {
  const told = await written('lagging')
  const leader = env.SHARD.getByName('lagging')
  expect(told).toBeDefined()
  for (let i = 0; i < 10; i++) {
    await ask(leader, PUT, put('k', `${i}`))
  }
  const { header } = await ask<RangeResponse>(leader, RANGE, range('k'))
  await ask(leader, COMPACT, compaction(header?.revision ?? 0, true))
  await evictDurableObject(leader)
  const now = await runInDurableObject(leader, async (_, state) => {
    // It would send all of it soon, and the archive's end with that.
    const shard = new Shard(state, { ...bound, ETCDURABLE_SNAPSHOT_LAG_SECONDS: '3600' })
    await scheduler.wait(50)
    return shard.copyArchive()
  })
  expect(now).toBeUndefined()
})
