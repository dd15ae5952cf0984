import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { badRequests } from './bad-requests.ts'
import { badServiceRequests } from './bad-service-requests.ts'
import {
  base64,
  call,
  type HttpAnswer,
  type HttpRequest,
  type JsonObject,
  parseObject,
  send,
} from './http.ts'
import { plainBody } from './plain.ts'
import { Target } from './target.ts'

const mebibyte = 1024 * 1024
let target: Target

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

afterEach(() => expectNextClientServed())

const post = (path: string, body: string | Uint8Array): Promise<HttpAnswer> =>
  send(target.url, { path, body })

/** Whatever came before, the next client is served as ever. */
async function expectNextClientServed(): Promise<void> {
  const next = { key: base64('next client'), value: base64('1') }
  await call(target.url, '/v3/kv/put', next)
  const answer = await call(target.url, '/v3/kv/range', { key: next.key })
  expect(answer).toMatchObject({ kvs: [next], count: '1' })
}

function expectRefused(path: string, answer: HttpAnswer, error: JsonObject): void {
  expect({
    type: answer.headers['content-type'],
    body: plainBody(path, answer.body),
  }).toEqual({ type: 'application/json', body: error })
}

const outOfRange = new Set([
  'etcdserver: mvcc: required revision has been compacted',
  'etcdserver: mvcc: required revision is a future revision',
  'etcdserver: too large lease TTL',
])

describe.each(Object.entries({ ...badRequests, ...badServiceRequests }))('%s', (path, messages) => {
  it.each(Object.entries(messages))('[BAD1] refuses %s', async (body, message) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(400)
    expectRefused(path, answer, { code: outOfRange.has(message) ? 11 : 3, message })
  })
})

describe('bytes that are not UTF-8', () => {
  it.each([
    ['a value', '{"key":"\xff"}', 8],
    ['a name', '{"\xff":1}', 2],
  ])('[BAD2] are refused in %s', async (_, body, column) => {
    const path = '/v3/kv/range'
    const answer = await post(path, Buffer.from(body, 'latin1'))
    expect(answer.status).toBe(400)
    const message = `proto: syntax error (line 1:${column}): invalid UTF-8 in string`
    expectRefused(path, answer, { code: 3, message })
  })
})

describe('what looks wrong and is not', () => {
  beforeAll(() => call(target.url, '/v3/kv/put', { key: base64('a'), value: base64('v') }))

  it.each([
    ['an unknown enum name', '{"key":"YQ==","sort_order":"NOPE"}'],
    ['unknown fields', '{"nope":{"a":[1,{"b":null}]},"key":"YQ==","":0}'],
    ['data after the value', '{"key":"YQ=="} nonsense'],
    ['null for a field', '{"key":"YQ==","limit":null,"sort_order":null,"keys_only":null}'],
    ['unpadded base64', '{"key":"YQ"}'],
    ['a name with escapes', '{"\\u006bey":"\\u0059Q=="}'],
    ['integers in any notation', '{"key":"YQ==","limit":"5e0","revision":0.0,"sort_order":1.0}'],
    [
      'a negative revision and limit',
      '{"key":"YQ==","revision":-5,"limit":"-9223372036854775808"}',
    ],
    ['the largest limit', '{"key":"YQ==","limit":9223372036854775807}'],
    ['4 MiB of space', `${' '.repeat(4 * mebibyte)}{"key":"YQ=="}`],
    ['4 MiB of an unknown field', `{"nope":"${'x'.repeat(4 * mebibyte)}","key":"YQ=="}`],
    ['9,999 lists in each other', `{"nope":${nested(9999)},"key":"YQ=="}`],
  ])('[BAD3] accepts %s', async (_, body) => {
    const answer = await post('/v3/kv/range', body)
    expect(answer.status).toBe(200)
    expect(parseObject(answer.body)).toMatchObject({ kvs: [{ key: 'YQ==', value: 'dg==' }] })
  })
})

describe('too much', () => {
  it.each([
    ['10,000 lists in each other', '/v3/kv/range', `{"nope":${nested(10_000)}}`],
    ['3,334 transactions in each other', '/v3/kv/txn', nestedTxn(3334)],
    ['100,000 open brackets', '/v3/kv/range', '['.repeat(100_000)],
  ])('[BAD4] refuses %s', async (_, path, body) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(400)
    const message = "invalid character '[' exceeded max depth"
    expectRefused(path, answer, { code: 3, message })
  })

  it.each([
    ['129 operations', many('success', 129)],
    ['129 compares', many('compare', 129)],
    ['129 operations in the branch that is not taken', many('failure', 129)],
    ['129 transactions in each other', nestedTxn(129)],
  ])('[BAD5] refuses %s', async (_, body) => {
    const answer = await post('/v3/kv/txn', body)
    expect(answer.status).toBe(400)
    const message = 'etcdserver: too many operations in txn request'
    expectRefused('/v3/kv/txn', answer, { code: 3, message })
  })

  it.each([
    ['128 operations', many('success', 128)],
    ['128 compares', many('compare', 128)],
    ['128 transactions in each other', nestedTxn(128)],
  ])('[BAD5] accepts %s', async (_, body) => {
    expect(await post('/v3/kv/txn', body)).toMatchObject({ status: 200 })
  })

  it('[BAD6] refuses a write of more than 1.5 MiB, not one that is a little smaller', async () => {
    expect(await post('/v3/kv/put', put(1.5 * mebibyte - 100))).toMatchObject({ status: 200 })
    const answer = await post('/v3/kv/put', put(1.5 * mebibyte))
    expect(answer.status).toBe(400)
    const message = 'etcdserver: request is too large'
    expectRefused('/v3/kv/put', answer, { code: 3, message })
    const txn = `{"success":[{"request_put":${put(1.5 * mebibyte)}}]}`
    expectRefused('/v3/kv/txn', await post('/v3/kv/txn', txn), { code: 3, message })
    const key = base64('k'.repeat(1.6 * mebibyte))
    expect(await post('/v3/kv/range', JSON.stringify({ key }))).toMatchObject({ status: 200 })
  })

  it.each([
    ['put', put(2 * mebibyte), 2 * mebibyte + 10],
    ['put', put(5 * mebibyte), 5 * mebibyte + 10],
    ['range', JSON.stringify({ key: base64('k'.repeat(2 * mebibyte)) }), 2 * mebibyte + 5],
  ])('[BAD7] refuses a message of more than 2 MiB: %s', async (method, body, bytes) => {
    const path = `/v3/kv/${method}`
    const answer = await post(path, body)
    expect(answer.status).toBe(429)
    const message = `grpc: received message larger than max (${bytes} vs. 2097152)`
    expectRefused(path, answer, { code: 8, message })
  })
})

describe('the ends of int64', () => {
  it.each(['9223372036854775807', '-9223372036854775808'])(
    '[BAD8] name a lease: %s',
    async (ID) => {
      expect(await call(target.url, '/v3/lease/grant', { ID, TTL: 100 })).toMatchObject({ ID })
      expect(await call(target.url, '/v3/lease/timetolive', { ID })).toMatchObject({
        ID,
        grantedTTL: '100',
      })
      const { leases } = await call(target.url, '/v3/lease/leases', {})
      expect(leases).toContainEqual({ ID })
      await call(target.url, '/v3/lease/revoke', { ID })
    },
  )

  it('[BAD8] are a future revision and the current one', async () => {
    const future = '{"key":"YQ==","revision":"9223372036854775807"}'
    expect(parseObject((await post('/v3/kv/range', future)).body)).toMatchObject({ code: 11 })
    const current = '{"key":"YQ==","revision":"-9223372036854775808"}'
    expect(await post('/v3/kv/range', current)).toMatchObject({ status: 200 })
  })

  it('[BAD8] are a TTL too large and one that is raised to two seconds', async () => {
    const shortest = { ID: 4321, TTL: '-9223372036854775808' }
    expect(await call(target.url, '/v3/lease/grant', shortest)).toMatchObject({ TTL: '2' })
  })
})

describe('headers', () => {
  const range = { path: '/v3/kv/range', body: '{"key":"YQ==","count_only":true}' }

  it('[BAD9] a malformed Grpc-Timeout is refused, a good one is not', async () => {
    const answer = await send(target.url, { ...range, headers: { 'grpc-timeout': 'abc' } })
    expectRefused(range.path, answer, { code: 3, message: 'invalid grpc-timeout: abc' })
    const patient: HttpRequest = { ...range, headers: { 'grpc-timeout': '20S' } }
    expect(await send(target.url, patient)).toMatchObject({ status: 200 })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'nonsense', ''])(
    '[BAD10] the content type does not matter: "%s"',
    async (type) => {
      const request = { ...range, headers: { 'content-type': type } }
      expect(await send(target.url, request)).toMatchObject({ status: 200 })
    },
  )

  it('[BAD10] a body under Content-Encoding is read as it is', async () => {
    const body = Buffer.from([0x1f, 0x8b, 8, 0])
    const request = { ...range, body, headers: { 'content-encoding': 'gzip' } }
    const message = "invalid character '\\x1f' looking for beginning of value"
    expectRefused(range.path, await send(target.url, request), { code: 3, message })
  })

  it('[BAD20] a long one is read, and so is a long token', async () => {
    const long = 'x'.repeat(100_000)
    const passedOver = { ...range, headers: { 'x-long': long } }
    expect(await send(target.url, passedOver)).toMatchObject({ status: 200 })
    // Without auth no token is looked at.
    const token = { ...range, headers: { authorization: long } }
    expect(await send(target.url, token)).toMatchObject({ status: 200 })
  })
})

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

/** `depth` transactions, each the only operation of the one around it, in an outermost one. */
function nestedTxn(depth: number): string {
  return `${'{"success":[{"request_txn":'.repeat(depth)}{}${'}]}'.repeat(depth)}`
}

function many(list: 'compare' | 'success' | 'failure', count: number): string {
  const key = base64('missing')
  const element = list === 'compare' ? { key } : { request_range: { key } }
  return JSON.stringify({ [list]: Array.from({ length: count }, () => element) })
}

function put(valueBytes: number): string {
  return JSON.stringify({ key: base64('big'), value: base64('x'.repeat(valueBytes)) })
}
