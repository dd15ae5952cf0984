import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { findInstalled } from '../oracle/installed.ts'
import { ChunkedPost } from './http-chunks.ts'
import { base64, call } from './http.ts'
import { readMetrics, sampleSettles } from './metrics.ts'
import { Target } from './target.ts'

const run = promisify(execFile)

let target: Target

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

async function open(path: string, body: string): Promise<ChunkedPost> {
  const post = await ChunkedPost.open(target.url, path, body)
  onTestFinished(() => post.close())
  return post
}

async function put(key: string, value: string): Promise<void> {
  await call(target.url, '/v3/kv/put', { key: base64(key), value: base64(value) })
}

/** A whole line, or etcd's newline behind a long one, which is a chunk of its own there. */
async function message(post: ChunkedPost): Promise<string | undefined> {
  const chunk = await post.chunk()
  const line = chunk === '\n' ? await post.chunk() : chunk
  expect(line?.indexOf('\n') ?? -1).toBeOneOf([-1, (line?.length ?? 0) - 1])
  return line
}

const watching = (key: string): string =>
  JSON.stringify({ create_request: { key: base64(key), range_end: base64(`${key}~`) } })

describe('a JSON stream over HTTP', () => {
  it.each([
    ['short', 20, ''],
    ['long', 3, 'x'.repeat(300_000)],
  ])('[GTW44] sends one message in a chunk, %s ones', async (name, puts, more) => {
    const post = await open('/v3/watch', watching(name))
    expect(JSON.parse((await message(post)) ?? '')).toMatchObject({ result: { created: true } })
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; n < puts; n++) {
        await put(`${name}${writer}`, `${n}${more}`)
      }
    })
    for (let n = 0; n < 4 * puts; n++) {
      expect(JSON.parse((await message(post)) ?? '')).toMatchObject({ result: { events: [{}] } })
    }
    await Promise.all(writers)
  })

  it('[GTW44] and so do keep-alives and snapshots', async () => {
    await call(target.url, '/v3/lease/grant', { ID: '77', TTL: '1000' })
    const renewed = await open('/v3/lease/keepalive', '{"ID":"77"}'.repeat(3))
    for (let n = 0; n < 3; n++) {
      expect(JSON.parse((await message(renewed)) ?? '')).toMatchObject({ result: { ID: '77' } })
    }
    expect(await renewed.chunk()).toBeUndefined()
    const snapshot = await open('/v3/maintenance/snapshot', '{}')
    let messages = 0
    for (let line = await message(snapshot); line !== undefined; line = await message(snapshot)) {
      expect(JSON.parse(line)).toMatchObject({ result: {} })
      messages++
    }
    expect(messages).toBeGreaterThan(1)
  })

  it('[PRT20] is forgotten when its client has ended its side', async () => {
    const streams = 'etcd_debugging_mvcc_watch_stream_total'
    const before = (await readMetrics(target.url)).get(streams) ?? 0
    const post = await open('/v3/watch', watching('left'))
    await message(post)
    expect((await readMetrics(target.url)).get(streams)).toBe(before + 1)
    post.end()
    expect(await sampleSettles(target.url, streams, before)).toBe(before)
  })
})

const python = await findInstalled('python3', process.env['E2E_PYTHON'])

async function knows(library: string): Promise<boolean> {
  if (python === undefined) {
    return false
  }
  return run(python, ['-c', `import etcd3gw, ${library}`]).then(
    () => true,
    () => false,
  )
}

const script = (name: string): string => `${import.meta.dirname}/python/${name}`

/** E2E_PYTHON names an interpreter that has the libraries of PyPI; otherwise python3 is tried. */
describe.each([
  ['etcd3gw', await knows('etcd3gw')],
  ['etcd3-py', await knows('etcd3')],
])('%s', (library, known) => {
  it('[GTW45] hears of every event', async ({ skip }) => {
    skip(!known, `${library} is not installed`)
    await expectAllSeen(library)
  })
})

it('[GTW45] etcd3gw passes its own tests', async ({ skip }) => {
  skip(!(await knows('etcd3gw')), 'etcd3gw is not installed')
  const { port } = new URL(target.url)
  const env = { ...process.env, TOOZ_TEST_ETCD_PORT: port, TOOZ_TEST_HTTP_URL: target.url }
  const { stderr } = await run(python ?? '', [script('etcd3gw_suite.py')], { env })
  expect(stderr).toMatch(/Ran \d\d tests in [^]*OK/)
})

async function expectAllSeen(library: string): Promise<void> {
  const { port } = new URL(target.url)
  const { stdout } = await run(python ?? '', [script('watched_events.py'), library, port])
  const seen = stdout.trim().split('\n')
  for (let writer = 0; writer < 4; writer++) {
    const own = seen.filter((value) => value.startsWith(`${writer} `))
    expect(own).toEqual(Array.from({ length: 50 }, (_, n) => `${writer} ${n}`))
  }
}
