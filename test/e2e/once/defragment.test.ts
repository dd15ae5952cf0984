import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Follower, modRevision } from '../follower.ts'
import { base64, call, type JsonObject, send } from '../http.ts'
import { type Server, startServer } from '../server.ts'
import { smallDisk } from '../small-disk.ts'

const MB = 1_000_000
const KEYS = 5
const EVERYTHING = { key: base64('\0'), range_end: base64('\0') }
/** The dbSize of etcd 3.7.1 to which the same was done. */
const ETCD_BYTES = 5_029_888

async function put(url: string, key: string, bytes: number): Promise<number> {
  const request = { key: base64(key), value: Buffer.alloc(bytes, key).toString('base64') }
  return revisionOf(await call(url, '/v3/kv/put', request))
}

const revisionOf = ({ header }: JsonObject): number => Number((header as JsonObject)['revision'])

/** Of all files of the keyspace's object, its write-ahead log too. */
function bytesOf({ dataDir }: Server): number {
  const directory = join(dataDir, 'shard', 'etcdurable-shard')
  const files = readdirSync(directory).filter((name) => /^[0-9a-f]{64}/.test(name))
  return files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}

async function filled(server: Server): Promise<void> {
  for (let count = 0; count < 6 * KEYS; count++) {
    await put(server.url, `key ${count % KEYS}`, MB)
  }
  await call(server.url, '/v3/kv/compaction', { revision: 6 * KEYS + 1 })
}

it('[DFR1] what compaction has freed leaves the disk: no more than 1.2 times etcd’s stays', async () => {
  const server = await startServer()
  await filled(server)
  expect(bytesOf(server)).toBeGreaterThan(6 * KEYS * MB)
  const hash = (await call(server.url, '/v3/maintenance/hash', {}))['hash']
  await call(server.url, '/v3/maintenance/defragment', {})
  expect(bytesOf(server)).toBeLessThan(1.2 * ETCD_BYTES)
  const { dbSize, dbSizeInUse } = await call(server.url, '/v3/maintenance/status', {})
  expect(Number(dbSize)).toBeLessThan(1.2 * ETCD_BYTES)
  expect(dbSizeInUse).toBe(dbSize)
  expect((await call(server.url, '/v3/maintenance/hash', {}))['hash']).toBe(hash)
  await server.stop()
})

const disk = await smallDisk(100)

// Where no file system may be mounted there is no small one.
it.skipIf(disk === undefined)(
  '[DFR3] without room for a copy it is refused, and all is as it was',
  async () => {
    const path = disk?.path ?? ''
    const server = await startServer({ dataDir: join(path, 'data') })
    onTestFinished(async () => {
      await server.stop()
      await disk?.remove()
    })
    await filled(server)
    for (let count = 0; count < 10; count++) {
      await put(server.url, `more ${count}`, MB)
    }
    const hash = (await call(server.url, '/v3/maintenance/hash', {}))['hash']
    const files = readdirSync(join(path, 'data', 'shard', 'etcdurable-shard'))
    await disk?.fill(0)
    const refused = await send(server.url, { path: '/v3/maintenance/defragment', body: '{}' })
    expect(JSON.parse(refused.body)).toEqual({
      code: 8,
      message: 'etcdserver: mvcc: database space exceeded',
    })
    expect(readdirSync(join(path, 'data', 'shard', 'etcdurable-shard'))).toEqual(files)
    expect((await call(server.url, '/v3/maintenance/hash', {}))['hash']).toBe(hash)
    await disk?.clear()
    await call(server.url, '/v3/maintenance/defragment', {})
    expect(bytesOf(server)).toBeLessThan(1.2 * (ETCD_BYTES + 10 * MB))
    expect((await call(server.url, '/v3/maintenance/hash', {}))['hash']).toBe(hash)
  },
)

it('[DFR2] writers, watchers and leases go on through it, and all is there after a SIGKILL', async () => {
  const server = await startServer()
  const follower = new Follower()
  follower.open(server.url)
  await filled(server)
  const lease = { ID: '7', TTL: '2' }
  await call(server.url, '/v3/lease/grant', lease)
  await call(server.url, '/v3/kv/put', { key: base64('leased'), lease: '7' })
  let last = 0
  const over = new AbortController()
  const write = async (writer: number): Promise<void> => {
    for (let count = 0; !over.signal.aborted || count < 20; count++) {
      last = Math.max(last, await put(server.url, `${writer}`, 10 + count))
    }
  }
  const writers = [0, 1, 2, 3].map(write)
  for (let count = 0; count < 3; count++) {
    await call(server.url, '/v3/maintenance/defragment', {})
    await call(server.url, '/v3/kv/compaction', { revision: last })
  }
  over.abort()
  await Promise.all(writers)
  await follower.follow(last)
  const told = follower.events.map(modRevision).filter((revision) => revision <= last)
  expect(told).toEqual(Array.from({ length: last - 1 }, (_, place) => place + 2))
  follower.close()
  await server.kill9()
  const next = await startServer({ dataDir: server.dataDir })
  const range = await call(next.url, '/v3/kv/range', { ...EVERYTHING, keys_only: true })
  expect(revisionOf(range)).toBeGreaterThanOrEqual(last)
  const { kvs } = range as { readonly kvs: readonly JsonObject[] }
  const keys = kvs.map(({ key }) => Buffer.from(String(key), 'base64').toString())
  const wanted = ['0', '1', '2', '3', ...[0, 1, 2, 3, 4].map((count) => `key ${count}`)]
  expect(keys.filter((key) => key !== 'leased')).toEqual(wanted)
  await next.stop()
})
