import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { NewAccessToken } from '../../src/door/access-token.ts'
import { decodeEnd } from '../../src/protocol/frames.ts'
import type {
  AuthStatusResponse,
  LeaseLeasesResponse,
  RangeResponse,
  StatusResponse,
} from '../../src/protocol/generated/messages.ts'
import type { Shard } from '../../src/shard/shard.ts'
import {
  ask,
  bytes,
  call,
  grant,
  LEASE_GRANT,
  put,
  PUT,
  range,
  RANGE,
  shardNamed,
} from './calls.ts'
import { SessionClient } from './session-client.ts'

const STATUS = '/etcdserverpb.Maintenance/Status'
const cursor = { revision: 1, after: undefined, skip: 0, left: 1 }
const notFound = { refused: { code: 5, message: 'keyspace not found' } }

type Stub = DurableObjectStub<Shard>

/** As the directory does it: again while the object is lost at it. */
async function destroyed(name: string): Promise<Stub> {
  const shard = env.SHARD.getByName(name)
  // As a promise of our own: asking that of an RPC for its methods is a call.
  const lost = (async () => shard.destroy())()
  await expect(lost).rejects.toMatchObject({
    message: 'the keyspace was deleted',
    durableObjectReset: true,
  })
  const next = env.SHARD.getByName(name)
  await next.destroy()
  return next
}

async function stored(shard: Stub): Promise<{ tables: number; alarm: number | null }> {
  return runInDurableObject(shard, async (_, { storage }) => ({
    tables: storage.sql
      .exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_%' ESCAPE '\\'")
      .toArray().length,
    alarm: await storage.getAlarm(),
  }))
}

const wanted: NewAccessToken = {
  description: '',
  access: 'read-write',
  commonNames: false,
  expires: undefined,
}

describe('a shard that no keyspace was made in', () => {
  it('[KSP4] answers that to whatever is asked, and writes nothing', async () => {
    const shard = env.SHARD.getByName('nobody')
    expect(await call(shard, PUT, put('a'))).toEqual(notFound)
    expect(await call(shard, RANGE, range('a'))).toEqual(notFound)
    const context = { administrator: true as const }
    expect(await shard.rangeNext(new Uint8Array(0), cursor, context)).toEqual(notFound)
    expect(await shard.metrics(context)).toEqual(notFound)
    expect(await shard.createAccessToken(wanted)).toEqual(notFound)
    expect(await shard.accessTokens()).toEqual(notFound)
    expect(await shard.revokeAccessToken('a')).toEqual(notFound)
    const session = await shard.fetch('http://shard/', { headers: { Upgrade: 'websocket' } })
    expect(await session.json()).toEqual(notFound)
    await shard.destroy()
    expect(await stored(shard)).toEqual({ tables: 0, alarm: null })
  })

  it('[KSP5] serves all the same where its name is default', async () => {
    expect(
      await ask<RangeResponse>(env.SHARD.getByName('default'), RANGE, range('a')),
    ).toMatchObject({ count: 0 })
  })
})

describe('a keyspace', () => {
  it('[KSP6] is made once, however often that is asked', async () => {
    const shard = await shardNamed('made')
    await ask(shard, PUT, put('a'))
    await shardNamed('made', { quotaBackendBytes: 1 })
    expect(await ask<RangeResponse>(shard, RANGE, range('a'))).toMatchObject({ count: 1 })
  })

  it('[KSP7] has its own quota and history, or else the deployment’s', async () => {
    const own = await shardNamed('own options', {
      quotaBackendBytes: 1_000_000,
      autoCompactionMode: 'revision',
      autoCompactionRetention: '10',
    })
    expect(await ask<StatusResponse>(own, STATUS, {})).toMatchObject({ dbSizeQuota: 1_000_000 })
    await ask(own, PUT, put('a'))
    const others = await shardNamed('no options')
    expect(await ask<StatusResponse>(others, STATUS, {})).toMatchObject({ dbSizeQuota: 2 ** 31 })
    for (let n = 0; n < 11; n++) {
      await ask(own, PUT, put('a'))
      await ask(others, PUT, put('a'))
    }
    expect((await stored(own)).alarm).not.toBeNull()
    expect((await stored(others)).alarm).toBeNull()
  })

  it('[QTA9] is empty at first, so that a quota of 64 KiB takes the 28 puts that etcd takes', async () => {
    const shard = await shardNamed('small', { quotaBackendBytes: 65_536 })
    const { dbSize } = await ask<StatusResponse>(shard, STATUS, {})
    expect(dbSize).toBeGreaterThan(0)
    expect(dbSize).toBeLessThanOrEqual(20_480)
    for (let n = 1; n <= 28; n++) {
      await ask(shard, PUT, put(`k${n}`, 'v'.repeat(1000)))
    }
    const full = ask(shard, PUT, put('large', 'v'.repeat(64_000)))
    await expect(full).rejects.toThrow('mvcc: database space exceeded')
  })

  it('[KSP8] that is deleted leaves nothing, and one of its name knows nothing of it', async () => {
    const shard = await shardNamed('deleted')
    for (let n = 0; n < 50; n++) {
      await ask(shard, PUT, put(`k${n}`, 'v'.repeat(100_000)))
    }
    await ask(shard, LEASE_GRANT, grant(7n, 100))
    await ask(shard, '/etcdserverpb.Auth/UserAdd', { name: 'root', password: 'p' })
    const gone = await destroyed('deleted')
    expect(await call(gone, RANGE, range('a'))).toEqual(notFound)
    expect(await stored(gone)).toEqual({ tables: 0, alarm: null })
    const size = await runInDurableObject(gone, (_, { storage }) => storage.sql.databaseSize)
    expect(size).toBeLessThan(10_000)
    const again = await shardNamed('deleted', { created: 2 })
    expect(await ask<RangeResponse>(again, RANGE, range('k1'))).toMatchObject({
      count: 0,
      header: { revision: 1 },
    })
    const leases = await ask<LeaseLeasesResponse>(again, '/etcdserverpb.Lease/LeaseLeases', {})
    expect(leases.leases).toEqual([])
    const auth = await ask<AuthStatusResponse>(again, '/etcdserverpb.Auth/AuthStatus', {})
    expect(auth).toMatchObject({ authRevision: 1 })
  })

  it('[KSP8] that was left behind makes room for one of its name', async () => {
    const left = await shardNamed('left behind')
    await ask(left, PUT, put('a'))
    await expect(shardNamed('left behind', { created: 2 })).rejects.toThrow('deleted')
    const again = await shardNamed('left behind', { created: 2 })
    expect(await ask<RangeResponse>(again, RANGE, range('a'))).toMatchObject({ count: 0 })
  })

  it('[KSP17] that is idle has no alarm, and wakes for its watch', async () => {
    const shard = await shardNamed('idle', {
      autoCompactionMode: 'revision',
      autoCompactionRetention: '10',
    })
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    await ask(shard, PUT, put('a'))
    await evictDurableObject(shard)
    expect((await stored(shard)).alarm).toBeNull()
    await ask(shard, PUT, put('a'))
    await client.until(() => client.revisions.length === 2)
    expect((await stored(shard)).alarm).toBeNull()
    client.socket.close()
  })

  it('[KSP9] that is deleted ends its watches, its calls that wait, and its sockets', async () => {
    const shard = await shardNamed('watched')
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    await ask(shard, LEASE_GRANT, grant(1n, 100))
    await ask(shard, LEASE_GRANT, grant(2n, 100))
    for (const lease of [1n, 2n]) {
      client.call('/v3lockpb.Lock/Lock', { name: bytes('l'), lease }, 10 + Number(lease))
    }
    await client.until(() => client.answers.has(11))
    await destroyed('watched')
    await client.until(() => client.closed !== undefined)
    expect(client.ended).toEqual({ code: 5, message: 'keyspace not found' })
    expect(decodeEnd(client.answers.get(12) ?? bytes(''))).toEqual(client.ended)
    expect(client.closed).toBe(4404)
  })
})
