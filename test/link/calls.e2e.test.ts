import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { LinkError } from '../../src/link/link.ts'
import { CREDIT_WINDOW_BYTES, decodeCall, decodeFrames } from '../../src/protocol/frames.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { sampleSettles } from '../e2e/metrics.ts'
import { type Server, startServer } from '../e2e/server.ts'
import { ALL, bytes, keysOf, LinkClient, unary } from './client.ts'
import { TcpProxy } from './tcp-proxy.ts'

const LIST_KEYS = 3000
const LIST_VALUE = 'v'.repeat(2000)

let server: Server
let proxy: TcpProxy
const clients: LinkClient[] = []

beforeAll(async () => {
  server = await startServer()
  proxy = await TcpProxy.start(server.port)
  const client = await linked()
  for (let first = 0; first < LIST_KEYS; first += 500) {
    const keys = Array.from({ length: 500 }, (_, i) => `list/${String(first + i).padStart(5, '0')}`)
    await Promise.all(keys.map((key) => client.put(key, LIST_VALUE)))
  }
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

const list = { key: bytes('list/'), rangeEnd: bytes('list0') }
const listed = Array.from({ length: LIST_KEYS }, (_, i) => `list/${String(i).padStart(5, '0')}`)

/** What a promise is rejected with. */
async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error('it succeeds'),
    (error: unknown) => error,
  )
}

it('[LNK6] answers and refusals come as the shard has given them', async () => {
  const client = await linked()
  const revision = await client.put('one', 'first')
  const { kvs, header } = await client.range('one')
  expect(kvs.map(({ value }) => Buffer.from(value).toString())).toEqual(['first'])
  expect(header?.revision).toBe(revision)
  const future = { ...ALL, revision: revision + 1000 }
  const refused = await refusalOf(client.call('/etcdserverpb.KV/Range', future))
  expect(refused).toEqual(statusOf('future-revision'))
})

it('[LNK7] a long answer comes in parts that make one message', async () => {
  const client = await linked()
  const parts = await client.link.call(unary('/etcdserverpb.KV/Range', list), undefined)
  expect(parts.length).toBeGreaterThan(5)
  const { kvs, count } = await client.call('/etcdserverpb.KV/Range', list)
  expect(count).toBe(LIST_KEYS)
  expect(kvs.map(({ key }) => Buffer.from(key).toString())).toEqual(listed)
})

it('[LNK7] [LNK8] a stream has at most a window and a message with a reader that takes nothing', async () => {
  const client = await linked()
  const stream = client.rangeStream(list)
  stream.takes = false
  await stream.until(() => stream.held >= CREDIT_WINDOW_BYTES)
  // What else was on its way would be here before the answer to a later call.
  await client.range('one')
  expect(stream.held).toBeLessThan(CREDIT_WINDOW_BYTES + 600_000)
  expect(stream.ended).toBeUndefined()
  stream.takes = true
  stream.takeAll()
  expect(await stream.end()).toBeUndefined()
  expect(keysOf(stream.messages)).toEqual(listed)
})

it('[LNK9] calls that are not answered hold up no others', async () => {
  const client = await linked()
  const stuck = Array.from({ length: 8 }, () => client.rangeStream(list))
  stuck.forEach((stream) => (stream.takes = false))
  await Promise.all(stuck.map((stream) => stream.until(() => stream.held > 0)))
  const puts = Array.from({ length: 100 }, (_, i) => client.put(`not-held-up/${i}`))
  await Promise.all(puts)
  expect(stuck.map(({ ended }) => ended)).toEqual(stuck.map(() => undefined))
})

it('[LNK10] a call given up is forgotten, and one that had not left never happens', async () => {
  const client = await linked()
  const aborted = AbortSignal.abort()
  expect(await refusalOf(client.call('/etcdserverpb.KV/Range', ALL, aborted))).toEqual(
    statusOf('canceled'),
  )
  proxy.stop()
  proxy.cut()
  const controller = new AbortController()
  const put = refusalOf(
    client.call('/etcdserverpb.KV/Put', { key: bytes('never') }, controller.signal),
  )
  controller.abort()
  expect(await put).toEqual(statusOf('canceled'))
  proxy.resume()
  const { kvs } = await client.range('never')
  expect(kvs).toEqual([])
})

it('[LNK10] a watch stream given up is gone at the shard', async () => {
  const client = await linked()
  const open = 'etcd_debugging_mvcc_watch_stream_total'
  const watch = client.watch()
  await watch.created(ALL)
  expect(await sampleSettles(server.url, open, 1)).toBe(1)
  watch.stream.call.cancel()
  expect(await sampleSettles(server.url, open, 0)).toBe(0)
  expect(watch.stream.ended).toBeUndefined()
})

it('[LNK11] more calls than a link holds are refused', async () => {
  const client = new LinkClient('ws://127.0.0.1:1/session')
  const started = refusalOf(client.link.start())
  clients.push(client)
  const calls = Array.from({ length: 20_000 }, () => refusalOf(client.range('a')))
  expect(await refusalOf(client.range('a'))).toEqual(statusOf('too-many-requests'))
  client.link.close()
  expect(new Set(await Promise.all(calls))).toEqual(new Set([statusOf('stopped')]))
  expect(await started).toBeInstanceOf(LinkError)
})

it('[LNK11] more bytes than a link holds are refused', async () => {
  const client = new LinkClient('ws://127.0.0.1:1/session')
  const started = refusalOf(client.link.start())
  clients.push(client)
  const value = 'v'.repeat(1024 * 1024)
  const calls = Array.from({ length: 255 }, () => refusalOf(client.put('a', value)))
  expect(await refusalOf(client.put('a', value))).toEqual(statusOf('too-many-requests'))
  client.link.close()
  await Promise.all([...calls, started])
})

it('[LNK30] what is asked before there is a link arrives, however much it is in all', async () => {
  const client = new LinkClient(proxy.url)
  clients.push(client)
  const key = new Uint8Array(7 * 1024 * 1024).fill(1)
  const watches = Array.from({ length: 5 }, () => client.watch())
  const refused = watches.map((watch) => watch.created({ key, rangeEnd: ALL.rangeEnd }))
  await client.link.start()
  await Promise.all(refused)
  expect(watches.map(({ stream }) => stream.messages[0]?.canceled)).toEqual(watches.map(() => true))
  expect(client.logged).toEqual(['info: connected to the upstream'])
})

it('[LNK12] a closed link ends what is under way and takes nothing more', async () => {
  const client = await linked()
  const watch = client.watch()
  await watch.created(ALL)
  proxy.stop('down')
  const calls = [refusalOf(client.put('a')), refusalOf(client.range('a'))]
  client.link.close()
  const stopped = statusOf('stopped')
  expect(await Promise.all(calls)).toEqual([stopped, stopped])
  expect(await watch.stream.end()).toEqual(stopped)
  expect(await refusalOf(client.put('a'))).toEqual(stopped)
  expect(await client.watch().stream.end()).toEqual(stopped)
})

it('[LNK13] a link tells its version and its token, and MemberList where clients reach it', async () => {
  const other = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (protocols) => [...protocols].join(),
  })
  onTestFinished(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const connected = once(other, 'connection')
  const client = await LinkClient.start(`ws://127.0.0.1:${port}/session`, 'secret')
  clients.push(client)
  const [socket, { headers }] = (await connected) as [WebSocket, IncomingMessage]
  expect(headers.authorization).toBe('Bearer secret')
  expect(headers['sec-websocket-protocol']).toBe('etcdurable.frames.2')
  const stopped = [
    refusalOf(client.call('/etcdserverpb.Cluster/MemberList', {})),
    refusalOf(client.range('a')),
  ]
  const [message] = (await once(socket, 'message')) as [Buffer]
  const calls = decodeFrames(message).map(({ payload }) => decodeCall(payload))
  expect(calls.map(({ method, context }) => ({ method, context }))).toEqual([
    {
      method: '/etcdserverpb.Cluster/MemberList',
      context: { origin: 'http://127.0.0.1:2379' },
    },
    { method: '/etcdserverpb.KV/Range', context: {} },
  ])
  client.link.close()
  await Promise.all(stopped)
})

it.each([
  [
    400,
    'a session speaks etcdurable.frames.2\nor none',
    'it refuses this version of the protocol (HTTP 400): a session speaks etcdurable.frames.2',
  ],
  [401, '', 'it refuses the token (HTTP 401)'],
  [403, 'no', 'it refuses the token (HTTP 403): no'],
  [404, 'Not Found', 'it answers HTTP 404 where a WebSocket was asked for: Not Found'],
  [200, '', 'it answers HTTP 200 where a WebSocket was asked for'],
])('[LNK13] an upstream that answers %d is refused with one line', async (status, body, reason) => {
  const other = createServer((_, response) => response.writeHead(status).end(body))
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const url = `ws://127.0.0.1:${(other.address() as AddressInfo).port}/session`
  const client = new LinkClient(url)
  expect(await refusalOf(client.link.start())).toEqual(
    new LinkError(`cannot use ${url}: ${reason}`),
  )
  expect(await refusalOf(client.range('a'))).toEqual(statusOf('stopped'))
})

it('[LNK14] an upstream that cannot be reached is tried again, and the log says so once', async () => {
  const gone = await TcpProxy.start(server.port)
  const { url, port } = gone
  await gone.close()
  const client = new LinkClient(url)
  clients.push(client)
  const started = client.link.start()
  // Time for several tries.
  await sleep(300)
  const reason = `connect ECONNREFUSED 127.0.0.1:${port}`
  const unreachable = `warn: cannot reach the upstream; still trying: ${reason}`
  expect(client.logged).toEqual([unreachable])
  const back = await TcpProxy.start(server.port, port)
  onTestFinished(() => back.close())
  await started
  expect(client.logged).toEqual([unreachable, 'info: connected to the upstream'])
})

it('[LNK15] a socket that has gone silent is given up', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const client = await linked()
  proxy.stop('down')
  const range = client.range('one')
  vi.advanceTimersByTime(10_000)
  vi.advanceTimersByTime(10_000)
  vi.advanceTimersByTime(10_000)
  await expect(range).resolves.toBeDefined()
  expect(client.logged).toContain('warn: lost the link to the upstream: no answer to a ping')
})
