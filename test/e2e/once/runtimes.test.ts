import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { base64, call, type JsonObject } from '../http.ts'
import { type Server, startServer } from '../server.ts'

const all = { key: base64('\0'), range_end: base64('\0') }
const runtimes = ['host', 'workerd'] as const

/** What a client sees that must not depend on the runtime. */
async function portrait(url: string): Promise<JsonObject> {
  const { header, ...range } = await call(url, '/v3/kv/range', all)
  const { revision, cluster_id: cluster, member_id: member } = header as JsonObject
  const old = await call(url, '/v3/kv/range', { ...all, revision: Number(revision) - 20 })
  const { hash } = await call(url, '/v3/maintenance/hashkv', { revision: 0 })
  const leases = await call(url, '/v3/lease/leases', {})
  const roles = await call(url, '/v3/auth/role/list', {})
  const alarms = await call(url, '/v3/maintenance/alarm', {})
  return {
    range,
    revision,
    cluster,
    member,
    old: old['kvs'],
    hash,
    leases: leases['leases'],
    roles: roles['roles'],
    alarms: alarms['alarms'],
  }
}

async function write(url: string, round: number): Promise<void> {
  const { ID: lease } = await call(url, '/v3/lease/grant', { TTL: 1000 })
  await Promise.all(
    Array.from({ length: 60 }, (_, at) =>
      call(url, '/v3/kv/put', {
        key: base64(`key ${at}`),
        value: base64(`${round} `.padEnd(at * 40, '.')),
        lease: at % 10 === 0 ? lease : '0',
      }),
    ),
  )
  await call(url, '/v3/kv/deleterange', { key: base64(`key ${round}`) })
  await call(url, '/v3/auth/role/add', { name: `role ${round}` })
}

it('[HST27] one data directory serves both runtimes in turn, after a stop and after a SIGKILL', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'runtimes-'))
  let before: JsonObject | undefined
  // The first one is what the last release ran.
  for (let round = 0; round < 6; round++) {
    const runtime = runtimes[(round + 1) % 2]
    const server = await startServer({ dataDir, flags: [`--runtime=${runtime}`] })
    onTestFinished(() => server.kill9())
    expect(await portrait(server.url)).toEqual(before ?? (await portrait(server.url)))
    await write(server.url, round)
    if (round === 2) {
      const { header } = await call(server.url, '/v3/kv/range', all)
      const revision = Number((header as JsonObject)['revision']) - 40
      await call(server.url, '/v3/kv/compaction', { revision, physical: true })
    }
    before = await portrait(server.url)
    await (round % 3 === 1 ? server.stop() : server.kill9())
  }
  await rm(dataDir, { recursive: true })
})

it.each([
  ['host', 'workerd'],
  ['workerd', 'host'],
])(
  '[HST27] a lease that was granted on %s runs out on %s though nobody calls',
  async (from, to) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'runtimes-'))
    const start = (runtime: string): Promise<Server> =>
      startServer({ dataDir, flags: [`--runtime=${runtime}`] })
    const first = await start(from)
    onTestFinished(() => first.kill9())
    const { ID: lease } = await call(first.url, '/v3/lease/grant', { TTL: 5 })
    await call(first.url, '/v3/kv/put', { key: base64('leased'), value: '', lease })
    await first.kill9()
    const second = await start(to)
    onTestFinished(() => second.kill9())
    await sleep(9000)
    const { kvs, header } = await call(second.url, '/v3/kv/range', all)
    expect(kvs).toBeUndefined()
    expect((header as JsonObject)['revision']).toBe('3')
    await second.stop()
    await rm(dataDir, { recursive: true })
  },
)
