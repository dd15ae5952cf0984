import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import { encodeBatch, RESTORED_BUCKETS } from '../../src/etcd-file/entry-batch.ts'
import { type BucketEntry, EtcdFile } from '../../src/etcd-file/etcd-file.ts'
import { compactionEntry, leaseEntry, stateAnew } from '../../src/etcd-file/state-entries.ts'
import { statusOfFile } from '../../src/etcd-file/status.ts'
import { readBolt } from '../snapshot/bbolt-reader.ts'
import { answer, ask, base64, LineReader, post, until } from './client.ts'

/** The keyspace that all of these are copies of. */
const SOURCE = '/keyspaces/restore-source'
/** Entries of one batch. */
const BATCH = 100

let file: Uint8Array
let entries: readonly BucketEntry[]
let total: { readonly entries: number; readonly changesSum: number }

const opened = (bytes: Uint8Array): EtcdFile =>
  new EtcdFile({
    length: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  })

async function snapshotOf(path: string): Promise<Uint8Array> {
  const lines = new LineReader(await post(`${path}/v3/maintenance/snapshot`, {}))
  const parts: Uint8Array[] = []
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const { result } = JSON.parse(line) as { readonly result: { readonly blob: string } }
    parts.push(Uint8Array.from(atob(result.blob), (char) => char.charCodeAt(0)))
  }
  // The last one is the hash.
  return new Uint8Array(await new Blob(parts.slice(0, -1)).arrayBuffer())
}

const put = (path: string, key: string, value: string, lease = '0') =>
  answer(`${path}/v3/kv/put`, { key: base64(key), value: base64(value), lease })

beforeAll(async () => {
  await post('/keyspaces', { name: 'restore-source' })
  await answer(`${SOURCE}/v3/lease/grant`, { TTL: 5000, ID: '7' })
  for (let i = 0; i < 300; i++) {
    await put(SOURCE, `k${i % 40}`, i % 50 === 0 ? 'x'.repeat(1_500_000) : `v${i}`, '7')
  }
  await answer(`${SOURCE}/v3/kv/deleterange`, { key: base64('k1'), range_end: base64('k2') })
  await answer(`${SOURCE}/v3/kv/compaction`, { revision: '100', physical: true })
  await put(SOURCE, 'last', '1')
  await answer(`${SOURCE}/v3/auth/role/add`, { name: 'reader' })
  const perm = { permType: 'READWRITE', key: base64('a'), range_end: base64('b') }
  await answer(`${SOURCE}/v3/auth/role/grant`, { name: 'reader', perm })
  await answer(`${SOURCE}/v3/auth/user/add`, { name: 'anna', options: { no_password: true } })
  await answer(`${SOURCE}/v3/auth/user/grant`, { user: 'anna', role: 'reader' })
  await answer(`${SOURCE}/v3/maintenance/alarm`, {
    action: 'ACTIVATE',
    memberID: '5',
    alarm: 'NOSPACE',
  })
  file = await snapshotOf(SOURCE)
  entries = RESTORED_BUCKETS.flatMap((bucket) => [...opened(file).entries(bucket)])
  total = { entries: entries.length, changesSum: statusOfFile(opened(file)).changesSum }
})

async function begin(name: string): Promise<string> {
  const response = await post(`/keyspaces/${name}/restores`, {})
  expect(response.status).toBe(201)
  const { id } = await response.json<{ readonly id: string }>()
  return `/keyspaces/${name}/restores/${id}`
}

function send(restore: string, first: number, batch = entries): Promise<Response> {
  const body = encodeBatch(batch.slice(first, first + BATCH))
  return ask(`${restore}/entries?first=${first}`, { method: 'POST', body })
}

async function sendAll(restore: string): Promise<void> {
  for (let first = 0; first < entries.length; first += BATCH) {
    expect((await send(restore, first)).status).toBe(204)
  }
}

const commit = (restore: string): Promise<Response> => post(`${restore}/commit`, total)

/** As if the last entry of a restore had come earlier. */
const letPass = (name: string, ms: number): Promise<unknown> =>
  runInDurableObject(env.SHARD.getByName(name), (_, { storage }) => {
    storage.sql.exec('UPDATE restore SET touched = touched - ?', ms)
  })

const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME)

/** Whether there is such a keyspace, whoever is asked. */
async function isThere(name: string): Promise<boolean> {
  const asked = [
    (await ask(`/keyspaces/${name}`)).status === 200,
    (await (await ask('/keyspaces?limit=1000')).text()).includes(`"${name}"`),
    (await post(`/keyspaces/${name}/v3/kv/range`, { key: base64('k') })).status === 200,
  ]
  expect(new Set(asked).size).toBe(1)
  return asked[0] ?? false
}

async function refusal(response: Response): Promise<readonly [number, string]> {
  return [response.status, (await response.json<{ readonly message: string }>()).message]
}

const gone = [
  404,
  'there is no such restore: it was left alone for too long, or another one has begun',
] as const

describe('a restore by the API', () => {
  it('[RST1] makes a keyspace that is the same in all that etcd has in its file', async () => {
    const restore = await begin('copy')
    expect(await isThere('copy')).toBe(false)
    await sendAll(restore)
    expect(await isThere('copy')).toBe(false)
    const made = await commit(restore)
    expect(await made.json()).toMatchObject({ name: 'copy', state: 'ready' })
    expect(await isThere('copy')).toBe(true)
    // The cluster is another one, and its members.
    const own = new Set(['members', 'meta'])
    const [copied, source] = [readBolt(await snapshotOf('/keyspaces/copy')), readBolt(file)]
    for (const [bucket, rows] of source) {
      expect(own.has(bucket) || copied.get(bucket)).toEqual(own.has(bucket) || rows)
    }
    const lease = { ID: '7', keys: true }
    const { TTL, keys } = await answer<{ readonly TTL: string; readonly keys: readonly string[] }>(
      '/keyspaces/copy/v3/lease/timetolive',
      lease,
    )
    expect(Number(TTL)).toBeGreaterThan(4_000)
    expect(keys.length).toBeGreaterThan(20)
    // The alarm stands, as it did.
    const full = await post('/keyspaces/copy/v3/kv/put', { key: base64('a'), value: base64('b') })
    expect((await refusal(full))[1]).toContain('database space exceeded')
  })

  it('[RST2] takes entries that come twice, and none before those that are due', async () => {
    const restore = await begin('twice')
    expect((await send(restore, 0)).status).toBe(204)
    expect((await send(restore, 0)).status).toBe(204)
    expect((await send(restore, 50)).status).toBe(204)
    expect(await refusal(await send(restore, 200))).toEqual([
      400,
      'entry 150 is to come before 200',
    ])
    expect(await refusal(await commit(restore))).toEqual([
      400,
      `150 entries of ${entries.length} have come`,
    ])
    await sendAll(restore)
    expect((await commit(restore)).status).toBe(200)
    // The answer was lost, and is asked for again.
    expect(await (await commit(restore)).json()).toMatchObject({ state: 'ready' })
    expect(await refusal(await send(restore, 0))).toEqual(gone)
  })

  it('[RST3] refuses a name that is in use, and none that a restore has left', async () => {
    await post('/keyspaces', { name: 'used' })
    expect(await refusal(await post('/keyspaces/used/restores', {}))).toEqual([
      409,
      'keyspace already exists',
    ])
    expect((await post('/keyspaces/default/restores', {})).status).toBe(409)
    const left = await begin('left')
    await send(left, 0)
    expect(await refusal(await post('/keyspaces', { name: 'left' }))).toEqual([
      409,
      'the keyspace is being restored',
    ])
    const second = await begin('left')
    expect(await refusal(await send(left, BATCH))).toEqual(gone)
    expect(await refusal(await commit(left))).toEqual(gone)
    expect(await refusal(await ask(left, { method: 'DELETE' }))).toEqual(gone)
    await sendAll(second)
    expect((await commit(second)).status).toBe(200)
    expect((await post('/keyspaces/left/restores', {})).status).toBe(409)
  })

  it('[RST4] that is cancelled leaves nothing, and the name is free', async () => {
    const restore = await begin('cancelled')
    await send(restore, 0)
    expect((await ask(restore, { method: 'DELETE' })).status).toBe(204)
    expect(await isThere('cancelled')).toBe(false)
    expect((await post('/keyspaces', { name: 'cancelled' })).status).toBe(201)
    expect(
      await answer('/keyspaces/cancelled/v3/kv/range', { key: base64('k'), range_end: 'AA==' }),
    ).not.toHaveProperty('kvs')
  })

  it('[RST4] that is left alone for a minute leaves nothing; one that is not, goes on', async () => {
    const restore = await begin('alone')
    await send(restore, 0)
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect((await send(restore, BATCH)).status).toBe(204)
    await letPass('alone', 61_000)
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await refusal(await send(restore, 2 * BATCH))).toEqual(gone)
    expect((await post('/keyspaces', { name: 'alone' })).status).toBe(201)
  })

  it('[RST5] whose end the directory has not heard of becomes a keyspace all the same', async () => {
    const restore = await begin('unheard')
    await sendAll(restore)
    const shard = env.SHARD.getByName('unheard')
    const id = restore.split('/').at(-1) ?? ''
    const { created } = await runInDurableObject(directory(), (_, { storage }) =>
      storage.sql
        .exec<{ created: number }>('SELECT created FROM keyspace WHERE restore = ?', id)
        .one(),
    )
    expect(await shard.commitRestore(id, total, { created })).toBe('ready')
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await isThere('unheard')).toBe(true)
  })

  it('[RST6] of what is not the file makes no keyspace', async () => {
    const restore = await begin('other')
    await sendAll(restore)
    const wrong = await post(`${restore}/commit`, { ...total, changesSum: 1 })
    expect(await refusal(wrong)).toEqual([
      500,
      'the history that was written is not that of the file',
    ])
    expect(await isThere('other')).toBe(false)
  })

  it('[RST10] that finds no room on the disk is refused, and goes on when there is some', async () => {
    const restore = await begin('full')
    const shard = env.SHARD.getByName('full')
    let room = 1000
    const HOST = { fetch: () => Promise.resolve({ json: () => Promise.resolve({ room }) }) }
    await runInDurableObject(shard, (instance) => {
      Object.defineProperty(instance, 'env', { value: { ...env, HOST }, configurable: true })
    })
    const refused = await refusal(await send(restore, 0))
    expect(refused).toEqual([429, 'etcdserver: mvcc: database space exceeded'])
    room = 1e9
    // Each refusal asks the machine anew.
    await until(async () => (await send(restore, 0)).status === 204)
    await sendAll(restore)
    expect((await commit(restore)).status).toBe(200)
  })

  it('[RST6] refuses entries that are none, and changes nothing by them', async () => {
    const restore = await begin('wrong')
    const [entry] = opened(file).entries('key')
    if (entry === undefined) {
      throw new Error('the file has no key')
    }
    for (const [batch, problem] of [
      [[{ ...entry, key: new Uint8Array(3) }], 'the file is damaged: a key of the bucket "key"'],
      [[entry, entry], 'the file is damaged: revision'],
    ] as const) {
      const [status, message] = await refusal(await send(restore, 0, batch))
      expect([status, message.startsWith(problem)]).toEqual([400, true])
    }
    const cut = await ask(`${restore}/entries?first=0`, {
      method: 'POST',
      body: encodeBatch([entry]).slice(0, -1),
    })
    expect(await refusal(cut)).toEqual([400, 'the file comes in a batch that is cut off'])
    await sendAll(restore)
    expect((await commit(restore)).status).toBe(200)
  })

  it('[MOV3] takes the users, roles, leases, alarms and compaction that came last', async () => {
    const restore = await begin('late')
    const history = entries.filter(({ bucket }) => bucket === 'meta' || bucket === 'key')
    const state = entries.filter((entry) => !history.includes(entry))
    const before = state.filter(({ bucket }) => bucket !== 'cluster')
    const utf8 = new TextEncoder()
    const stale: readonly BucketEntry[] = [
      { bucket: 'alarm', key: Uint8Array.of(0x08, 9, 0x10, 2), value: new Uint8Array(0) },
      leaseEntry({ ID: 99n, TTL: 1000, RemainingTTL: 0 }),
      { bucket: 'auth', key: utf8.encode('authEnabled'), value: Uint8Array.of(1) },
      compactionEntry(100),
    ]
    const all = [
      ...history,
      stateAnew,
      ...stale,
      ...before,
      compactionEntry(110),
      stateAnew,
      ...state,
      compactionEntry(120),
    ]
    for (let first = 0; first < all.length; first += BATCH) {
      expect((await send(restore, first, all)).status).toBe(204)
    }
    const made = await post(`${restore}/commit`, { ...total, entries: all.length })
    expect(await made.json()).toMatchObject({ name: 'late', state: 'ready' })
    const [copied, source] = [readBolt(await snapshotOf('/keyspaces/late')), readBolt(file)]
    for (const bucket of ['alarm', 'auth', 'authRoles', 'authUsers', 'lease', 'cluster']) {
      expect([bucket, copied.get(bucket)]).toEqual([bucket, source.get(bucket)])
    }
    await answer(`${SOURCE}/v3/maintenance/alarm`, {
      action: 'DEACTIVATE',
      memberID: '5',
      alarm: 'NOSPACE',
    })
    await answer(`${SOURCE}/v3/kv/compaction`, { revision: '120', physical: true })
    const hash = { revision: '0' }
    const own = await answer('/keyspaces/late/v3/maintenance/hashkv', hash)
    const { hash: wanted } = await answer<{ hash: number }>(`${SOURCE}/v3/maintenance/hashkv`, hash)
    expect(own).toMatchObject({ hash: wanted, compact_revision: '120' })
  })

  it('[MOV4] tells how far it is, and stays for as long as its client has asked for', async () => {
    const restore = await begin('patient')
    const progress = async (): Promise<unknown> => (await ask(restore)).json()
    expect(await progress()).toEqual({ entries: 0, summed: true })
    const body = encodeBatch(entries.slice(0, BATCH))
    const patient = (seconds: number): Promise<Response> =>
      ask(`${restore}/entries?first=0&patience=${seconds}`, { method: 'POST', body })
    expect((await patient(3_601)).status).toBe(400)
    expect((await patient(100)).status).toBe(204)
    expect(await progress()).toEqual({ entries: BATCH, summed: true })
    await letPass('patient', 159_000)
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await progress()).toEqual({ entries: BATCH, summed: true })
    await letPass('patient', 2_000)
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await refusal(await ask(restore))).toEqual(gone)
  })

  it('[MOV4] goes on being summed when more has come', async () => {
    const restore = await begin('summed')
    for (let first = 0; first < entries.length; first += BATCH) {
      expect((await send(restore, first)).status).toBe(204)
      expect(await (await ask(restore)).json()).toMatchObject({ summed: true })
    }
    expect((await commit(restore)).status).toBe(200)
  })
})

describe('the sums of a keyspace', () => {
  it('[MOV5] are told an administrator while its users are not asked', async () => {
    await post('/keyspaces', { name: 'summed-up' })
    const path = '/keyspaces/summed-up'
    await put(path, 'a', '1')
    await put(path, 'a', '2')
    await answer(`${path}/v3/lease/grant`, { TTL: 5000, ID: '7' })
    const { hash } = await answer<{ readonly hash: number }>(`${path}/v3/maintenance/hashkv`, {
      revision: '2',
    })
    await answer(`${path}/v3/auth/user/add`, { name: 'root', password: 'r' })
    await answer(`${path}/v3/auth/user/grant`, { user: 'root', role: 'root' })
    await answer(`${path}/v3/auth/enable`, {})
    expect((await post(`${path}/v3/maintenance/hashkv`, {})).status).toBe(400)
    expect(await (await ask(`${path}/sums?revision=2`)).json()).toEqual({
      revision: 3,
      hash,
      compactRevision: -1,
      leases: 1,
      authEnabled: true,
      authRevision: 3,
    })
    expect((await ask(`${path}/sums?revision=4`)).status).toBe(400)
    expect((await ask('/keyspaces/nowhere/sums')).status).toBe(404)
  })
})
