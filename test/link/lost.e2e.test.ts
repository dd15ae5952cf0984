import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { CREDIT_WINDOW_BYTES } from '../../src/protocol/frames.ts'
import { RpcStatus, statusOf } from '../../src/protocol/status.ts'
import { type Server, startServer } from '../e2e/server.ts'
import { violations } from '../watch-guarantees.ts'
import { ALL, bytes, keysOf, LinkClient, type WatchRecorder } from './client.ts'
import { type Cut, TcpProxy } from './tcp-proxy.ts'

let server: Server
let proxy: TcpProxy
const clients: LinkClient[] = []

beforeAll(async () => {
  server = await startServer()
  proxy = await TcpProxy.start(server.port)
})

afterEach(() => {
  proxy.resume()
  clients.splice(0).forEach(({ link }) => link.close())
})

afterAll(async () => {
  await proxy.close()
  await server.stop()
})

async function linked(): Promise<LinkClient> {
  const client = await LinkClient.start(proxy.url)
  clients.push(client)
  return client
}

async function outcomeOf<T>(promise: Promise<T>): Promise<T | RpcStatus> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof RpcStatus) {
      return error
    }
    throw error
  }
}

it('[LNK16] [LNK17] of what was under way reads are repeated, and writes are not', async () => {
  const client = await linked()
  const { header, ID } = await client.call('/etcdserverpb.Lease/LeaseGrant', { TTL: 600 })
  expect(header?.revision).toBeGreaterThan(0)
  proxy.stop('down')
  const reads = Promise.all([
    client.range('lost'),
    client.call('/etcdserverpb.KV/Range', ALL),
    client.call('/etcdserverpb.Lease/LeaseKeepAlive', { ID }),
    client.call('/etcdserverpb.Lease/LeaseTimeToLive', { ID }),
    client.call('/etcdserverpb.Lease/LeaseLeases', {}),
    client.call('/etcdserverpb.Cluster/MemberList', {}),
    client.call('/etcdserverpb.Maintenance/Status', {}),
    client.call('/etcdserverpb.Maintenance/Hash', {}),
    client.call('/etcdserverpb.Maintenance/HashKV', {}),
    client.call('/etcdserverpb.Maintenance/Alarm', {}),
  ])
  const stream = client.rangeStream(ALL)
  const key = bytes('lost')
  const writes = Promise.all(
    [
      client.put('lost'),
      client.call('/etcdserverpb.KV/DeleteRange', { key: bytes('nothing') }),
      client.call('/etcdserverpb.KV/Txn', {}),
      client.call('/etcdserverpb.Lease/LeaseGrant', { TTL: 600 }),
      client.call('/etcdserverpb.Maintenance/Alarm', { action: 2, alarm: 1 }),
    ].map((call) => outcomeOf<unknown>(call)),
  )
  // Every one of them has left: the shard is asked by somebody else until the put is there.
  const other = await LinkClient.start(`ws://127.0.0.1:${server.port}/session`)
  clients.push(other)
  while ((await other.range('lost')).count === 0) {
    await sleep(10)
  }
  proxy.cut()
  const lost = statusOf('timeout-connection-lost')
  expect(await writes).toEqual([lost, lost, lost, lost, lost])
  expect(await reads).toHaveLength(10)
  expect(await stream.end()).toBeUndefined()
  expect(keysOf(stream.messages)).toContain('lost')
  const { kvs } = await client.call('/etcdserverpb.KV/Range', { key })
  expect(kvs.map(({ version }) => version)).toEqual([1])
})

it('[LNK18] a stream that is cut off has failed, and a long answer begins anew', async () => {
  const client = await linked()
  const value = 'v'.repeat(100_000)
  const keys = Array.from({ length: 30 }, (_, i) => `cut/${String(i).padStart(2, '0')}`)
  await Promise.all(keys.map((key) => client.put(key, value)))
  const range = { key: bytes('cut/'), rangeEnd: bytes('cut0') }
  const stream = client.rangeStream(range)
  stream.takes = false
  await stream.until(() => stream.held >= CREDIT_WINDOW_BYTES)
  proxy.cut()
  expect(await stream.end()).toEqual(statusOf('timeout-connection-lost'))
  const answer = client.call('/etcdserverpb.KV/Range', range)
  await client.range('a')
  // So much of the answer comes that it is in the middle, and then the rest on another socket.
  proxy.cutNext({ way: 'down', bytes: 1_500_000 })
  proxy.cut()
  const { kvs } = await answer
  const again = await client.call('/etcdserverpb.KV/Range', range)
  for (const answered of [kvs, again.kvs]) {
    expect(answered.map(({ key }) => Buffer.from(key).toString())).toEqual(keys)
    expect(answered.every((kv) => kv.value.length === value.length)).toBe(true)
  }
})

it('[LNK19] calls wait for a link, but not for ever', async () => {
  const client = await linked()
  proxy.target = 1
  proxy.cut()
  await client.lost(1)
  const kept = [client.put('waits'), client.range('waits')] as const
  await sleep(100)
  proxy.target = server.port
  expect(await kept[0]).toBeGreaterThan(0)
  await kept[1]
  proxy.target = 1
  proxy.cut()
  await client.lost(2)
  const timeout = statusOf('timeout')
  const late = [outcomeOf(client.put('too late')), outcomeOf(client.range('waits'))]
  expect(await Promise.all(late)).toEqual([timeout, timeout])
  proxy.target = server.port
  expect((await client.range('too late')).kvs).toEqual([])
})

it('[LNK20] without a link there is no leader, for those who ask for one', async () => {
  const client = await linked()
  const led = client.watch({ requireLeader: true })
  const other = client.watch()
  await led.created(ALL)
  await other.created(ALL)
  proxy.target = 1
  proxy.cut()
  const noLeader = statusOf('no-leader')
  expect(await led.stream.end()).toEqual(noLeader)
  expect(await client.watch({ requireLeader: true }).stream.end()).toEqual(noLeader)
  proxy.target = server.port
  const revision = await client.put('led')
  await other.stream.until(() => other.events.length > 0)
  expect(other.events.map(({ kv }) => kv.modRevision)).toEqual([revision])
  expect(led.events).toEqual([])
  const again = client.watch({ requireLeader: true })
  expect((await again.created(ALL)).created).toBe(true)
})

it('[LNK8] a watcher that takes nothing has at most a window on each of two sockets', async () => {
  const client = await linked()
  const before = await client.put('slow/')
  const watch = client.watch()
  watch.stream.takes = false
  await watch.created({ key: bytes('slow/'), rangeEnd: bytes('slow0'), startRevision: before })
  const value = 'v'.repeat(50_000)
  let revision = 0
  for (let i = 0; i < 60; i++) {
    revision = await client.put(`slow/${i}`, value)
  }
  await watch.stream.until(() => watch.stream.held >= CREDIT_WINDOW_BYTES)
  const { held } = watch.stream
  expect(held).toBeLessThan(CREDIT_WINDOW_BYTES + 100_000)
  proxy.cut()
  await client.lost(1)
  await client.range('slow/')
  expect(watch.stream.held).toBe(held)
  watch.stream.takes = true
  watch.stream.takeAll()
  await watch.stream.until(() => watch.events.at(-1)?.kv.modRevision === revision)
  const history = client.watch()
  await history.created({ ...ALL, startRevision: 2 })
  await history.stream.until(() => history.events.at(-1)?.kv.modRevision === revision)
  for (const record of watch.records(revision)) {
    expect(violations(record, { events: history.events, compactRevision: -1 })).toEqual([])
  }
})

/** Places where a connection is cut, and the link and its proxy that this is done to. */
class Lane {
  readonly prefix: string
  readonly proxy: TcpProxy
  readonly client: LinkClient
  readonly watch: WatchRecorder
  readonly outcomes = new Map<string, number | RpcStatus>()

  private constructor(prefix: string, own: TcpProxy, client: LinkClient) {
    this.prefix = prefix
    this.proxy = own
    this.client = client
    this.watch = client.watch()
  }

  static async start(name: number): Promise<Lane> {
    const own = await TcpProxy.start(server.port)
    const client = await LinkClient.start(own.url)
    const lane = new Lane(`every/${name}/`, own, client)
    const first = await client.put(lane.prefix)
    const range = { key: bytes(lane.prefix), rangeEnd: bytes(`every/${name}0`) }
    await lane.watch.created({ ...range, prevKv: true })
    await lane.watch.created({ ...range, startRevision: first, filters: [1], watchId: 5 })
    return lane
  }

  /** A write, a read and a request for progress over a connection that ends there. */
  async attempt(cut: Cut): Promise<void> {
    const { accepted } = this.proxy
    this.proxy.cutNext(cut)
    this.proxy.cut()
    while (this.proxy.accepted === accepted) {
      await sleep(1)
    }
    const key = `${this.prefix}${cut.way}/${cut.bytes}`
    const [outcome, { count }] = await Promise.all([
      outcomeOf(this.client.put(key)),
      this.client.range(this.prefix),
      this.watch.progress(),
    ])
    if (count !== 1) {
      throw new Error(`${this.prefix} is there and ${count} keys are read`)
    }
    this.outcomes.set(key, outcome)
  }

  /** Resolves to the revision up to which the watches have heard everything. */
  async finish(): Promise<number> {
    const revision = await vi.waitFor(() => this.client.put(this.prefix))
    const told = (): number =>
      this.watch.events.filter(({ kv }) => kv.modRevision === revision).length
    await this.watch.stream.until(() => told() === 2)
    return revision
  }

  async close(): Promise<void> {
    this.client.link.close()
    await this.proxy.close()
  }
}

async function expectOnceAtMost(client: LinkClient, outcomes: Lane['outcomes']): Promise<void> {
  const lost = statusOf('timeout-connection-lost')
  for (const [key, outcome] of outcomes) {
    const { kvs } = await client.range(key)
    const written = kvs.map(({ version, modRevision }) => ({ version, modRevision }))
    const once = kvs.map(({ modRevision }) => ({ version: 1, modRevision }))
    const acknowledged = typeof outcome === 'number' ? [{ version: 1, modRevision: outcome }] : once
    expect(written, key).toEqual(acknowledged)
    expect([lost, written[0]?.modRevision]).toContainEqual(outcome)
  }
}

it('[LNK1] [LNK3] [LNK16] [LNK17] connections cut at every byte lose nothing and do nothing twice', async () => {
  const lanes = await Promise.all(Array.from({ length: 8 }, (_, name) => Lane.start(name)))
  onTestFinished(async () => {
    await Promise.all(lanes.map((lane) => lane.close()))
  })
  const [first] = lanes
  await first?.attempt({ way: 'up', bytes: Infinity })
  const { passed, heads } = first?.proxy ?? proxy
  const whole = { ...passed }
  const cuts = (['up', 'down'] as const).flatMap((way) =>
    // Within the handshake, which is plain HTTP, some places are as good as all.
    Array.from({ length: whole[way] }, (_, place) => ({ way, bytes: place + 1 })).filter(
      (cut) => cut.bytes >= heads[way] || cut.bytes % 40 === 1,
    ),
  )
  await Promise.all(
    lanes.map(async (lane, nth) => {
      for (const [place, cut] of cuts.entries()) {
        if (place % lanes.length === nth) {
          await lane.attempt(cut)
        }
      }
    }),
  )
  const ends = await Promise.all(lanes.map((lane) => lane.finish()))
  const client = await linked()
  const history = client.watch()
  await history.created({ ...ALL, startRevision: 2 })
  await history.stream.until(() => history.events.at(-1)?.kv.modRevision === Math.max(...ends))
  const kinds = new Set<boolean>()
  for (const [nth, lane] of lanes.entries()) {
    await expectOnceAtMost(client, lane.outcomes)
    lane.outcomes.forEach((outcome) => kinds.add(outcome instanceof RpcStatus))
    for (const record of lane.watch.records(ends[nth] ?? 0)) {
      expect(violations(record, { events: history.events, compactRevision: -1 })).toEqual([])
    }
  }
  expect(kinds).toEqual(new Set([false, true]))
}, 120_000)

// The last one, because the others read the history from its beginning.
it('[LNK5] compaction cancels only the watches that have missed something', async () => {
  const client = await linked()
  const first = await client.put('compacted/')
  const watch = client.watch()
  await watch.created({ key: bytes('compacted/') })
  await watch.created({ key: bytes('compacted/'), rangeEnd: bytes('compacted0') })
  const seen = await client.put('compacted/')
  await watch.stream.until(() => watch.events.length === 2)
  const other = await LinkClient.start(`ws://127.0.0.1:${server.port}/session`)
  clients.push(other)
  proxy.target = 1
  proxy.cut()
  await client.lost(1)
  // The first watch misses none of these, and the compaction is right behind what it knows.
  await other.call('/etcdserverpb.KV/Compact', { revision: await other.put('elsewhere') })
  proxy.target = server.port
  const next = await client.put('compacted/')
  await watch.stream.until(() => watch.events.length === 4)
  expect(watch.events.map(({ kv }) => kv.modRevision)).toEqual([seen, seen, next, next])
  proxy.target = 1
  proxy.cut()
  await client.lost(2)
  await other.put('compacted/a')
  await other.put('elsewhere')
  const compactRevision = await other.put('elsewhere')
  await other.call('/etcdserverpb.KV/Compact', { revision: compactRevision })
  proxy.target = server.port
  const canceled = (): readonly number[] =>
    watch.stream.messages.filter((one) => one.canceled).map((one) => one.compactRevision)
  await watch.stream.until(() => canceled().length === 2)
  expect(canceled()).toEqual([compactRevision, compactRevision])
  expect(watch.events.every(({ kv }) => kv.modRevision > first)).toBe(true)
})
