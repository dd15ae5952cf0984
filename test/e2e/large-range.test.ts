import { afterAll, beforeAll, expect, it } from 'vitest'
import { HELD_BYTES_MAX } from '../../src/grpc/unary.ts'
import type { RangeRequest } from '../../src/protocol/generated/messages.ts'
import { GrpcClient } from './grpc-client.ts'
import { base64, call, isObject, type JsonObject } from './http.ts'
import { Random } from './random.ts'
import { Target } from './target.ts'
import { Keyspace } from './watch-session.ts'

const keys = Array.from({ length: 3000 }, (_, at) => `large/${String(at).padStart(4, '0')}`)
const whole = { key: base64('large/'), range_end: base64('large0') }
let target: Target
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
  await fill()
})

async function fill(): Promise<void> {
  for (let at = 0; at < keys.length; at += 100) {
    const puts = keys.slice(at, at + 100).map((key) => ({
      request_put: { key: base64(key), value: base64(key.repeat(200)) },
    }))
    await keyspace.txn(puts)
  }
}

afterAll(() => target.stop())

const first = { key: Buffer.from('large/'), rangeEnd: Buffer.from('large0') }

/** Puts and deletes keys all over the range until it is told to stop. */
async function disturb(random: Random, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const key = random.pick(keys)
    await (random.chance(0.3) ? keyspace.delete(key) : keyspace.put(key, `disturbed ${key}`))
  }
}

it.each<[string, JsonObject]>([
  ['all of it', {}],
  ['its keys', { keys_only: true }],
  ['backwards', { sort_order: 'DESCEND' }],
  ['by value', { sort_target: 'VALUE', sort_order: 'ASCEND' }],
  ['a page of it', { limit: 2000 }],
])(
  '[DIF3] a large range is of one revision, whatever is written meanwhile: %s',
  async (_, options) => {
    const stop = new AbortController()
    const writers = [1, 2, 3].map((seed) => disturb(new Random(seed), stop.signal))
    const range = { ...whole, ...options }
    const answers: JsonObject[] = []
    for (let asked = 0; asked < 3; asked++) {
      answers.push(await call(target.url, '/v3/kv/range', range))
    }
    stop.abort()
    await Promise.all(writers)
    for (const { header, ...seen } of answers) {
      const revision = isObject(header) ? header['revision'] : undefined
      const { header: now, ...again } = await keyspace.call('/v3/kv/range', { ...range, revision })
      expect(Number(revision)).toBeLessThanOrEqual(Number((now as JsonObject)['revision']))
      expect(seen).toEqual(again)
    }
  },
)

it.each<[string, Partial<RangeRequest>]>([
  ['all of it', {}],
  ['backwards', { sortOrder: 2 }],
  ['by value', { sortTarget: 4, sortOrder: 1 }],
  ['by version, up to a limit', { sortTarget: 1, sortOrder: 2, limit: 2500 }],
  ['with a filter', { minModRevision: 5 }],
  ['up to a limit', { limit: 2500 }],
])('[DIF3] [GRC28] over gRPC too, in one message: %s', async (_, options) => {
  const client = new GrpcClient(target.url)
  const stop = new AbortController()
  const writers = [4, 5, 6].map((seed) => disturb(new Random(seed), stop.signal))
  try {
    for (let asked = 0; asked < 2; asked++) {
      // What the writers put is short.
      await fill()
      const request = { ...first, ...options }
      const answer = await client.call('/etcdserverpb.KV/Range', request)
      const at = { ...first, revision: answer.header?.revision ?? 0 }
      const again = await client.serverStream('/etcdserverpb.KV/RangeStream', at).all()
      const all = again.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? [])
      expect(answer.count).toBe(all.length)
      const bytes = answer.kvs.reduce((sum, { value }) => sum + value.length, 0)
      expect(bytes).toBeGreaterThan(HELD_BYTES_MAX)
      const byKey = new Map(all.map((kv) => [Buffer.from(kv.key).toString(), kv]))
      for (const kv of answer.kvs) {
        expect(byKey.get(Buffer.from(kv.key).toString())).toEqual(kv)
      }
      const passing = all.filter((kv) => kv.modRevision >= (options.minModRevision ?? 0))
      expect(answer.kvs.length).toBe(Math.min(passing.length, options.limit ?? Infinity))
    }
  } finally {
    stop.abort()
    await Promise.all(writers)
    client.close()
  }
})
