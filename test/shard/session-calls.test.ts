import { describe, expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import {
  CREDIT_WINDOW_BYTES,
  decodeEnd,
  encodeCall,
  encodeCredit,
  encodeFrames,
  FrameKind,
} from '../../src/protocol/frames.ts'
import {
  PutResponse,
  RangeResponse,
  RangeStreamResponse,
} from '../../src/protocol/generated/messages.ts'
import { Code } from '../../src/protocol/status.ts'
import { ask, bytes, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

const RANGE_STREAM = '/etcdserverpb.KV/RangeStream'
const everything = range('\0', { rangeEnd: bytes('\0') })

async function filled(name: string, keys: number, valueBytes: number) {
  const shard = await shardNamed(name)
  const names = Array.from({ length: keys }, (_, i) => `k${String(i).padStart(3, '0')}`)
  await Promise.all(names.map((key) => ask(shard, PUT, put(key, 'v'.repeat(valueBytes)))))
  return { shard, names, client: await SessionClient.open(shard) }
}

const keysOf = ({ kvs }: RangeResponse): readonly string[] =>
  kvs.map(({ key }) => new TextDecoder().decode(key))

/** Gives credit for what has come until the answer is there. */
async function readAll(client: SessionClient, stream: number): Promise<void> {
  const size = () => (client.parts.get(stream) ?? []).reduce((sum, part) => sum + part.length, 0)
  let credited = 0
  while (!client.answers.has(stream)) {
    const now = size()
    client.frame(FrameKind.CREDIT, encodeCredit(now - credited), stream)
    credited = now
    await client.until(() => size() > credited || client.answers.has(stream))
  }
}

describe('calls over a socket', () => {
  it('[SHD10] are each answered by itself, next to a watch that hears of them', async () => {
    const client = await SessionClient.open(await shardNamed('calls'))
    client.watch({ key: bytes('a') })
    client.call(PUT, put('a'), 10)
    client.call(PUT, put(''), 11)
    client.call(PUT, put('b'), 12)
    client.call(RANGE, range('a'), 13)
    await expect(client.answer(11)).rejects.toThrow('etcdserver: key is not provided')
    const revisions = [await client.answer(10), await client.answer(12)].map(
      (answer) => decode(PutResponse, answer).header?.revision,
    )
    expect(revisions).toEqual([2, 3])
    expect(decode(RangeResponse, await client.answer(13)).header?.revision).toBeLessThanOrEqual(3)
    await client.until(() => client.revisions.length === 1)
    expect(client.revisions).toEqual([2])
    client.call(RANGE, range('b'), 13)
    client.answers.delete(13)
    expect(decode(RangeResponse, await client.answer(13)).count).toBe(1)
  })

  it('[SHD11] a long answer waits for credit and is whole in the end', async () => {
    const { client, names } = await filled('long', 60, 100_000)
    client.reads = false
    client.call(RANGE, everything, 5)
    const got = () => client.parts.get(5) ?? []
    const size = () => got().reduce((sum, part) => sum + part.length, 0)
    await client.until(() => size() >= CREDIT_WINDOW_BYTES)
    client.call(RANGE, range('k000'), 6)
    await client.answer(6)
    expect(size()).toBeLessThan(CREDIT_WINDOW_BYTES + 1_200_000)
    expect(client.answers.has(5)).toBe(false)
    await readAll(client, 5)
    const response = decode(RangeResponse, await client.answer(5))
    expect(keysOf(response)).toEqual(names)
    expect(response).toMatchObject({ count: 60, more: false, header: { revision: 61 } })
  })

  it.each<[string, Parameters<typeof range>[1]]>([
    ['all of it', {}],
    ['backwards, up to a limit', { sortOrder: 2, limit: 50 }],
    ['by value, with a filter', { sortTarget: 4, sortOrder: 2, minModRevision: 10 }],
    ['by change, up to a limit', { sortTarget: 3, sortOrder: 1, limit: 50 }],
  ])(
    '[SHD23] tells how long a long answer is, between two of its parts: %s',
    async (how, options) => {
      const { client } = await filled(`measured ${how}`, 60, 100_000)
      client.reads = false
      client.call(RANGE, { ...everything, ...options }, 5)
      const got = () => client.parts.get(5) ?? []
      const size = () => got().reduce((sum, part) => sum + part.length, 0)
      await client.until(() => size() >= CREDIT_WINDOW_BYTES)
      client.frame(FrameKind.LENGTH, new Uint8Array(0), 5)
      await client.until(() => client.lengths.has(5))
      await readAll(client, 5)
      const answer = await client.answer(5)
      expect(client.lengths.get(5)).toBe(answer.length)
    },
  )

  it('[SHD12] a RangeStream is the Range in messages, written to or not', async () => {
    const { client, shard, names } = await filled('stream', 40, 60_000)
    client.reads = false
    client.call(RANGE_STREAM, { ...everything, limit: 39 }, 5)
    const messages = () => client.parts.get(5) ?? []
    await client.until(() => messages().length > 1)
    await ask(shard, PUT, put('k0005'))
    await readAll(client, 5)
    const last = (client.answers.get(5) ?? new Uint8Array(0)).subarray(1)
    const pages = [...messages(), last].map(
      (message) => decode(RangeStreamResponse, message).rangeResponse ?? RangeResponse.empty(),
    )
    expect(pages.flatMap(keysOf)).toEqual(names.slice(0, 39))
    expect(pages.at(-1)).toMatchObject({ more: true, count: 40, header: { revision: 41 } })
    for (const page of pages.slice(0, -1)) {
      expect(page).toMatchObject({ header: undefined, more: false, count: 0 })
    }
  })

  it('[SHD12] a RangeStream knows neither sorts nor filters', async () => {
    const client = await SessionClient.open(await shardNamed('stream refusals'))
    client.call(RANGE_STREAM, { ...everything, sortOrder: 2 }, 1000)
    client.call(RANGE_STREAM, { ...everything, minModRevision: 1 }, 1001)
    client.call(RANGE_STREAM, { ...everything, sortOrder: 1 }, 1002)
    await expect(client.answer(1000)).rejects.toThrow(
      'RangeStream does not support custom sort orders',
    )
    await expect(client.answer(1001)).rejects.toThrow(
      'RangeStream does not support revision filters',
    )
    const { rangeResponse } = decode(RangeStreamResponse, await client.answer(1002))
    expect(rangeResponse).toMatchObject({ kvs: [], count: 0, header: { revision: 1 } })
  })

  it('[SHD13] [END21] a cancelled write is not begun when it has not been, and has ended', async () => {
    const shard = await shardNamed('cancelled')
    const client = await SessionClient.open(shard)
    const calls = [put('a'), put('b')].map((request, i) => ({
      kind: FrameKind.CALL,
      stream: 20 + i,
      payload: client.callPayload(PUT, request),
    }))
    const end = { kind: FrameKind.END, stream: 20, payload: new Uint8Array(0) }
    client.socket.send(encodeFrames([...calls, end]))
    expect(decode(PutResponse, await client.answer(21)).header?.revision).toBe(2)
    expect(client.answers.has(20)).toBe(false)
    expect(await ask(shard, RANGE, range('a'))).toMatchObject({ count: 0 })
    const answer = await shard.metrics({ administrator: true })
    const { grpc_server_handled_total: handled = [] } = 'values' in answer ? answer.values : {}
    const puts = handled.filter(({ labels }) => labels['grpc_method'] === 'Put')
    expect(puts.map(({ labels, value }) => [labels['grpc_code'], value])).toEqual([
      ['OK', 1],
      ['Canceled', 1],
    ])
  })

  it('[SHD14] an unknown method and a broken request are refused alone', async () => {
    const client = await SessionClient.open(await shardNamed('broken calls'))
    const request = Uint8Array.of(0xff, 0xff)
    const unknown = encodeCall({ method: '/a.B/C', context: {}, request })
    client.frame(FrameKind.CALL, unknown, 30)
    client.frame(FrameKind.CALL, encodeCall({ method: PUT, context: {}, request }), 31)
    client.call(PUT, put('a'), 32)
    await client.answer(32)
    expect(decodeEnd(client.answers.get(30) ?? request)).toMatchObject({
      code: Code.UNIMPLEMENTED,
    })
    const broken = decodeEnd(client.answers.get(31) ?? request)
    expect(broken.code).toBe(Code.INTERNAL)
    expect(broken.message).toMatch(/^grpc: error unmarshalling request: /)
  })

  it('[SHD14] a stream number in use ends the socket', async () => {
    const client = await SessionClient.open(await shardNamed('numbers'))
    client.call(PUT, put('a'), 1)
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toBe(1002)
  })
})
