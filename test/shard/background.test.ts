import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../src/protocol/binary.ts'
import type {
  LeaseKeepAliveResponse,
  LeaseTimeToLiveResponse,
} from '../../src/protocol/generated/messages.ts'
import { RangeRequest, RangeResponse } from '../../src/protocol/generated/messages.ts'
import type { PageCursor } from '../../src/protocol/shard-rpc.ts'
import type { Shard } from '../../src/shard/shard.ts'
import {
  ask,
  bytes,
  call,
  COMPACT,
  compaction,
  grant,
  keepAlive,
  LEASE_GRANT,
  LEASE_KEEP_ALIVE,
  LEASE_TIME_TO_LIVE,
  put,
  PUT,
  range,
  RANGE,
  shardNamed,
  timeToLive,
} from './calls.ts'
import { SessionClient } from './session-client.ts'

function rowsOfLog(shard: DurableObjectStub<Shard>): Promise<number> {
  return runInDurableObject(shard, (_, state) => {
    const [row] = state.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM log').toArray()
    return row?.n ?? -1
  })
}

describe('leases', () => {
  it('[SHD7] expire by the alarm, all keys in one revision, though the object was evicted', async () => {
    const shard = await shardNamed('expiry')
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('l'), rangeEnd: bytes('m') })
    await ask(shard, LEASE_GRANT, grant(7n, 2))
    await ask(shard, PUT, put('l1', 'v', 7n))
    await ask(shard, PUT, put('l2', 'v', 7n))
    await evictDurableObject(shard)
    await client.until(() => client.revisions.length === 4)
    expect(client.revisions).toEqual([2, 3, 4, 4])
    const gone = await ask<LeaseTimeToLiveResponse>(shard, LEASE_TIME_TO_LIVE, timeToLive(7n))
    expect(gone).toMatchObject({ TTL: -1, keys: [] })
  })

  it('[SHD7] one alarm is stored, for the earliest deadline, and an early one does no harm', async () => {
    const shard = await shardNamed('alarms')
    await ask(shard, LEASE_GRANT, grant(1n, 1000))
    const first = await runInDurableObject(shard, (_, state) => state.storage.getAlarm())
    await ask(shard, LEASE_GRANT, grant(2n, 500))
    const earlier = await runInDurableObject(shard, (_, state) => state.storage.getAlarm())
    expect((first ?? 0) - (earlier ?? 0)).toBeGreaterThan(400_000)
    await ask(shard, LEASE_GRANT, grant(3n, 2000))
    expect(await runInDurableObject(shard, (_, state) => state.storage.getAlarm())).toBe(earlier)
    expect(await runDurableObjectAlarm(shard)).toBe(true)
    const rearmed = await runInDurableObject(shard, (_, state) => state.storage.getAlarm())
    // The time that has just gone off would be taken for none.
    expect(rearmed).toBe((earlier ?? 0) + 1)
    const kept = await ask<LeaseKeepAliveResponse>(shard, LEASE_KEEP_ALIVE, keepAlive(2n))
    expect(kept.TTL).toBe(500)
  })
})

describe('compaction', () => {
  it('[SHD8] goes on after a restart half-way, without anybody asking for it', async () => {
    const shard = await shardNamed('half-way')
    const puts = 2000
    await Promise.all(Array.from({ length: puts }, () => ask(shard, PUT, put('a'))))
    expect(await rowsOfLog(shard)).toBe(puts)
    await ask(shard, COMPACT, compaction(puts + 1))
    await evictDurableObject(shard)
    for (let rows = await rowsOfLog(shard); rows > 1; rows = await rowsOfLog(shard)) {
      await scheduler.wait(20)
    }
    const { kvs } = await ask<RangeResponse>(shard, RANGE, range('a'))
    expect(kvs[0]).toMatchObject({ version: puts, modRevision: puts + 1 })
  })

  it('[SHD8] a physical one is answered when the rows are gone', async () => {
    const shard = await shardNamed('physical')
    for (let i = 0; i < 10; i++) {
      await ask(shard, PUT, put('a'))
    }
    await ask(shard, COMPACT, compaction(11, true))
    expect(await rowsOfLog(shard)).toBe(1)
  })
})

describe('a large range', () => {
  it('[SHD9] leaves in pages of one revision, whatever is written and compacted meanwhile', async () => {
    const shard = await shardNamed('pages')
    const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(2, '0')}`)
    await Promise.all(keys.map((key) => ask(shard, PUT, put(key, key.repeat(20_000)))))
    const request = range('k', { rangeEnd: bytes('l') })
    const found: string[] = []
    let next: PageCursor | undefined
    let pages = 0
    do {
      const answer =
        next === undefined
          ? await call(shard, RANGE, request)
          : await shard.rangeNext(encode(RangeRequest, request), next, { administrator: true })
      if ('refused' in answer) {
        throw new Error(answer.refused.message)
      }
      const { kvs, count } = decode(RangeResponse, answer.response)
      expect(count).toBe(pages === 0 ? keys.length : 0)
      for (const { key, value } of kvs) {
        found.push(new TextDecoder().decode(key))
        expect(value.length).toBe(60_000)
      }
      next = answer.next
      pages++
      await Promise.all(keys.map((key) => ask(shard, PUT, put(key, 'new'))))
      await ask(shard, COMPACT, compaction(keys.length * (pages + 1) + 1))
    } while (next !== undefined)
    expect(found).toEqual(keys)
    expect(pages).toBeGreaterThan(3)
  })
})

describe('group commit', () => {
  it('[SHD1] one refused write does not touch the others of its turn', async () => {
    const shard = await shardNamed('turn')
    const answers = await Promise.all([
      call(shard, PUT, put('a')),
      call(shard, PUT, put('')),
      call(shard, PUT, put('b', 'v', 99n)),
      call(shard, PUT, put('b')),
    ])
    expect(answers.map((answer) => ('refused' in answer ? answer.refused.code : 0))).toEqual([
      0, 3, 5, 0,
    ])
    const { kvs, header } = await ask<RangeResponse>(
      shard,
      RANGE,
      range('a', { rangeEnd: bytes('z') }),
    )
    expect(kvs.map(({ modRevision }) => modRevision)).toEqual([2, 3])
    expect(header?.revision).toBe(3)
  })
})
