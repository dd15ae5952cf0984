import { evictDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { FrameKind } from '../../src/protocol/frames.ts'
import type { RangeResponse } from '../../src/protocol/generated/messages.ts'
import { ask, bytes, deletion, DELETE_RANGE, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

describe('watches of a hibernating socket', () => {
  it('[SHD3] go on after eviction without a gap or a repeat', async () => {
    const shard = await shardNamed('hibernation')
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('a'), rangeEnd: bytes('b') })
    await client.until(() => client.responses.length === 1)
    for (let round = 0; round < 5; round++) {
      await ask(shard, PUT, put(`a${round}`))
      await evictDurableObject(shard)
      await ask(shard, PUT, put(`z${round}`))
      await ask(shard, DELETE_RANGE, deletion(`a${round}`))
    }
    await client.until(() => client.revisions.length === 10)
    expect(client.revisions).toEqual([2, 4, 5, 7, 8, 10, 11, 13, 14, 16])
    expect(client.closed).toBeUndefined()
  })

  it('[SHD3] keep their ids, and the counter that gives out the next one', async () => {
    const shard = await shardNamed('hibernation ids')
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('a') })
    client.watch({ key: bytes('b') })
    await client.until(() => client.responses.length === 2)
    client.request({ cancelRequest: { watchId: 1 } })
    await client.until(() => client.responses.length === 3)
    await evictDurableObject(shard)
    client.watch({ key: bytes('c') })
    client.watch({ key: bytes('d'), watchId: 7 })
    client.watch({ key: bytes('d'), watchId: 7 })
    await client.until(() => client.responses.length === 6)
    expect(client.responses.slice(3).map(({ watchId }) => watchId)).toEqual([2, 7, -1])
    client.request({ progressRequest: {} })
    await client.until(() => client.responses.length === 7)
    expect(client.responses[6]).toMatchObject({ watchId: -1, header: { revision: 1 } })
  })

  it('[SHD4] are remembered in rows when they are more than an attachment holds', async () => {
    const shard = await shardNamed('hibernation rows')
    const client = await SessionClient.open(shard)
    const watches = 300
    for (let i = 0; i < watches; i++) {
      client.watch({ key: bytes(`key/${String(i).padStart(40, '0')}`) })
    }
    await client.until(() => client.responses.length === watches)
    await evictDurableObject(shard)
    await ask(shard, PUT, put(`key/${'7'.padStart(40, '0')}`))
    await ask(shard, PUT, put(`key/${'299'.padStart(40, '0')}`))
    await client.until(() => client.responses.length === watches + 2)
    expect(client.responses.slice(watches).map(({ watchId }) => watchId)).toEqual([7, 299])
    client.socket.close()
  })

  it('[SHD5] a watch whose reader is behind resumes where it stopped, even after eviction', async () => {
    const shard = await shardNamed('slow reader')
    const client = await SessionClient.open(shard)
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    client.reads = false
    const value = 'x'.repeat(200_000)
    for (let i = 0; i < 20; i++) {
      await ask(shard, PUT, put('a', value))
    }
    await client.until(() => client.revisions.length >= 5)
    expect(client.revisions.length).toBeLessThan(20)
    await evictDurableObject(shard)
    await ask(shard, PUT, put('a', 'last'))
    client.reads = true
    client.frame(FrameKind.CREDIT, new Uint8Array([0, 255, 255, 255]))
    await client.until(() => client.revisions.length === 21)
    expect(client.revisions).toEqual(Array.from({ length: 21 }, (_, i) => i + 2))
  })

  it('[SHD2] the store is what it was before the eviction', async () => {
    const shard = await shardNamed('state')
    await ask(shard, PUT, put('a', '1'))
    const before = await ask<RangeResponse>(shard, RANGE, range('a'))
    await evictDurableObject(shard)
    expect(await ask<RangeResponse>(shard, RANGE, range('a'))).toEqual(before)
  })
})

describe('sockets that misbehave', () => {
  it('[SHD6] one that sends no frames is closed, and others notice nothing', async () => {
    const shard = await shardNamed('garbage')
    const good = await SessionClient.open(shard)
    good.watch({ key: bytes('a') })
    for (const garbage of ['text', new Uint8Array([9, 9, 9]), new Uint8Array(64)]) {
      const bad = await SessionClient.open(shard)
      bad.socket.send(garbage)
      await bad.until(() => bad.closed !== undefined)
      expect(bad.closed).toBe(1002)
    }
    await ask(shard, PUT, put('a'))
    await good.until(() => good.revisions.length === 1)
  })

  it('[SHD6] a message that is no WatchRequest ends its stream alone', async () => {
    const shard = await shardNamed('no request')
    const client = await SessionClient.open(shard)
    client.frame(FrameKind.DATA, new Uint8Array([0xff, 0xff]))
    await client.until(() => client.ended !== undefined)
    expect(client.ended?.code).toBe(13)
    expect(client.closed).toBeUndefined()
  })
})
