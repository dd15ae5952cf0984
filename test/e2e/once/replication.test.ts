import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readArchive, type ReadArchive } from '../../replication/read-archive.ts'
import { runs } from '../../runs.ts'
import { base64, send } from '../http.ts'
import { readMetrics } from '../metrics.ts'
import { type Server, startServer } from '../server.ts'

const LAG_MS = 1000
/** What a put to the store may take on a busy machine, and what a kill may. */
const SLACK_MS = 5000
const ARCHIVE = { keyspace: 'default', generation: 0 }

let store: string
let dataDir: string

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), 'etcdurable-store-'))
  dataDir = await mkdtemp(join(tmpdir(), 'etcdurable-data-'))
})

afterEach(async () => {
  await rm(store, { recursive: true, force: true })
  await rm(dataDir, { recursive: true, force: true })
})

function start(): Promise<Server> {
  const flags = [`--snapshot-store=file://${store}`, `--snapshot-lag=${LAG_MS}ms`]
  return startServer({ dataDir, flags })
}

async function archive(): Promise<ReadArchive | undefined> {
  const objects = new Map<string, Uint8Array>()
  for (const entry of await readdir(store, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.name.startsWith('~')) {
      const path = join(entry.parentPath, entry.name)
      objects.set(path.slice(store.length + 1), await readFile(path))
    }
  }
  return readArchive(objects, -1, ARCHIVE)
}

interface Acknowledged {
  readonly revision: number
  /** In ms since 1970. */
  readonly time: number
}

/** Puts one after the other until the server is gone. */
async function write({ url }: Server, acknowledged: Acknowledged[]): Promise<void> {
  for (let count = 0; ; count++) {
    const body = JSON.stringify({ key: base64(`key ${count % 100}`), value: base64(`${count}`) })
    try {
      const answer = await send(url, { path: '/v3/kv/put', body })
      const { header } = JSON.parse(answer.body) as {
        readonly header: { readonly revision: string }
      }
      acknowledged.push({ revision: Number(header.revision), time: Date.now() })
    } catch (error) {
      // It was killed meanwhile.
      expect(error).toBeInstanceOf(Error)
      return
    }
  }
}

async function killAfter(server: Server, ms: number): Promise<readonly Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  const writers = Array.from({ length: 4 }, () => write(server, acknowledged))
  await sleep(ms)
  await server.kill9()
  await Promise.all(writers)
  return acknowledged
}

/** Throws where a revision is missing before the last one. */
function requireWhole(read: ReadArchive | undefined): void {
  expect(read).toBeDefined()
  const { from = 0, to = 0, changes } = read ?? {}
  for (let revision = from + 1; revision <= to; revision++) {
    expect(changes?.has(revision), `revision ${revision}`).toBe(true)
  }
}

it('[REP16] whoever loses the disk under load loses what is younger than the lag, and no more', async () => {
  for (let round = 0; round < runs(5); round++) {
    const acknowledged = await killAfter(await start(), 4000 + SLACK_MS * Math.random())
    const end = Date.now()
    const read = await archive()
    requireWhole(read)
    const missing = acknowledged.filter(({ revision }) => revision > (read?.to ?? 0))
    const oldest = Math.min(end, ...missing.map(({ time }) => time))
    expect(end - oldest).toBeLessThan(LAG_MS + SLACK_MS)
    await rm(store, { recursive: true })
    await rm(dataDir, { recursive: true })
    await mkdir(store)
  }
}, 600_000)

it('[REP16] killed under load again and again, a server goes on with one whole chain', async () => {
  const acknowledged: Acknowledged[] = []
  for (let round = 0; round < 3; round++) {
    acknowledged.push(...(await killAfter(await start(), 3000)))
    requireWhole(await archive())
  }
  const server = await start()
  const until = Date.now() + 60_000
  const last = Math.max(...acknowledged.map(({ revision }) => revision))
  let read = await archive()
  while ((read?.to ?? 0) < last && Date.now() < until) {
    await sleep(200)
    read = await archive()
  }
  requireWhole(read)
  expect(read?.to).toBeGreaterThanOrEqual(last)
  expect(read?.epoch).toBe(1)
  const metrics = await readMetrics(server.url)
  expect(metrics.get('etcdurable_snapshot_epoch')).toBe(1)
  expect(metrics.get('etcdurable_snapshot_deposed')).toBe(0)
  await server.stop()
}, 300_000)

it('[REP13] what is late is told by metrics, by /readyz without failing it, and by keyspace describe', async () => {
  const server = await start()
  const get = async (path: string): Promise<{ status: number; body: string }> =>
    send(server.url, { method: 'GET', path })
  const body = JSON.stringify({ key: base64('key'), value: base64('value') })
  try {
    await send(server.url, { path: '/v3/kv/put', body })
    await sleep(LAG_MS + SLACK_MS)
    expect((await get('/readyz?verbose')).body).not.toContain('snapshots')
    expect(await get('/readyz/snapshots')).toMatchObject({ status: 200, body: 'ok\n' })
    const well = JSON.parse((await get('/keyspaces/default')).body) as object
    expect(well).toMatchObject({
      snapshots: { state: 'current', epoch: 1, revision: 2, lagRevisions: 0, lagSeconds: 0 },
    })
    // A file stands where the folder was.
    await rm(store, { recursive: true })
    await writeFile(store, '')
    await send(server.url, { path: '/v3/kv/put', body })
    await sleep(LAG_MS + SLACK_MS)
    const ready = await get('/readyz?verbose')
    expect(ready.status).toBe(200)
    expect(ready.body).toMatch(
      /\n\[!\]snapshots failed: 1 revision and \d+ s behind: file:\/\/\S+: .*\nok\n$/,
    )
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok\n' })
    const probe = await get('/readyz/snapshots')
    expect(probe.status).toBe(503)
    expect(probe.body).toContain('[-]snapshots failed: 1 revision and ')
    const { body: late } = await get('/keyspaces/default')
    expect(JSON.parse(late)).toMatchObject({
      snapshots: { state: 'failing', revision: 2, lagRevisions: 1 },
    })
    expect(late).toContain('"reason":"file:///')
    const metrics = await readMetrics(server.url)
    expect(metrics.get('etcdurable_snapshot_failures_total')).toBeGreaterThan(0)
    expect(metrics.get('etcdurable_snapshot_lag_revisions')).toBe(1)
    expect(metrics.get('etcdurable_snapshot_lag_seconds')).toBeGreaterThan(LAG_MS / 1000)
    expect(server.log().match(/snapshots are not sent/g)).toHaveLength(1)
  } finally {
    await server.stop()
  }
})
