import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  RangeRequest,
  RequestOp,
  WatchCreateRequest,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { readContent } from '../snapshot/content.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { base64, call, isObject, type JsonObject, send } from './http.ts'
import { type Server, startServer } from './server.ts'
import { httpTransport, type OpenStream, webSocketTransport } from './streams.ts'

const REQUEST_BYTES_MAX = 10_485_760
const LONG = 8_500_000
/** The longest value of a put whose request is just within the limit. */
const LONGEST = REQUEST_BYTES_MAX - 100
const PUT = '/etcdserverpb.KV/Put'
const RANGE = '/etcdserverpb.KV/Range'

let server: Server
let client: GrpcClient

beforeAll(async () => {
  server = await startServer({ flags: [`--max-request-bytes=${REQUEST_BYTES_MAX}`] })
  client = new GrpcClient(server.url)
})

afterAll(async () => {
  client.close()
  await server.stop()
})

const key = (name: string): Buffer => Buffer.from(name)
const valueOf = (length: number, seed: number): Buffer =>
  Buffer.alloc(length, `value ${seed}, over and over; `)

/** Compared by their bytes: the runner would print megabytes. */
function isSame(actual: Uint8Array | undefined, expected: Uint8Array): boolean {
  return actual !== undefined && Buffer.compare(actual, expected) === 0
}

async function get(name: string, revision = 0): Promise<Uint8Array | undefined> {
  const { kvs } = await client.call(RANGE, { key: key(name), revision })
  return kvs[0]?.value
}

it.each([LONG, LONGEST])('[LNG7] a value of %d bytes is put and read by gRPC', async (length) => {
  const [first, second] = [valueOf(length, 1), valueOf(length, 2)]
  const { header } = await client.call(PUT, { key: key('grpc'), value: first })
  const { prevKv } = await client.call(PUT, { key: key('grpc'), value: second, prevKv: true })
  expect(isSame(prevKv?.value, first)).toBe(true)
  expect(isSame(await get('grpc'), second)).toBe(true)
  expect(isSame(await get('grpc', header?.revision), first)).toBe(true)
  const requestRange = create(RangeRequest, { key: key('grpc') })
  const { responses } = await client.call('/etcdserverpb.KV/Txn', {
    success: [create(RequestOp, { requestRange })],
  })
  expect(isSame(responses[0]?.responseRange?.kvs[0]?.value, second)).toBe(true)
  const streamed = await client.serverStream('/etcdserverpb.KV/RangeStream', requestRange).all()
  const values = streamed.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? [])
  expect(values.map(({ value }) => isSame(value, second))).toEqual([true])
})

it('[LNG7] a value of 8.5 MB is put and read by JSON, and in a transaction', async () => {
  const value = valueOf(LONG, 3).toString('base64')
  const named = { key: base64('json') }
  await call(server.url, '/v3/kv/put', { ...named, value })
  const [kv] = (await call(server.url, '/v3/kv/range', named))['kvs'] as JsonObject[]
  expect(kv?.['value'] === value).toBe(true)
  const put = { request_put: { ...named, value, prev_kv: true } }
  const txn = await call(server.url, '/v3/kv/txn', { success: [put] })
  const [{ response_put: answer } = {}] = txn['responses'] as JsonObject[]
  const previous = isObject(answer) ? answer['prev_kv'] : undefined
  expect(isObject(previous) && previous['value'] === value).toBe(true)
})

it('[LNG7] the request is refused that is beyond the limit, be it by its value or by its key', async () => {
  const tooLarge = { code: 3, message: 'etcdserver: request is too large' }
  const value = valueOf(REQUEST_BYTES_MAX, 4)
  expect(await refusalOf(client.call(PUT, { key: key('over'), value }))).toEqual(tooLarge)
  const long = Buffer.alloc(2_000_000, 'k')
  expect(await refusalOf(client.call(PUT, { key: long }))).toEqual(tooLarge)
  expect((await client.call(RANGE, { key: long })).kvs).toEqual([])
  const answer = await send(server.url, {
    path: '/v3/kv/put',
    body: JSON.stringify({ key: base64('over'), value: value.toString('base64') }),
  })
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { code: 3 }])
  await client.call(PUT, { key: Buffer.alloc(1_500_000, 'k'), value: key('1') })
  expect(isSame(await get('k'.repeat(1_500_000)), key('1'))).toBe(true)
})

it('[LNG8] a watch by gRPC gets them live and from the log, with the versions before', async () => {
  const watch = client.stream('/etcdserverpb.Watch/Watch')
  const values = [5, 6, 7].map((seed) => valueOf(LONG, seed))
  const watched = { key: key('watched'), prevKv: true }
  watch.send({ createRequest: create(WatchCreateRequest, watched) })
  expect((await watch.next())?.created).toBe(true)
  let begin = 0
  for (const value of values) {
    const { header } = await client.call(PUT, { key: key('watched'), value })
    begin ||= header?.revision ?? 0
  }
  const check = async (stream: typeof watch): Promise<void> => {
    const seen: [boolean, boolean][] = []
    while (seen.length < values.length) {
      for (const { kv, prevKv } of (await stream.next())?.events ?? []) {
        const [before = Buffer.alloc(0), now = Buffer.alloc(0)] = [
          values[seen.length - 1],
          values[seen.length],
        ]
        seen.push([isSame(kv?.value, now), isSame(prevKv?.value ?? Buffer.alloc(0), before)])
      }
    }
    expect(seen).toEqual(values.map(() => [true, true]))
  }
  await check(watch)
  watch.cancel()
  const replay = client.stream('/etcdserverpb.Watch/Watch')
  const again = { ...watched, startRevision: begin }
  replay.send({ createRequest: create(WatchCreateRequest, again) })
  expect((await replay.next())?.created).toBe(true)
  await check(replay)
  replay.cancel()
})

it.each<[string, OpenStream]>([
  ['HTTP', httpTransport],
  ['WebSocket', webSocketTransport],
])('[LNG8] a watch by %s gets them live and from the log', async (name, open) => {
  const value = valueOf(LONG, 8).toString('base64')
  const named = { key: base64(`watched by ${name}`) }
  const live = open(server.url, '/v3/watch')
  live.send(JSON.stringify({ create_request: named }))
  await live.next()
  const { header } = await call(server.url, '/v3/kv/put', { ...named, value })
  const revision = isObject(header) ? (header['revision'] ?? null) : null
  const replay = open(server.url, '/v3/watch')
  replay.send(JSON.stringify({ create_request: { ...named, start_revision: revision } }))
  await replay.next()
  for (const stream of [live, replay]) {
    const message = (await stream.next()) as { result?: { events?: { kv?: JsonObject }[] } }
    expect(message.result?.events?.[0]?.kv?.['value'] === value).toBe(true)
    stream.close()
  }
})

it('[LNG8] a snapshot and the hash of the store have them', async () => {
  const value = valueOf(LONG, 9)
  const { header } = await client.call(PUT, { key: key('snapshot'), value })
  const blobs = await client.serverStream('/etcdserverpb.Maintenance/Snapshot', {}).all()
  const file = Buffer.concat(blobs.slice(0, -1).map(({ blob }) => blob))
  const rows = readContent(file).get('key') ?? []
  const row = rows.find(({ key: name }) => Number(name.readBigUInt64BE(0)) === header?.revision)
  expect(row?.value.includes(value)).toBe(true)
  const { hash } = await client.call('/etcdserverpb.Maintenance/HashKV', {})
  expect(hash).toBeGreaterThan(0)
})

it('[LNG8] several at once are all stored, and read at once', async () => {
  const names = Array.from({ length: 9 }, (_, i) => `several/${i}`)
  await Promise.all(
    names.map((name, i) => client.call(PUT, { key: key(name), value: valueOf(LONG, i) })),
  )
  const values = await Promise.all(names.map((name) => get(name)))
  expect(values.map((value, i) => isSame(value, valueOf(LONG, i)))).toEqual(names.map(() => true))
  const range = { key: key('several/'), rangeEnd: key('several0') }
  const { kvs } = await client.call(RANGE, range)
  expect(kvs.map(({ value }) => value.length)).toEqual(names.map(() => LONG))
  const listed = await call(server.url, '/v3/kv/range', {
    key: base64('several/'),
    range_end: base64('several0'),
  })
  expect(listed['kvs']).toHaveLength(names.length)
})

it('[LNG9] what does not fit into a row is refused, and the link stays', async () => {
  const tooLarge = 'etcdserver: request is too large'
  const watches = Array.from({ length: 5 }, () => client.stream('/etcdserverpb.Watch/Watch'))
  const other = client.stream('/etcdserverpb.Watch/Watch')
  other.send({ createRequest: create(WatchCreateRequest, { key: key('other') }) })
  expect((await other.next())?.created).toBe(true)
  for (const watch of watches) {
    const long = { key: Buffer.alloc(8_000_000, 'k'), rangeEnd: key('l') }
    watch.send({ createRequest: create(WatchCreateRequest, long) })
  }
  for (const watch of watches) {
    const cancelReason = `rpc error: code = InvalidArgument desc = ${tooLarge}`
    expect(await watch.next()).toMatchObject({ canceled: true, cancelReason })
    watch.cancel()
  }
  await client.call('/etcdserverpb.Auth/RoleAdd', { name: 'role' })
  const perm = { permType: 0, key: Buffer.alloc(LONG, 'k'), rangeEnd: key('l') }
  const grant = client.call('/etcdserverpb.Auth/RoleGrantPermission', { name: 'role', perm })
  expect(await refusalOf(grant)).toEqual({ code: 3, message: tooLarge })
  await client.call(PUT, { key: key('other'), value: key('1') })
  expect((await other.next())?.events).toHaveLength(1)
  other.cancel()
  expect(server.log()).not.toContain('lost the link')
})
