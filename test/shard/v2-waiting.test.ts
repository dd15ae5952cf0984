import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { CONTEXT_HEADER } from '../../src/protocol/shard-rpc.ts'
import { V2_WATCH_HEADER, type V2WatchCall } from '../../src/protocol/v2-call.ts'
import { shardNamed } from './calls.ts'
import { V2_SET as set } from './v2-call.ts'

type Stub = Awaited<ReturnType<typeof shardNamed>>

const anybody = { administrator: true } as const

class Waiter {
  readonly socket: WebSocket
  readonly told: string[] = []
  closed: number | undefined

  static async open(shard: Stub, call: Partial<V2WatchCall>): Promise<Waiter> {
    const watch: V2WatchCall = {
      path: '/a',
      askedPath: '/a',
      recursive: false,
      stream: false,
      waitIndex: '0',
      credentials: 'none',
      ...call,
    }
    const response = await shard.fetch('http://shard/session', {
      headers: {
        Upgrade: 'websocket',
        [CONTEXT_HEADER]: JSON.stringify(anybody),
        [V2_WATCH_HEADER]: JSON.stringify(watch),
      },
    })
    if (response.webSocket === null) {
      throw new Error(await response.text())
    }
    return new Waiter(response.webSocket)
  }

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      this.told.push(String(data))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closed = code
    })
    socket.accept()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await scheduler.wait(1)
    }
  }
}

it('[V2K17] waits on after an eviction, and is told of nothing twice', async () => {
  const shard = await shardNamed('v2 waiting', { enableV2: true })
  const once = await Waiter.open(shard, {})
  const stream = await Waiter.open(shard, { path: '', recursive: true, stream: true })
  await evictDurableObject(shard)
  await shard.v2({ ...set, path: '/b' }, anybody)
  await evictDurableObject(shard)
  await shard.v2(set, anybody)
  await once.until(() => once.closed !== undefined)
  await stream.until(() => stream.told.length === 2)
  expect(once.told).toHaveLength(1)
  await evictDurableObject(shard)
  await shard.v2(set, anybody)
  await stream.until(() => stream.told.length === 3)
  expect(once.told).toHaveLength(1)
  stream.socket.close()
})

it('[V2K17] has no timer', async () => {
  const shard = await shardNamed('v2 no timer', { enableV2: true })
  await Waiter.open(shard, {})
  const alarm = await runInDurableObject(shard, (_, state) => state.storage.getAlarm())
  expect(alarm).toBeNull()
})

it('[V2K18] is let go when it reads nothing, and goes on where it gives credit', async () => {
  const shard = await shardNamed('v2 slow', { enableV2: true })
  const slow = await Waiter.open(shard, { stream: true })
  const quick = await Waiter.open(shard, { stream: true })
  const value = 'x'.repeat(200_000)
  for (let at = 1; at <= 6; at++) {
    await shard.v2({ ...set, value }, anybody)
    await quick.until(() => quick.told.length === at)
    quick.socket.send('400000')
  }
  await slow.until(() => slow.closed !== undefined)
  expect(slow.told.length).toBeLessThan(6)
  expect(quick.closed).toBeUndefined()
})

it('[V2K18] waits no more when it has left', async () => {
  const shard = await shardNamed('v2 left', { enableV2: true })
  const waiter = await Waiter.open(shard, {})
  waiter.socket.close(1000)
  await waiter.until(() => waiter.closed !== undefined)
  const open = (): Promise<number> =>
    runInDurableObject(shard, (_, state) => state.getWebSockets().length)
  while ((await open()) > 0) {
    await scheduler.wait(1)
  }
  const answer = await shard.v2(set, anybody)
  expect(answer).toMatchObject({ isCreated: true })
  expect(waiter.told).toEqual([])
})
