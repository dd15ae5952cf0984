import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { administrator } from '../../src/door/visitor.ts'
import { gateway } from '../../src/gateway/app.ts'
import { ShardClient } from '../../src/gateway/shard-client.ts'
import { encode } from '../../src/protocol/binary.ts'
import {
  CompactionRequest,
  DeleteRangeRequest,
  HashKVRequest,
  LeaseGrantRequest,
  PutRequest,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import type { Call } from '../../src/protocol/shard-rpc.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { base64, put as putNow } from './client.ts'
import { resetShard, type WatchedShard, watchShard } from './watched-shard.ts'

const defaultAddress = { name: 'default', jurisdiction: undefined }

const RANGE = '/etcdserverpb.KV/Range'
const PUT = '/etcdserverpb.KV/Put'
const DELETE_RANGE = '/etcdserverpb.KV/DeleteRange'
const TXN = '/etcdserverpb.KV/Txn'
const HASH_KV = '/etcdserverpb.Maintenance/HashKV'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const range = (key: string, rest: Partial<RangeRequest> = {}): RangeRequest =>
  create(RangeRequest, { key: bytes(key), ...rest })
const put = (key: string, rest: Partial<PutRequest> = {}): PutRequest =>
  create(PutRequest, { key: bytes(key), value: bytes(key), ...rest })

const txn = (...requests: readonly RequestOp[]): TxnRequest =>
  create(TxnRequest, { failure: requests })

type Ask = (method: MethodName, request: object) => Promise<object>

function askThrough({ environment }: WatchedShard): Ask {
  const client = new ShardClient(environment, defaultAddress, administrator)
  return async (method, request) =>
    (await client.call(method, request, { origin: 'http://test' })).response
}

/** The methods of each message. */
const methodsOf = ({ messages }: WatchedShard): readonly (readonly MethodName[])[] =>
  messages.map((calls) => calls.map(({ method }) => method))

const keys = Array.from({ length: 100 }, (_, n) => `batch/${n}`)

const never = new Promise<never>(() => undefined)

/** Resets the shard under the first message that has several calls. */
function resetUnderMany(): WatchedShard {
  let resets = 0
  return watchShard(async (calls) => {
    if (calls.length > 1 && resets === 0) {
      resets++
      await resetShard()
    }
  })
}

/** Half a minute passes in a third of a second. */
function hurryTime(): void {
  const { setTimeout } = globalThis
  vi.stubGlobal('setTimeout', (run: () => void, ms = 0) => setTimeout(run, ms / 100))
}

beforeAll(() => putNow('batch/1', 'batch/1'))

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('calls that come together', () => {
  it('[GTW35] share messages and get their own answers', async () => {
    const shard = watchShard()
    const ask = askThrough(shard)
    await Promise.all(keys.map((key) => ask(PUT, put(key))))
    const answers = await Promise.all(keys.map((key) => ask(RANGE, range(key))))
    expect(answers).toMatchObject(
      keys.map((key) => ({ kvs: [{ key: bytes(key), value: bytes(key) }], count: 1 })),
    )
    expect(methodsOf(shard).flat()).toHaveLength(2 * keys.length)
    expect(shard.messages.length).toBeLessThan(keys.length / 4)
  })

  it('[GTW35] are refused one by one', async () => {
    const shard = watchShard()
    const ask = askThrough(shard)
    const first = ask(PUT, put('batch/first'))
    const good = keys.map((key) => ask(PUT, put(key)))
    const nameless = ask(PUT, put(''))
    const leased = ask(PUT, put('batch/leased', { lease: 404n }))
    const last = ask(PUT, put('batch/last'))
    await expect(nameless).rejects.toEqual(statusOf('empty-key'))
    await expect(leased).rejects.toEqual(statusOf('lease-not-found'))
    await Promise.all([first, ...good, last])
    expect(methodsOf(shard)).toEqual([[PUT], Array.from({ length: 103 }, () => PUT)])
  })
})

describe('a call', () => {
  it('[GTW36] leaves at once where none is under way', async () => {
    const shard = watchShard()
    const ask = askThrough(shard)
    const putting = ask(PUT, put('batch/1'))
    const reading = ask(RANGE, range('batch/1'))
    expect(methodsOf(shard)).toEqual([[PUT], [RANGE]])
    await Promise.all([putting, reading])
  })

  it('[GTW36] leaves when the one before it is back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const shard = watchShard()
    const ask = askThrough(shard)
    const first = ask(RANGE, range('batch/1'))
    await Promise.all([first, ask(RANGE, range('batch/2')), ask(RANGE, range('batch/3'))])
    expect(methodsOf(shard)).toEqual([[RANGE], [RANGE, RANGE]])
  })

  it('[GTW36] leaves without the one before it, which may be far away', async () => {
    const shard = watchShard((calls) => (calls.length === 1 ? never : undefined))
    const ask = askThrough(shard)
    void ask(RANGE, range('batch/1'))
    await Promise.all([ask(RANGE, range('batch/2')), ask(RANGE, range('batch/3'))])
    expect(methodsOf(shard)).toEqual([[RANGE], [RANGE, RANGE]])
  })
})

describe('calls that may take long or answer much', () => {
  const rangeEnd = bytes('batch0')
  const many = range('batch/', { rangeEnd })

  it.each<[string, MethodName, object]>([
    ['a range of keys', RANGE, many],
    ['a deletion of keys', DELETE_RANGE, create(DeleteRangeRequest, { key: bytes('c'), rangeEnd })],
    ['a transaction with a range of keys', TXN, txn({ requestRange: many })],
    ['a transaction in one', TXN, txn({ requestTxn: txn({ requestRange: many }) })],
    [
      'a transaction of many values',
      TXN,
      txn(...keys.slice(0, 20).map((key) => ({ requestRange: range(key) }))),
    ],
    ['a hash', HASH_KV, create(HashKVRequest, {})],
    ['a compaction', '/etcdserverpb.KV/Compact', create(CompactionRequest, { revision: 1 })],
  ])('[GTW37] go alone, and nobody waits for them: %s', async (_, method, request) => {
    const type: MessageType<object> = rpcMethods[method].request
    const encoded = String(encode(type, request))
    const isSlow = (call: Call): boolean =>
      call.method === method && String(call.request) === encoded
    const slow = Promise.withResolvers<void>()
    const shard = watchShard((calls) => (calls.some(isSlow) ? slow.promise : undefined))
    const ask = askThrough(shard)
    const small = (): Promise<object>[] => [ask(PUT, put('batch/1')), ask(RANGE, range('batch/1'))]
    const others = small()
    const answers = [1, 2].map(() => ask(method, request).catch((error: unknown) => error))
    await Promise.all([...others, ...small(), ...small()])
    slow.resolve()
    await Promise.all(answers)
    const messages = shard.messages.filter((calls) => calls.some(isSlow))
    expect(messages.map((calls) => calls.length)).toEqual([1, 1])
  })

  it.each<[string, MethodName, object]>([
    ['a point range', RANGE, range('batch/1')],
    ['a put', PUT, put('batch/1')],
    ['a put that wants to see the value before', PUT, put('batch/1', { prevKv: true })],
    ['a deletion', DELETE_RANGE, create(DeleteRangeRequest, { key: bytes('batch/none') })],
    [
      'a compare and swap',
      TXN,
      create(TxnRequest, {
        success: [{ requestPut: put('batch/1') }],
        failure: [{ requestRange: range('batch/1') }],
      }),
    ],
    ['a lease', '/etcdserverpb.Lease/LeaseGrant', create(LeaseGrantRequest, { TTL: 1000 })],
  ])('[GTW37] is none of them: %s', async (_, method, request) => {
    const shard = watchShard()
    const ask = askThrough(shard)
    await Promise.all([ask(method, request), ask(method, request), ask(method, request)])
    expect(methodsOf(shard)).toEqual([[method], [method, method]])
  })

  it('[GTW37] are put into messages by what they may come to', async () => {
    const value = 'v'.repeat(1_400_000)
    await putNow('batch/large', value)
    const shard = watchShard()
    const ask = askThrough(shard)
    const answers = await Promise.all(keys.slice(0, 30).map(() => ask(RANGE, range('batch/large'))))
    for (const answer of answers) {
      expect((answer as RangeResponse).kvs[0]?.value).toHaveLength(value.length)
    }
    const request = put('batch/large', { value: bytes(value), prevKv: true })
    const puts = await Promise.all(keys.slice(0, 30).map(() => ask(PUT, request)))
    expect(puts).toMatchObject(puts.map(() => ({ prevKv: { key: bytes('batch/large') } })))
    expect(shard.messages.length).toBeLessThan(30)
  })
})

describe('a client whose time is up', () => {
  it('[GTW38] leaves those whose calls went with its own', async () => {
    const late = Promise.withResolvers<void>()
    const shard = watchShard((calls) => (calls.length === 1 ? undefined : late.promise))
    const request = (key: string, headers: Record<string, string> = {}): Promise<Response> =>
      gateway.fetch(
        new Request('http://store.example.com/v3/kv/put', {
          method: 'POST',
          headers,
          body: JSON.stringify({ key: base64(key) }),
        }),
        shard.environment,
      )
    const first = request('batch/1')
    const patient = [request('batch/2'), request('batch/3')]
    const hasty = await request('batch/4', { 'Grpc-Timeout': '20m' })
    expect(hasty.status).toBe(504)
    late.resolve()
    const answers = await Promise.all([first, ...patient])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(methodsOf(shard)).toEqual([[PUT], [PUT, PUT, PUT]])
  })
})

describe('a message that is lost', () => {
  const lost = statusOf('timeout-connection-lost')

  const rejected = (calls: readonly Promise<object>[]): Promise<unknown> =>
    Promise.all(calls.map((call) => expect(call).rejects.toEqual(lost)))

  it('[GTW39] with the shard is read again, all together', async () => {
    const shard = resetUnderMany()
    const ask = askThrough(shard)
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(RANGE, range('batch/1'))))
    expect(answers).toMatchObject(answers.map(() => ({ count: 1 })))
    const methods = methodsOf(shard)
    expect(methods[1]).toEqual([RANGE, RANGE, RANGE])
    expect(methods.flat()).toHaveLength(4 + 3)
  })

  it('[GTW39] with the shard may have been written, which each client is told', async () => {
    const shard = resetUnderMany()
    const ask = askThrough(shard)
    const first = ask(PUT, put('batch/first'))
    const others = ['batch/1', 'batch/2', 'batch/3'].map((key) => ask(PUT, put(key)))
    await Promise.all([first, rejected(others)])
    expect(methodsOf(shard)).toEqual([[PUT], [PUT, PUT, PUT]])
  })

  it.each<[string, MethodName]>([
    ['is read again', RANGE],
    ['may have been written', PUT],
  ])('[GTW39] with the request that sent it %s', async (_, method) => {
    hurryTime()
    let losses = 0
    const shard = watchShard((calls) => (calls.length > 1 && losses++ === 0 ? never : undefined))
    const ask = askThrough(shard)
    const request = method === RANGE ? range('batch/1') : put('batch/1')
    const first = ask(method, request)
    const others = [ask(method, request), ask(method, request)]
    const told = method === RANGE ? Promise.all(others) : rejected(others)
    await Promise.all([first, told])
    expect(methodsOf(shard).slice(0, 2)).toEqual([[method], [method, method]])
    expect(methodsOf(shard).flat()).toHaveLength(method === RANGE ? 5 : 3)
  })
})
