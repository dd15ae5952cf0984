import { gzipSync } from 'node:zlib'
import { afterEach, expect, it } from 'vitest'
import type { S3Settings } from '../../src/config/snapshot-store.ts'
import { S3Store } from '../../src/object-store/s3-store.ts'
import { errorOf } from './contract.ts'
import { type Answer, S3Proxy, type Way } from './s3-proxy.ts'

const bytes = new TextEncoder().encode('bytes')
const etag = { ETag: '"0123"' }
let proxy: S3Proxy | undefined

afterEach(() => proxy?.close())

/** A store whose server answers as `way` says. */
async function openStore(way: Way, answerMs?: number): Promise<S3Store> {
  proxy = await S3Proxy.start(way)
  return new S3Store(settingsAt(proxy.url), answerMs)
}

function settingsAt(endpoint: string): S3Settings {
  return {
    bucket: 'bucket',
    prefix: 'p/',
    endpoint,
    region: 'us-east-1',
    accessKeyId: 'public-id',
    secretAccessKey: 'hidden-word',
    sessionToken: 'hidden-session',
  }
}

function problem(status: number, code: string, message = ''): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><AWSAccessKeyId>public-id</AWSAccessKeyId></Error>`
  return { status, body, headers: { 'Content-Type': 'application/xml' } }
}

function list(contents: string, isTruncated = false): Answer {
  const body = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${isTruncated}</IsTruncated>${contents}</ListBucketResult>`
  return { status: 200, body }
}

function listed(key: string, size = '1'): string {
  return `<Contents><Key>${key}</Key><Size>${size}</Size><ETag>&quot;0&quot;</ETag></Contents>`
}

function token(text: string): string {
  return `<NextContinuationToken>${text}</NextContinuationToken>`
}

function deleteError(key: string, code: string): string {
  return `<Error><Key>${key}</Key><Code>${code}</Code><Message>said so</Message></Error>`
}

function deleteResult(errors: string): Answer {
  return { status: 200, body: `<DeleteResult>${errors}</DeleteResult>` }
}

it('[OBJ6] asks for one key more where a page is full and is said to be the last one', async () => {
  const keys = ['p/a', 'p/b', 'p/c']
  const asked: (string | null)[] = []
  const store = await openStore(({ path }) => {
    const { searchParams } = new URL(path, 'http://store')
    const after = searchParams.get('start-after') ?? ''
    asked.push(searchParams.get('max-keys'))
    const page = keys.filter((key) => key > after).slice(0, Number(searchParams.get('max-keys')))
    return list(page.map((key) => listed(key)).join(''))
  })
  const pages = [await store.list('', { limit: 2 }), await store.list('', { limit: 3 })]
  expect(pages.map(({ objects, more }) => [objects.length, more])).toEqual([
    [2, true],
    [3, false],
  ])
  expect(await store.list('', { limit: 4 })).toMatchObject({ more: false })
  expect(asked).toEqual(['2', '1', '3', '1', '4'])
})

it.each([
  [500, 'InternalError', true],
  [502, '', true],
  [503, 'SlowDown', true],
  [503, 'ServiceUnavailable', true],
  [504, '', true],
  [429, 'TooManyRequests', true],
  [408, '', true],
  [400, 'RequestTimeout', true],
  [400, 'BadDigest', true],
  [403, 'RequestTimeTooSkewed', true],
  [403, 'AccessDenied', false],
  [403, 'SignatureDoesNotMatch', false],
  [403, 'InvalidAccessKeyId', false],
  [400, 'ExpiredToken', false],
  [404, 'NoSuchBucket', false],
  [301, 'PermanentRedirect', false],
  [307, 'TemporaryRedirect', false],
  [501, 'NotImplemented', false],
  [405, 'MethodNotAllowed', false],
])('[OBJ16] status %i %s may pass: %s', async (status, code, retryable) => {
  const store = await openStore(() => problem(status, code, 'said so'))
  const errors = {
    'get a': await errorOf(store.get('a')),
    'put a': await errorOf(store.put('a', bytes, 'absent')),
    'list a': await errorOf(store.list('a')),
    'delete': await errorOf(store.delete(['a'])),
  }
  for (const [what, error] of Object.entries(errors)) {
    expect(error.retryable).toBe(retryable)
    const said = code === '' ? 'said so' : `${code}: said so`
    expect(error.message).toBe(
      `s3://bucket/p/ at ${proxy?.url}: ${what}: status ${status}, ${said}`,
    )
  }
})

it('[OBJ16] a server that nobody reaches, that hangs up or is slow, may be there again', async () => {
  const away = new S3Store(settingsAt('http://127.0.0.1:1'))
  const away1 = await errorOf(away.get('a'))
  expect(away1.retryable).toBe(true)
  expect(away1.message).toMatch(
    /^s3:\/\/bucket\/p\/ at http:\/\/127\.0\.0\.1:1: get a: .*(?:ECONNREFUSED|bad port)/,
  )
  const deaf = await openStore(() => undefined)
  expect(await errorOf(deaf.put('a', bytes))).toMatchObject({ retryable: true })
  proxy?.close()
  const slow = await openStore(() => ({ status: 200, headers: etag, delayMs: 60_000 }), 50)
  const late = await errorOf(slow.get('a', { offset: 0, length: 1 }))
  expect(late).toMatchObject({ retryable: true })
  expect(late.message).toMatch(/: get a: no answer in 1 s$/)
  proxy?.close()
  const stalled = await openStore(
    () => ({ status: 200, headers: etag, body: 'ab', stallAfter: 1 }),
    50,
  )
  const half = await errorOf(stalled.get('a', { offset: 0, length: 1 }))
  expect(half.message).toMatch(/: get a: no answer in 1 s$/)
})

it('[OBJ16] an answer that is cut is none, wherever the cut is', async () => {
  const body = 'a'.repeat(200_000)
  for (const cutAfter of [0, 1, 199_999]) {
    const store = await openStore(() => ({ status: 200, headers: etag, body, cutAfter }))
    expect(await errorOf(store.get('a'))).toMatchObject({ retryable: true })
    proxy?.close()
  }
  const whole = list(listed('p/a'))
  for (let cutAfter = 0; cutAfter < 200; cutAfter += 40) {
    const store = await openStore(() => ({ ...whole, cutAfter }))
    expect(await errorOf(store.list(''))).toMatchObject({ retryable: true })
    proxy?.close()
  }
})

it('[OBJ16] neither error nor request shows the secret', async () => {
  const store = await openStore(() => problem(403, 'AccessDenied', 'no\n  right\x7f'.repeat(99)))
  const { message } = await errorOf(store.put('a', bytes))
  expect(message).not.toMatch(/hidden|public-id|\n/)
  expect(message.length).toBeLessThan(400)
  const [asked] = proxy?.asked ?? []
  expect(asked?.headers['authorization']).toMatch(/^AWS4-HMAC-SHA256 Credential=public-id\//)
  expect(asked?.headers['x-amz-security-token']).toBe('hidden-session')
  expect(JSON.stringify(asked)).not.toMatch(/hidden-word/)
})

it('[OBJ16] a redirect is not followed', async () => {
  const store = await openStore(() => ({
    status: 307,
    headers: { Location: `${proxy?.url}/elsewhere` },
  }))
  expect(await errorOf(store.get('a'))).toMatchObject({ retryable: false })
  expect(proxy?.asked.length).toBe(1)
})

it('[OBJ17] two creates that the server lets neither win are tried again', async () => {
  let tries = 0
  const store = await openStore(() => {
    tries++
    return tries < 4
      ? problem(409, 'ConditionalRequestConflict')
      : problem(412, 'PreconditionFailed')
  })
  expect(await store.put('a', bytes, 'absent')).toBe(false)
  expect(tries).toBe(4)
  const always = await openStore(() => problem(409, 'ConditionalRequestConflict'))
  expect(await errorOf(always.put('a', bytes, 'absent'))).toMatchObject({ retryable: true })
})

it.each<[string, Answer]>([
  ['no XML', { status: 200, body: 'It works!' }],
  ['empty', { status: 200 }],
  ['HTML', { status: 200, body: '<html><body>Log in<br></body></html>' }],
  ['cut XML', { status: 200, body: '<ListBucketResult><IsTruncated>' }],
  ['another element', { status: 200, body: '<ListAllMyBucketsResult/>' }],
  ['an entity', { status: 200, body: '<ListBucketResult>&x;</ListBucketResult>' }],
  [
    'an entity of its own',
    {
      status: 200,
      body: '<!DOCTYPE a [<!ENTITY x "y">]><ListBucketResult>&x;</ListBucketResult>',
    },
  ],
  [
    'no UTF-8',
    { status: 200, body: Buffer.from('<ListBucketResult>\xff</ListBucketResult>', 'latin1') },
  ],
  ['deep', { status: 200, body: '<a>'.repeat(100_000) }],
  ['too long', list(listed('p/a').repeat(60_000))],
  ['of a wrong size', list(listed('p/a', '-1'))],
  ['of another prefix', list(listed('q/a'))],
  ['without a size', list('<Contents><Key>p/a</Key></Contents>')],
])('[OBJ18] a list that is %s is refused', async (_, answer) => {
  const store = await openStore(() => answer)
  expect((await errorOf(store.list(''))).message).toMatch(
    /^s3:\/\/bucket\/p\/ at .*: list : [^\n]*$/,
  )
})

it('[OBJ18] an object that is too long is not read, and one that says nothing of itself is refused', async () => {
  const huge = { 'Content-Length': String(33 * 1024 * 1024), ...etag }
  const store = await openStore(({ headers }) =>
    headers['range'] === undefined
      ? { status: 200, headers: huge, body: 'a', cutAfter: 1 }
      : { status: 206, headers: etag, body: 'a' },
  )
  const { message } = await errorOf(store.get('a'))
  expect(message).toMatch(/the body has 34603008 bytes: 33554432 is the most$/)
  const range = await errorOf(store.get('a', { offset: 0, length: 1 }))
  expect(range.message).toMatch(/the answer does not say of what it is a range$/)
})

it('[OBJ18] a server that answers a range with all is understood', async () => {
  const store = await openStore(() => ({ status: 200, headers: etag, body: '0123456789' }))
  const read = await store.get('a', { offset: 8, length: 5 })
  expect(new TextDecoder().decode(read?.bytes)).toBe('89')
  expect(read).toMatchObject({ size: 10, etag: '0123' })
})

it('[OBJ18] a list that the server has compressed is read, as MinIO sends it', async () => {
  const { body = '' } = list(listed('p/mine', '7'))
  const headers = { 'Content-Encoding': 'gzip' }
  const store = await openStore(() => ({ status: 200, headers, body: gzipSync(body) }))
  expect(await store.list('')).toEqual({ objects: [{ key: 'mine', size: 7 }], more: false })
})

it('[OBJ19] what others keep in the bucket is passed over, whole pages of it too', async () => {
  const pages = [
    list(listed('p/Foreign') + listed('p/a b') + listed('p/.hidden') + token('one&amp;two'), true),
    list(token('three'), true),
    list(listed('p/&lt;&amp;&#x41;', '5') + token('four'), true),
    list(listed('p/mine', '7') + token('five'), true),
  ]
  const store = await openStore(() => pages[(proxy?.asked.length ?? 1) - 1])
  expect(await store.list('', { limit: 3, after: 'a' })).toEqual({
    objects: [{ key: 'mine', size: 7 }],
    more: true,
  })
  const asked = proxy?.asked.map(({ path }) => new URL(path, 'http://a').searchParams)
  const tokens = asked?.map((query) => query.get('continuation-token'))
  expect(tokens).toEqual([null, 'one&two', 'three', 'four'])
  expect(asked?.map((query) => query.get('start-after'))).toEqual(['p/a', 'p/a', 'p/a', 'p/a'])
})

it('[OBJ18] a list that never ends is given up', async () => {
  const store = await openStore(() => list('', true))
  expect((await errorOf(store.list(''))).message).toMatch(/it has pages and pages of others$/)
})

it('[OBJ7] an object that S3 does not delete is told, with those that are not there passed over', async () => {
  let errors = deleteError('p/a', 'NoSuchKey')
  const store = await openStore(() => deleteResult(errors))
  await store.delete(['a', 'b'])
  errors += deleteError('p/b', 'AccessDenied')
  expect(await errorOf(store.delete(['a', 'b']))).toMatchObject({ retryable: false })
  errors = deleteError('p/b', 'InternalError')
  const failed = await errorOf(store.delete(['a', 'b']))
  expect(failed.retryable).toBe(true)
  expect(failed.message).toMatch(/: delete: status 500, InternalError: p\/b: said so$/)
})
