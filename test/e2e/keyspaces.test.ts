// Keyspaces of one server: apart from each other, and gone when they are deleted.
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WatchCreateRequest } from '../../src/protocol/generated/messages.ts'
import { create as messageOf } from '../../src/protocol/message-type.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { base64, call, isObject, type JsonObject, parseObject, send } from './http.ts'
import { readMetrics } from './metrics.ts'
import { type Server, startBridge, startServer } from './server.ts'
import { HttpStream } from './streams.ts'
import { WatchSession } from './watch-session.ts'

/** For a link to notice. */
const WAIT = { timeout: 30_000, interval: 20 }
const MIB = 1024 * 1024
const WATCH = '/etcdserverpb.Watch/Watch'
const RANGE = '/etcdserverpb.KV/Range'
const LOCK = '/v3lockpb.Lock/Lock'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  await rm(server.dataDir, { recursive: true, force: true })
})

const watchAt = (name: string): WatchSession =>
  new WatchSession(new HttpStream(server.url, `/keyspaces/${name}/v3/watch`))
const ask = (name: string, path: string, message: JsonObject): Promise<JsonObject> =>
  call(server.url, `/keyspaces/${name}${path}`, message)
const put = (name: string, key: string, value: string): Promise<JsonObject> =>
  ask(name, '/v3/kv/put', { key: base64(key), value: base64(value) })

const unary = (version: string): string =>
  `etcd_server_client_requests_total{client_api_version="${version}",type="unary"}`

async function create(name: string, options: JsonObject = {}): Promise<void> {
  const body = JSON.stringify({ name, ...options })
  expect((await send(server.url, { path: '/keyspaces', body })).status).toBe(201)
}

async function remove(name: string): Promise<void> {
  const answer = await send(server.url, { method: 'DELETE', path: `/keyspaces/${name}` })
  expect(answer.status).toBe(204)
}

async function refusal(name: string, path: string, message: JsonObject): Promise<JsonObject> {
  const body = JSON.stringify(message)
  const { status, body: answer } = await send(server.url, {
    path: `/keyspaces/${name}${path}`,
    body,
  })
  expect(status).not.toBe(200)
  return parseObject(answer)
}

/** Of everything that workerd stores. */
async function storedBytes(): Promise<number> {
  const directory = join(server.dataDir, 'shard')
  const files = await readdir(directory, { recursive: true })
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(directory, file))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('two keyspaces', () => {
  it('[KSP10] share neither revisions, keys, leases, users nor watches', async () => {
    await create('left')
    await create('right')
    const watch = watchAt('left')
    onTestFinished(() => watch.stream.close())
    watch.create({ key: base64('a'), range_end: base64('z') })
    await watch.next()
    for (let n = 0; n < 3; n++) {
      await put('right', `b${n}`, 'right')
    }
    expect(await put('left', 'c', 'left')).toMatchObject({ header: { revision: '2' } })
    const heard = await watch.next()
    expect(heard).toMatchObject({ events: [{ kv: { key: base64('c'), mod_revision: '2' } }] })
    expect(await ask('right', '/v3/kv/range', { key: base64('c') })).not.toHaveProperty('kvs')
    const members = await Promise.all(
      ['left', 'right', 'default'].map(async (name) => {
        const { header } = await ask(name, '/v3/cluster/member/list', {})
        return isObject(header) ? [header['cluster_id'], header['member_id']] : []
      }),
    )
    expect(new Set(members.flat()).size).toBe(6)
    await ask('left', '/v3/lease/grant', { ID: '7', TTL: '100' })
    expect(await ask('right', '/v3/lease/leases', {})).not.toHaveProperty('leases')
    for (const [path, message] of [
      ['/v3/auth/user/add', { name: 'root', password: 'p' }],
      ['/v3/auth/role/add', { name: 'root' }],
      ['/v3/auth/user/grant', { user: 'root', role: 'root' }],
      ['/v3/auth/enable', {}],
    ] as const) {
      await ask('left', path, message)
    }
    const { token } = await ask('left', '/v3/auth/authenticate', { name: 'root', password: 'p' })
    expect(await refusal('left', '/v3/kv/range', { key: base64('c') })).toMatchObject({ code: 3 })
    expect(await ask('right', '/v3/kv/range', { key: base64('b0') })).toMatchObject({ count: '1' })
    expect(await ask('right', '/v3/auth/status', {})).not.toHaveProperty('enabled')
    expect(token).toBeDefined()
    expect(await ask('default', '/v3/kv/range', { key: base64('c') })).not.toHaveProperty('kvs')
  })

  it('[END23] count what each is asked, and tell of the server that they share', async () => {
    await create('counted')
    const client = new GrpcClient(server.url)
    onTestFinished(() => client.close())
    const before = await readMetrics(server.url)
    await put('counted', 'a', '1')
    await put('counted', 'b', '1')
    await client.call(
      RANGE,
      { key: Buffer.from('a') },
      { metadata: { 'client-api-version': '3.1' } },
    )
    const after = await readMetrics(server.url)
    const own = await readMetrics(server.url, '/keyspaces/counted/metrics')
    const puts = 'etcd_mvcc_put_total'
    expect(after.get(puts)).toBe(before.get(puts))
    expect(own.get(puts)).toBe(2)
    expect([after.get(unary('3.1')), own.get(unary('3.1'))]).toEqual([1, undefined])
    expect(own.get(unary('unknown'))).toBe(2)
    const memory = 'process_resident_memory_bytes'
    const [shared = 0, ofOwn = 0] = [after.get(memory), own.get(memory)]
    expect(shared).toBeGreaterThan(10 * MIB)
    expect(ofOwn).toBeGreaterThan(10 * MIB)
  })

  it('[KSP10] fill up each by itself', async () => {
    await create('small', { quotaBackendBytes: MIB })
    await create('large')
    const value = 'v'.repeat(MIB / 4)
    await put('small', 'a', value)
    await put('small', 'b', value)
    const full = await refusal('small', '/v3/kv/put', {
      key: base64('c'),
      value: base64(value + value),
    })
    expect(full).toMatchObject({ code: 8, message: 'etcdserver: mvcc: database space exceeded' })
    expect(await ask('small', '/v3/maintenance/alarm', {})).toHaveProperty('alarms')
    expect(await ask('large', '/v3/maintenance/alarm', {})).not.toHaveProperty('alarms')
    await put('large', 'c', value + value)
    const health = await send(server.url, { method: 'GET', path: '/keyspaces/small/health' })
    expect(health.status).toBe(503)
    expect((await send(server.url, { method: 'GET', path: '/health' })).status).toBe(200)
  })
})

describe('a keyspace that is deleted', () => {
  it('[KSP11] frees its storage, and one of its name is empty', async () => {
    await create('big')
    const before = await storedBytes()
    for (let n = 0; n < 20; n++) {
      await put('big', `k${n}`, 'v'.repeat(MIB / 2))
    }
    expect(await storedBytes()).toBeGreaterThan(before + 10 * MIB)
    await remove('big')
    expect(await storedBytes()).toBeLessThan(before + MIB)
    await create('big')
    expect(await ask('big', '/v3/kv/range', { key: base64('k1') })).toMatchObject({
      header: { revision: '1' },
    })
  })

  it('[KSP12] ends its watches over HTTP with NotFound', async () => {
    await create('watched')
    const watch = watchAt('watched')
    watch.create({ key: base64('a') })
    await watch.next()
    await remove('watched')
    expect(await watch.stream.next()).toMatchObject({
      error: { code: 5, message: 'keyspace not found' },
    })
  })

  it('[KSP12] ends watches and waiting calls of a bridge, which answers NotFound from then on', async () => {
    await create('bridged')
    const bridge = await startBridge({ upstream: server.url, flags: ['--keyspace=bridged'] })
    onTestFinished(() => bridge.stop())
    const client = new GrpcClient(bridge.url)
    onTestFinished(() => client.close())
    const watch = client.stream(WATCH)
    const key = new TextEncoder().encode('a')
    watch.send({ createRequest: messageOf(WatchCreateRequest, { key }) })
    expect(await watch.next()).toMatchObject({ created: true })
    await client.call(LOCK, { name: key })
    const waiting = refusalOf(client.call(LOCK, { name: key }))
    await client.call(RANGE, { key })
    await remove('bridged')
    const notFound = { code: 5, message: 'keyspace not found' }
    expect(await refusalOf(watch.next())).toEqual(notFound)
    expect(await waiting).toEqual(notFound)
    await vi.waitFor(async () => {
      expect(await refusalOf(client.call(RANGE, { key }))).toEqual(notFound)
    }, WAIT)
    await create('bridged')
    const { header } = await vi.waitFor(() => client.call(RANGE, { key }), WAIT)
    expect(header).toMatchObject({ revision: 1 })
  })

  it('[KSP13] is there or gone, and nothing in between, after a crash in the middle of it all', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `crash-${n}`)
    const old = names.slice(0, 10)
    for (const name of old) {
      await create(name)
      await put(name, 'a', name)
    }
    const begun = names.map((name) =>
      old.includes(name)
        ? send(server.url, { method: 'DELETE', path: `/keyspaces/${name}` })
        : send(server.url, { path: '/keyspaces', body: JSON.stringify({ name }) }),
    )
    const ended = Promise.allSettled(begun)
    await Promise.any(begun.slice(20))
    await server.kill9()
    const answers = await ended
    server = await startServer({ dataDir: server.dataDir })
    const states = await vi.waitFor(async () => {
      const { body } = await send(server.url, { method: 'GET', path: '/keyspaces?limit=1000' })
      const { keyspaces } = JSON.parse(body) as { keyspaces: { name: string; state: string }[] }
      expect(keyspaces.filter(({ state }) => state !== 'ready')).toEqual([])
      return new Set(keyspaces.map(({ name }) => name))
    }, WAIT)
    const answered = names.filter((_, n) => {
      const answer = answers[n]
      return answer?.status === 'fulfilled' && answer.value.status < 300
    })
    for (const name of names) {
      const range = { path: `/keyspaces/${name}/v3/kv/range`, body: '{"key":"YQ=="}' }
      const { status, body } = await send(server.url, range)
      expect([name, status]).toEqual([name, states.has(name) ? 200 : 404])
      // A deletion that had not begun when the server was killed leaves all that was there.
      const isWhole = old.includes(name) && status === 200
      expect([name, body.includes(base64(name))]).toEqual([name, isWhole])
    }
    expect(answered.filter((name) => states.has(name) === old.includes(name))).toEqual([])
  })

  it('[KSP13] stays deleted, and one that was created is there, when the server was killed', async () => {
    await create('kept', { quotaBackendBytes: 123_456_789 })
    await put('kept', 'a', 'kept')
    await create('dropped')
    await put('dropped', 'a', 'dropped')
    await remove('dropped')
    await server.kill9()
    server = await startServer({ dataDir: server.dataDir })
    expect(await ask('kept', '/v3/kv/range', { key: base64('a') })).toMatchObject({ count: '1' })
    expect(await ask('kept', '/v3/maintenance/status', {})).toMatchObject({
      dbSizeQuota: '123456789',
    })
    expect(await refusal('dropped', '/v3/kv/range', { key: base64('a') })).toEqual({
      code: 5,
      message: 'keyspace not found',
    })
  })
})
