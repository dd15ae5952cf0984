import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { Visitor } from '../../src/door/visitor.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { ask, bytes, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

const LINK: Visitor = { administrator: 'link' }

function hibernating(shard: DurableObjectStub<Shard>): Promise<number> {
  return runInDurableObject(shard, (_, ctx) => ctx.getWebSockets().length)
}

describe("the server's own link", () => {
  it('[SHD15] does not hibernate, and goes as any other socket', async () => {
    const shard = await shardNamed('own link')
    const client = await SessionClient.of(shard, LINK)
    client.watchStream({})
    client.watch({ key: bytes('a'), rangeEnd: bytes('b') })
    await client.until(() => client.responses.length === 1)
    client.call(PUT, put('a1'), 2)
    await client.answer(2)
    await ask(shard, PUT, put('a2'))
    client.call(RANGE, range('a1'), 3)
    await client.answer(3)
    await client.until(() => client.revisions.length === 2)
    expect(client.revisions).toEqual([2, 3])
    expect(await hibernating(shard)).toBe(0)
  })

  it('[SHD15] remembers nothing, however many watches it has', async () => {
    const shard = await shardNamed('own link with many watches')
    const client = await SessionClient.of(shard, LINK)
    client.watchStream({})
    const watches = 300
    for (let i = 0; i < watches; i++) {
      client.watch({ key: bytes(`key/${String(i).padStart(40, '0')}`) })
    }
    await client.until(() => client.responses.length === watches)
    const rows = await runInDurableObject(shard, (_, { storage }) =>
      storage.sql.exec('SELECT count(*) AS rows FROM watch').one(),
    )
    expect(rows).toEqual({ rows: 0 })
  })

  it('[SHD6] [SHD15] is ended by what is no frame', async () => {
    const shard = await shardNamed('own link with garbage')
    const client = await SessionClient.of(shard, LINK)
    client.socket.send('no frame')
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toBe(1002)
  })

  it('[SHD15] ends its watches with it', async () => {
    const shard = await shardNamed('own link that ends')
    const client = await SessionClient.of(shard, LINK)
    client.watchStream({})
    client.watch({ key: bytes('a') })
    await client.until(() => client.responses.length === 1)
    client.socket.close(1000)
    await client.until(() => client.closed !== undefined)
    await expect.poll(() => watchers(shard)).toBe(0)
  })
})

async function watchers(shard: DurableObjectStub<Shard>): Promise<number> {
  const answer = await shard.metrics({ administrator: true })
  const values = 'values' in answer ? answer.values : {}
  return Number(values.etcd_debugging_mvcc_watcher_total?.[0]?.value ?? -1)
}
