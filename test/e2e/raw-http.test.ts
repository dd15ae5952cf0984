// HTTP/1.1 as it is sent by hand: test/golden/raw-http.jsonl has what a real etcd says to it.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { base64, call } from './http.ts'
import { plainAnswer } from './raw-answer.ts'
import { brokenOff, differences } from './raw-differences.ts'
import { Target, targetIsEtcd } from './target.ts'

interface Recorded {
  readonly label: string
  /** In latin1. */
  readonly request: string
  /** Whether the client then ends its side. */
  readonly ends: boolean
  readonly answer: string
  readonly connection: 'open' | 'ended'
}

const recorded = readFileSync(new URL('../golden/raw-http.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded)

let target: Target
beforeAll(async () => {
  target = await Target.start()
  await call(target.url, '/v3/kv/put', { key: base64('a') })
})
afterAll(() => target.stop())

const probe = 'GET /livez HTTP/1.1\r\nHost: probe\r\n\r\n'

interface Said {
  readonly heard: string
  readonly connection: 'open' | 'ended'
}

/**
 * What is answered to the bytes, and whether the connection goes on: where that is expected, another
 * request asks it.
 */
async function ask(
  request: string,
  { isOpen, ends = false }: { readonly isOpen: boolean; readonly ends?: boolean },
): Promise<Said> {
  const { hostname, port } = new URL(target.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  const { promise, resolve } = Promise.withResolvers<'open' | 'ended'>()
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
    if (isOpen && /\r\n\r\nok\n?$/.test(heard)) {
      resolve('open')
    }
  })
  socket.on('error', () => resolve('ended'))
  socket.on('end', () => resolve('ended'))
  socket.write(Buffer.from(request + (isOpen ? probe : ''), 'latin1'))
  if (ends) {
    socket.end()
  }
  const connection = await promise
  socket.destroy()
  const last = isOpen ? heard.lastIndexOf('HTTP/1.1 200 OK') : heard.length
  return { heard: heard.slice(0, last), connection }
}

const statusLines = (heard: string): string =>
  [...heard.matchAll(/HTTP\/1\.[01] (\d+ [^\r]*)/g)].map(([, status]) => status).join(' + ')

const differing = new Map(
  targetIsEtcd
    ? []
    : differences.flatMap(({ labels, ours }) => labels.map((label) => [label, ours] as const)),
)

/** What is compared of an answer, and what it is to be. */
function compared(
  { label, answer, connection }: Recorded,
  said: Said,
): readonly [seen: string, wanted: string] {
  const ours = differing.get(label)
  if (ours !== undefined) {
    return [`${statusLines(said.heard)}, ${said.connection}`, ours]
  }
  if (brokenOff.has(label) && !targetIsEtcd) {
    return [`${said.heard.slice(0, 'HTTP/1.1'.length)}, ${said.connection}`, 'HTTP/1.1, ended']
  }
  return [`${plainAnswer(said.heard)}, ${said.connection}`, `${answer}, ${connection}`]
}

describe('a request by hand', () => {
  it.concurrent.each(recorded)('[RAW1] $label', async (one) => {
    const ours = differing.get(one.label)
    const isOpen = ours === undefined ? one.connection === 'open' : ours.endsWith(', open')
    const [seen, wanted] = compared(one, await ask(one.request, { isOpen, ends: one.ends }))
    expect(seen).toBe(wanted)
  })

  it('[RAW1] every difference is of a recorded answer', () => {
    const labels = new Set(recorded.map(({ label }) => label))
    const named = [...differences.flatMap((one) => one.labels), ...brokenOff]
    expect(named.filter((label) => !labels.has(label))).toEqual([])
  })

  it.each([
    ['a field', 'GET /version HTTP/1.1\r\nHost: a\r\nX: ', 1.1],
    ['a field', 'GET /version HTTP/1.1\r\nHost: a\r\nX: ', 3],
    ['a field that never ends', 'POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nX: ', 3],
  ])('[RAW2] a head with %s of megabytes is refused', async (_, begin, mebibytes) => {
    const request = `${begin}${'x'.repeat(mebibytes * 1024 * 1024)}\r\n\r\n`
    const { heard } = await ask(request, { isOpen: false })
    expect(statusLines(heard)).toBe('431 Request Header Fields Too Large')
  })
})

const version = 'GET /version HTTP/1.1\r\nHost: a\r\n\r\n'
const fields = (heard: string): readonly string[] =>
  (heard.split('\r\n\r\n')[0] ?? '').split('\r\n').map((line) => line.split(':')[0] ?? '')
const cors = [
  'Access-Control-Allow-Headers',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Origin',
]

const isWorkerd = process.env['ETCDURABLE_RUNTIME'] === 'workerd'

describe('the fields of a head', () => {
  it.for<[string, string, readonly string[]]>([
    [
      'an endpoint',
      version,
      ['HTTP/1.1 200 OK', ...cors, 'Content-Type', 'Date', 'Content-Length'],
    ],
    [
      'what is not found',
      version.replace('version', 'nothing'),
      [
        'HTTP/1.1 404 Not Found',
        ...cors,
        'Content-Type',
        'X-Content-Type-Options',
        'Date',
        'Content-Length',
      ],
    ],
    [
      'a call',
      'POST /v3/maintenance/status HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}',
      [
        'HTTP/1.1 200 OK',
        ...cors,
        'Content-Type',
        'Grpc-Metadata-Content-Type',
        'Date',
        'Content-Length',
      ],
    ],
    [
      'a redirection',
      version.replace('/version', '//version'),
      [
        'HTTP/1.1 307 Temporary Redirect',
        ...cors,
        'Content-Type',
        'Location',
        'Date',
        'Content-Length',
      ],
    ],
    [
      'a preflight',
      version.replace('GET', 'OPTIONS'),
      ['HTTP/1.1 200 OK', ...cors, 'Date', 'Content-Length'],
    ],
  ])("[GTW40] are in etcd's order: %s", async ([, request, names], { skip }) => {
    skip(isWorkerd, 'workerd has an order of its own')
    expect(fields((await ask(request, { isOpen: true })).heard)).toEqual(names)
  })
})

it('[GTW40] a stream says its date, too', async () => {
  const body = '{"create_request":{"key":"YQ=="}}'
  const response = await fetch(`${target.url}/v3/watch`, { method: 'POST', body })
  expect(Date.parse(response.headers.get('Date') ?? '')).not.toBeNaN()
  await response.body?.cancel()
})
