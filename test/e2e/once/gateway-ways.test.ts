// The client port and the Worker answer the same calls: one must not say it in other words than the
// other. Where the Worker is in a process of its own, both can be asked.
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { badRequests } from '../bad-requests.ts'
import { type RecordedFile, type Recording, readRecordings } from '../golden-recordings.ts'
import { base64, call } from '../http.ts'
import { type Server, startServer } from '../server.ts'

/** Two servers of the same ids and keys, which are asked the same things. */
let directory: string
let byPort: Server
let byWorker: Server
let token: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-ways-'))
  const [first, second] = [join(directory, '1'), join(directory, '2')]
  const runtime = '--runtime=workerd'
  const original = await startServer({ dataDir: first, flags: [runtime] })
  token = await becomeRoot(original.url)
  await original.stop()
  await cp(first, second, { recursive: true })
  const flags = [runtime, '--advertise-client-urls=http://a.example:2379']
  byPort = await startServer({ dataDir: first, flags })
  byWorker = await startServer({ dataDir: second, flags })
})

const credentials = { name: 'root', password: 'r' }

/** Leaves auth enabled; a token outlives the server that has given it. */
async function becomeRoot(url: string): Promise<string> {
  await call(url, '/v3/auth/user/add', credentials)
  await call(url, '/v3/auth/role/add', { name: 'root' })
  await call(url, '/v3/auth/user/grant', { user: 'root', role: 'root' })
  await call(url, '/v3/auth/enable', {})
  return String((await call(url, '/v3/auth/authenticate', credentials))['token'])
}

afterAll(async () => {
  await byPort.stop()
  await byWorker.stop()
  await rm(directory, { recursive: true })
})

interface Asked {
  readonly path: string
  readonly body: string | Buffer
  readonly fields?: readonly string[]
}

function bytesOf({ path, body, fields = [] }: Asked): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`
  const head = [`POST ${path} HTTP/1.1`, 'Host: a:2379', ...fields, length, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

const toPort = (): Socket => connect({ port: byPort.port, host: '127.0.0.1', allowHalfOpen: true })
const toWorker = (): Socket =>
  connect({ path: join(byWorker.dataDir, 'run', 'plain'), allowHalfOpen: true })

/** All that is answered to the bytes: until the end, or to the end of one answer. */
async function exchange(socket: Socket, bytes: Buffer, until: 'end' | 'answer'): Promise<string> {
  let heard = Buffer.alloc(0)
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('data', (data) => {
    heard = Buffer.concat([heard, data])
    const text = heard.toString('latin1')
    const [head = '', length] =
      /^.*?\r\nContent-Length: (\d+)\r\n(?:.*?\r\n)?\r\n/s.exec(text) ?? []
    if (until === 'answer' && head !== '' && heard.length >= head.length + Number(length)) {
      resolve()
    }
  })
  socket.on('error', () => resolve())
  socket.once('end', () => resolve())
  await once(socket, 'connect')
  socket.write(bytes)
  if (until === 'end') {
    socket.end()
  }
  await promise
  socket.destroy()
  return heard.toString()
}

async function expectSame(bytes: Buffer, until: 'end' | 'answer'): Promise<string> {
  const [ours, theirs] = await Promise.all([
    exchange(toPort(), bytes, until),
    exchange(toWorker(), bytes, until),
  ])
  expect(plain(ours)).toBe(plain(theirs))
  return ours
}

/** The seconds that a lease has left, and those of the date, may have passed from one to the next. */
function plain(answer: string): string {
  return inOrder(answer)
    .replaceAll(/"TTL":"\d+","grantedTTL"/g, '"TTL":"…","grantedTTL"')
    .replaceAll(/Date: [^\r]+ GMT/g, 'Date: …')
    .replaceAll('499 Client Error', '499 status code 499')
    .replaceAll('WWW-Authenticate', 'Www-Authenticate')
}

/** workerd writes the fields of a head in an order of its own. */
function inOrder(answer: string): string {
  return answer.replaceAll(/(?<=HTTP\/1\.1 [^\r]+\r\n)(?:[^\r]+\r\n)+(?=\r\n)/g, (fields) =>
    fields
      .split(/(?<=\r\n)/)
      .toSorted()
      .join(''),
  )
}

/** What a server makes up itself: ids, and tokens. */
const isRandom = ({ path, body }: Asked): boolean =>
  path.endsWith('/member/add') ||
  (/lease.grant|lock.lock|campaign/.test(path) && !/"(?:ID|lease)"/.test(String(body))) ||
  path.endsWith('/authenticate')

function recorded(file: RecordedFile): readonly Asked[] {
  // Those of JSON alone are all POST, and without headers.
  const recordings: readonly Partial<Recording>[] = readRecordings(file)
  return recordings
    .filter(({ method = 'POST' }) => method === 'POST')
    .map(({ path = '', body, headers = {} }) => ({
      path,
      body: body ?? '',
      fields: Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    }))
}

const corpora: Readonly<Record<string, readonly Asked[]>> = {
  'KV': recorded('kv.jsonl'),
  'refused JSON': recorded('json-errors.jsonl'),
  'accepted JSON': recorded('json-accepted.jsonl'),
  'bad requests': Object.entries(badRequests).flatMap(([path, messages]) =>
    Object.keys(messages).map((body) => ({ path, body })),
  ),
  'downgrades': recorded('downgrade.jsonl'),
  'leases, locks, elections, maintenance': recorded(
    'lease-lock-election-maintenance-cluster.jsonl',
  ),
}

describe('a plain call', () => {
  it('[JCP1] is answered in the same bytes with and without a user', async () => {
    const range = { path: '/v3/kv/range', body: `{"key":"${base64('a')}"}` }
    const shown = [
      [],
      [`Authorization: ${token}`],
      [`Authorization: Bearer ${token}`],
      [`grpc-metadata-token: ${token}`],
      [`Grpc-Metadata-Authorization: ${token}`],
      ['Authorization: nonsense'],
      ['Authorization: nonsense', `Grpc-Metadata-Token: ${token}`],
      [`Authorization: ${token}`, 'Grpc-Metadata-Token: nonsense'],
      [`Authorization: ${'x'.repeat(15_000)}`],
    ]
    const statuses: string[] = []
    for (const fields of shown) {
      const said = await expectSame(bytesOf({ ...range, fields }), 'answer')
      statuses.push(said.slice(9, 12))
    }
    expect(new Set(statuses)).toEqual(new Set(['200', '400', '401']))
    await expectSame(
      bytesOf({ path: '/v3/auth/authenticate', body: '{"name":"root","password":"x"}' }),
      'answer',
    )
    const off = { path: '/v3/auth/disable', body: '{}', fields: [`Authorization: ${token}`] }
    await expectSame(bytesOf(off), 'answer')
  })

  it.each(Object.entries(corpora))('[JCP1] is answered in the same bytes: %s', async (_, calls) => {
    for (const one of calls.filter((each) => !isRandom(each))) {
      await expectSame(bytesOf(one), 'answer')
    }
  })

  it.each([
    ['Grpc-Timeout: abc'],
    ['Grpc-Timeout: 1n'],
    ['Grpc-Timeout: 0S'],
    ['Grpc-Timeout: 20S'],
    ['Grpc-Timeout:'],
    ['Origin: http://b'],
    ['Content-Type: text/plain'],
    ['Content-Encoding: gzip'],
    ['Accept-Encoding: gzip, br'],
    ['X-Forwarded-Proto: https'],
    ['X-Forwarded-For: 1.2.3.4'],
    ['Connection: close'],
    ['TE: trailers'],
  ])('[JCP1] is answered in the same bytes under %s', async (field) => {
    const list = { path: '/v3/cluster/member/list', body: '{}', fields: [field] }
    await expectSame(bytesOf(list), 'answer')
  })
})
