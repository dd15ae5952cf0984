import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Outcome, runCommand } from '../command.ts'
import { Etcdctl, etcdctlMissing } from '../etcdctl.ts'
import { base64, type JsonObject } from '../http.ts'
import { type Server, startBridge, startServer } from '../server.ts'

let folder: string
let server: Server
/** Of the keyspace `blue`: what it was at moments between its changes. */
let times: { readonly filled: string; readonly changed: string }

const flagsWith = (store: string): readonly string[] => [
  `--snapshot-store=file://${store}`,
  '--snapshot-lag=1s',
]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-travel-'))
  server = await startServer({ flags: flagsWith(join(folder, 'store')) })
  await create('blue', '--quota-backend-bytes=1000000')
  times = await live('blue')
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const command = (...args: readonly string[]): Promise<Outcome> =>
  runCommand([...args, `--endpoint=${server.url}`])

/** What a command that has to succeed prints. */
async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await command(...args)
  expect(`${code} ${stderr}`).toBe('0 ')
  return stdout.trimEnd()
}

async function json(...args: readonly string[]): Promise<JsonObject> {
  return JSON.parse(await done(...args, '-w=json')) as JsonObject
}

const refused = (line: string, code = 1): Outcome => ({
  code,
  stdout: '',
  stderr: `etcdurable: ${line}\n`,
})

const create = (name: string, ...flags: readonly string[]): Promise<string> =>
  done('keyspace', 'create', name, ...flags)

const api = (path: string, method: string, body?: string): Promise<Response> =>
  fetch(path, { method, ...(body !== undefined && { body }) })

async function ask(name: string, path: string, message: object): Promise<JsonObject> {
  const url = `${server.url}/keyspaces/${name}/v3/${path}`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(message) })
  expect(`${path} ${response.status}`).toBe(`${path} 200`)
  return (await response.json()) as JsonObject
}

const put = (name: string, key: string, value: string, more: object = {}): Promise<JsonObject> =>
  ask(name, 'kv/put', { key: base64(key), value: base64(value), ...more })

async function keysOf(name: string): Promise<readonly string[]> {
  const everything = { key: base64('\0'), range_end: base64('\0') }
  const { kvs = [] } = await ask(name, 'kv/range', everything)
  return (kvs as readonly JsonObject[]).map(({ key, value, version, lease }) =>
    [text(key), text(value), version, lease].join(' ').trimEnd(),
  )
}

const text = (encoded: unknown): string => Buffer.from(String(encoded ?? ''), 'base64').toString()

async function sums(name: string, query = ''): Promise<JsonObject> {
  const response = await fetch(`${server.url}/keyspaces/${name}/sums${query}`)
  return (await response.json()) as JsonObject
}

/** Waits until the archive has everything. */
async function sent(name: string, running = server): Promise<void> {
  for (;;) {
    const response = await fetch(`${running.url}/keyspaces/${name}`)
    const { snapshots } = (await response.json()) as {
      readonly snapshots: {
        readonly lagRevisions: number
        readonly lagSeconds: number
        readonly lastFull?: object
      }
    }
    if (snapshots.lagRevisions === 0 && snapshots.lagSeconds === 0 && snapshots.lastFull) {
      return
    }
    await sleep(100)
  }
}

/** Revisions 2 to 4 fill it, 5 to 7 change it; then it is compacted at 6. */
async function live(name: string): Promise<typeof times> {
  await ask(name, 'lease/grant', { ID: '7', TTL: '6000' })
  await put(name, 'app/a', 'first')
  await put(name, 'app/b', 'leased', { lease: '7' })
  await put(name, 'other', 'x')
  await ask(name, 'auth/role/add', { name: 'reader' })
  await ask(name, 'auth/user/add', { name: 'ann', options: { no_password: true } })
  await sent(name)
  await sleep(1_100)
  const filled = new Date().toISOString()
  await sleep(1_100)
  await put(name, 'app/a', 'second')
  await ask(name, 'kv/deleterange', { key: base64('app/b') })
  await put(name, 'app/c', 'new')
  await sent(name)
  const changed = new Date().toISOString()
  await ask(name, 'kv/compaction', { revision: '6', physical: true })
  await sent(name)
  return { filled, changed }
}

const FILLED = ['app/a first 1', 'app/b leased 1 7', 'other x 1']
const CHANGED = ['app/a second 2', 'app/c new 1', 'other x 1']

describe('snapshot restore --from', () => {
  it('[TTR1] makes a keyspace as another one was at a revision, below the compacted one too', async () => {
    const made = await done('snapshot', 'restore', '--from=blue', '--keyspace=at-4', '--revision=4')
    expect(made).toBe('Keyspace at-4 restored')
    expect(await keysOf('at-4')).toEqual(FILLED)
    expect(await ask('at-4', 'lease/timetolive', { ID: '7', keys: true })).toMatchObject({
      grantedTTL: '6000',
      keys: [base64('app/b')],
    })
    expect(await sums('at-4')).toMatchObject({ revision: 4, leases: 1 })
    const next = await put('at-4', 'app/a', 'other branch')
    expect(next).toMatchObject({ header: { revision: '5' } })
    expect(await keysOf('blue')).toEqual(CHANGED)
  })

  it('[TTR1] makes it as it was at a time', async () => {
    const flags = ['--keyspace=at-filled', `--time=${times.filled}`]
    await done('snapshot', 'restore', '--from=blue', ...flags)
    expect(await keysOf('at-filled')).toEqual(FILLED)
    expect(await sums('at-filled')).toMatchObject({ revision: 4 })
  })

  it('[TTR1] makes the latest with all that it has: users, options, hashes', async () => {
    const made = await json('snapshot', 'restore', '--from=blue', '--keyspace=latest')
    expect(made).toMatchObject({ name: 'latest', state: 'ready', quotaBackendBytes: 1_000_000 })
    expect(await keysOf('latest')).toEqual(CHANGED)
    expect(await ask('latest', 'auth/user/list', {})).toMatchObject({ users: ['ann'] })
    expect(await ask('latest', 'auth/role/list', {})).toMatchObject({ roles: ['reader'] })
    expect(await sums('latest')).toEqual(await sums('blue'))
  })

  it('[TTR2] brings back what was deleted, and tells it from what has its name now', async () => {
    await create('gone')
    await put('gone', 'a', 'of the first')
    await sent('gone')
    const { generation } = await json('snapshot', 'list', '--from=gone')
    await done('keyspace', 'delete', 'gone')
    expect(await done('get', 'a', '--keyspace=gone')).toBe('a\nof the first')
    await create('gone')
    await put('gone', 'a', 'of the second')
    await sent('gone')
    const restore = ['snapshot', 'restore', '--from=gone'] as const
    await done(...restore, '--keyspace=second')
    await done(...restore, '--keyspace=first', `--generation=${String(generation)}`)
    expect(await keysOf('second')).toEqual(['a of the second 1'])
    expect(await keysOf('first')).toEqual(['a of the first 1'])
    expect(await done('get', 'a', '--keyspace=gone')).toBe('a\nof the second')
    const { generations } = await json('snapshot', 'list', '--from=gone')
    expect(generations).toEqual([generation, expect.any(Number)])
  })
})

const missing = await etcdctlMissing()

it('[TTR1] etcdctl finds in what was restored what it found then', async ({ skip }) => {
  if (missing !== undefined) {
    skip(missing)
  }
  await done('snapshot', 'restore', '--from=blue', '--keyspace=seen', '--revision=4')
  const flags = ['--keyspace=blue=http://127.0.0.1:0', '--keyspace=seen=http://127.0.0.1:0']
  const bridge = await startBridge({ upstream: server.url, flags })
  onTestFinished(() => bridge.stop())
  const [blue, seen] = await Promise.all(bridge.urls.map((url) => Etcdctl.of(url)))
  const get = ['get', 'app/', '--prefix'] as const
  expect(await seen?.run(get)).toBe('app/a\nfirst\napp/b\nleased\n')
  expect(await blue?.run(get)).toBe('app/a\nsecond\napp/c\nnew\n')
  expect(await seen?.run(['get', 'app/a', '--rev=2'])).toBe('app/a\nfirst\n')
  expect(await seen?.run(['lease', 'list'])).toBe('found 1 leases\n0000000000000007\n')
  expect(await seen?.run(['user', 'list'])).toBe(await blue?.run(['user', 'list']))
})

describe('the history of keys', () => {
  it('[TTR4] is read at a revision or a time, below the compacted revision too', async () => {
    const get = ['get', 'app/a', '--keyspace=blue'] as const
    expect(await done(...get, '--rev=4')).toBe('app/a\nfirst')
    expect(await done(...get, `--at=${times.filled}`)).toBe('app/a\nfirst')
    expect(await done(...get, '--rev=7')).toBe('app/a\nsecond')
    expect(await done(...get, '--at=0s')).toBe('app/a\nsecond')
    expect(await done(...get, '--print-value-only')).toBe('second')
    expect(await done('get', 'app/', '--prefix', '--keyspace=blue', '--rev=3')).toBe(
      'app/a\nfirst\napp/b\nleased',
    )
    expect(await json(...get, '--rev=5')).toMatchObject({
      revision: 5,
      from: 'archive',
      kvs: [{ version: 2, createRevision: 2, modRevision: 5 }],
    })
    expect(await json(...get, '--rev=7')).toMatchObject({ from: 'keyspace' })
    expect(await done('get', 'nothing', '--keyspace=blue', '--rev=4')).toBe('')
  })

  it('[TTR4] is compared between two points', async () => {
    const diff = ['diff', '--keyspace=blue'] as const
    const lines = ['- app/a "first"', '+ app/a "second"', '- app/b "leased"', '+ app/c "new"']
    expect((await done(...diff, 'app/', '--from=4', '--to=7')).split('\n')).toEqual(lines)
    expect((await done(...diff, '', `--from=${times.filled}`)).split('\n')).toEqual(lines)
    expect(await done(...diff, 'other', '--from=4', '--to=7')).toBe('')
    expect(await json(...diff, 'app/b', '--from=3', '--to=6')).toMatchObject({
      fromRevision: 3,
      toRevision: 6,
      differences: [{ before: { lease: '7' } }],
    })
  })
})

describe('keyspace fork', () => {
  it('[TTR5] copies a keyspace, and neither sees what the other writes', async () => {
    await create('trunk')
    for (let i = 0; i < 30; i++) {
      await put('trunk', `k${i % 20}`, 'v'.repeat(100 * i))
    }
    await ask('trunk', 'kv/deleterange', { key: base64('k3') })
    expect(await done('keyspace', 'fork', 'branch', '--from=trunk')).toBe(
      'Keyspace branch forked from trunk',
    )
    expect(await sums('branch')).toEqual(await sums('trunk'))
    expect(await keysOf('branch')).toEqual(await keysOf('trunk'))
    await put('branch', 'k1', 'branch')
    await put('trunk', 'k1', 'trunk')
    expect(await done('get', 'k1', '--keyspace=branch')).toBe('k1\nbranch')
    await done('keyspace', 'fork', 'branch-10', '--from=trunk', '--revision=10')
    expect(await sums('branch-10')).toMatchObject({ revision: 10 })
    expect(await sums('branch-10', '?revision=10')).toMatchObject({
      hash: (await sums('trunk', '?revision=10'))['hash'],
    })
  })

  it('[TTR5] of a compacted revision, or at a time, is made from the snapshots', async () => {
    await done('keyspace', 'fork', 'old-blue', '--from=blue', '--revision=4')
    expect(await keysOf('old-blue')).toEqual(FILLED)
    await done('keyspace', 'fork', 'blue-then', '--from=blue', `--time=${times.changed}`)
    expect(await keysOf('blue-then')).toEqual(CHANGED)
  })
})

it('[TTR5] takes nothing that a client sends while it is made, and is free when it is cancelled', async () => {
  const ways = `${server.url}/keyspaces/unsent/restores`
  const body = JSON.stringify({ source: { keyspace: 'blue', live: true } })
  const begun = await api(ways, 'POST', body)
  expect(begun.status).toBe(201)
  const { id } = (await begun.json()) as { readonly id: string }
  expect((await api(`${ways}/${id}/entries?first=0`, 'POST', '')).status).toBe(404)
  expect(await done('keyspace', 'list')).not.toContain('unsent')
  expect((await api(`${ways}/${id}`, 'DELETE')).status).toBe(204)
  expect((await api(`${ways}/${id}/advance`, 'POST')).status).toBe(404)
  await create('unsent')
  expect(await keysOf('unsent')).toEqual([])
})

describe('snapshots', () => {
  it('[TTR6] are listed, found whole, and not pruned while they are needed', async () => {
    const list = await json('snapshot', 'list', '--from=blue')
    expect(list).toMatchObject({ keyspace: 'blue', fulls: [{ epoch: 1 }] })
    const lines = (await done('snapshot', 'list', '--from=blue')).split('\n')
    expect(lines[0]).toMatch(/^WHAT +REVISION +TIME +SIZE$/)
    expect(lines.slice(1).map((line) => line.split('  ')[0])).toEqual(['full', 'every revision'])
    expect(await done('snapshot', 'verify', '--from=blue')).toMatch(
      /^Snapshots of blue are whole: \d+ objects, /,
    )
    expect(await done('snapshot', 'prune', '--from=blue')).toBe('0 objects deleted, 0 B')
    expect(await done('snapshot', 'prune', '--dry-run', '--from=blue')).toMatch(/^0 objects would/)
  })

  it('[TTR6] that are damaged are named, and nothing is made of them', async () => {
    await create('torn')
    await put('torn', 'a', 'whole')
    await sent('torn')
    const at = join(folder, 'store', 'keyspaces', 'torn')
    const files = await readdir(at, { recursive: true })
    const part = files.find((name) => name.endsWith('/0000')) ?? ''
    const bytes = await readFile(join(at, part))
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] ?? 0) ^ 1
    await writeFile(join(at, part), bytes)
    const problem = `keyspaces/torn/${part} is damaged: its bytes are not those that were written`
    expect(await command('snapshot', 'verify', '--from=torn')).toEqual(
      refused(`the snapshots of torn are damaged: ${problem}`),
    )
    expect(await command('snapshot', 'restore', '--from=torn', '--keyspace=of-torn')).toEqual(
      refused(`the archive is damaged: ${problem}`),
    )
    expect(await done('keyspace', 'list')).not.toContain('of-torn')
    await rm(join(at, part))
    expect(await command('snapshot', 'restore', '--from=torn', '--keyspace=of-torn')).toEqual(
      refused(`the archive is damaged: keyspaces/torn/${part} is not there`),
    )
  })
})

describe('wrong arguments', () => {
  it.each([
    [
      ['snapshot', 'restore', '--from=blue'],
      'snapshot restore needs the name of a new keyspace: --keyspace NAME',
      2,
    ],
    [['snapshot', 'list'], 'snapshot list needs the name of a keyspace: --from NAME', 2],
    [['snapshot', 'list', '--from=Blue!'], /^invalid keyspace name "Blue!": /, 2],
    [
      ['snapshot', 'restore', '--from=blue', '--keyspace=x', '--revision=4', '--time=1h'],
      '--revision and --time are two ways to say the same: give one',
      2,
    ],
    [
      ['get', 'a', '--at=yesterday'],
      '"yesterday" is no time: give one such as 2026-11-29T10:00:00Z, or how long ago: 1h30m',
      2,
    ],
    [['get', 'a', '--at=2026-13-01T00:00:00Z'], /^"2026-13-01T00:00:00Z" is no time: /, 2],
    [
      ['get', 'a', '--at=1h', '--rev=4'],
      '--at and --rev are two ways to say the same: give one',
      2,
    ],
    [['get'], 'get takes one key', 2],
    [['diff', 'a'], 'diff needs a point to begin with: --from REVISION or --from TIME', 2],
    [['snapshot', 'list', '--from=nobody'], 'there are no snapshots of keyspace nobody', 1],
    [['keyspace', 'fork', 'x', '--from=nobody'], 'there are no snapshots of keyspace nobody', 1],
    [['snapshot', 'restore', '--from=blue', '--keyspace=default'], 'keyspace already exists', 1],
    [
      ['get', 'a', '--rev=4000', '--keyspace=blue'],
      /^revision 4000 is not in the archive yet, which has come to 7$/,
      1,
    ],
    [
      ['get', 'a', '--at=2001-01-01T00:00:00Z', '--keyspace=blue'],
      /^nothing of 2001-01-01T00:00:00.000Z is kept: the nearest is revision \d of /,
      1,
    ],
  ] as const)('[TTR7] %j are told in a line', async (args, line, code) => {
    const { stdout, stderr, ...rest } = await command(...args)
    expect({ ...rest, stdout }).toEqual({ code, stdout: '' })
    const said = stderr.replace(/^etcdurable: /, '').trimEnd()
    expect(said).toMatch(line)
    expect(said).not.toContain('\n')
  })

  it('[TTR7] a server without an object store says so', async () => {
    const bare = await startServer()
    onTestFinished(() => bare.stop())
    const list = ['snapshot', 'list', '--from=default', `--endpoint=${bare.url}`]
    expect(await runCommand(list)).toEqual(
      refused(
        'there is no object store: none is bound as SNAPSHOTS, and --snapshot-store is not given',
      ),
    )
  })
})

/** 0 of a file that has gone meanwhile. */
const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => undefined))?.size ?? 0

const numbered = (i: number): string =>
  base64(`key-${String((i * 7_919) % 20_000).padStart(6, '0')}`)

it('[TTR3] a restore goes on after its server was killed amid it, wherever that was', async () => {
  const flags = flagsWith(join(folder, 'killed'))
  let running = await startServer({ flags })
  const { dataDir, port } = running
  onTestFinished(async () => {
    await running.kill9()
    await rm(dataDir, { recursive: true })
  })
  for (let i = 0; i < 20_000; i += 100) {
    const success = Array.from({ length: 100 }, (_, j) => ({
      requestPut: { key: numbered(i + j), value: base64('v'.repeat(200)) },
    }))
    const body = JSON.stringify({ success })
    const answer = await fetch(`${running.url}/v3/kv/txn`, { method: 'POST', body })
    expect(answer.status).toBe(200)
  }
  await sent('default', running)
  const restore = ['snapshot', 'restore', '--from=default', '--keyspace=copy']
  const bytes = async (): Promise<number> => {
    const files = await readdir(dataDir, { recursive: true })
    const sizes = await Promise.all(
      files.filter((name) => name.includes('.sqlite')).map((name) => sizeOf(join(dataDir, name))),
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }
  const before = await bytes()
  const restoring = runCommand([...restore, `--endpoint=${running.url}`])
  // A part of it is written then.
  while ((await bytes()) < before + 500_000) {
    await sleep(5)
  }
  for (const pause of [0, 100]) {
    await sleep(pause)
    await running.kill9()
    running = await startServer({ dataDir, port, flags })
  }
  expect(await restoring).toEqual({ code: 0, stdout: 'Keyspace copy restored\n', stderr: '' })
  const sumsOf = async (name: string): Promise<unknown> =>
    (await fetch(`${running.url}/keyspaces/${name}/sums`)).json()
  expect(await sumsOf('copy')).toEqual(await sumsOf('default'))
})
