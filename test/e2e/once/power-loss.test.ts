import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { shardUniqueKey } from '../../../src/cli/workerd-config.ts'
import { Store } from '../../../src/mvcc/store.ts'
import { type FileEvent, readTrace, straceFlags } from '../../host/file-trace.ts'
import { Disk } from '../../host/power-cut.ts'
import { NodeSql } from '../../mvcc/node-sql.ts'
import { runs } from '../../runs.ts'
import { base64, call } from '../http.ts'
import { Random } from '../random.ts'
import { readyUrls, startServer } from '../server.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const CUTS = runs(30)
const PUTS = 300
const WRITERS = 8

const hasStrace = spawnSync('strace', ['-V']).status === 0
const main = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts')
const directory = mkdtempSync(join(tmpdir(), 'power-loss-'))
const dataDir = join(directory, 'data')
const trace = join(directory, 'trace')

/** What was acknowledged, by revision. */
const acknowledged = new Map<number, { readonly key: string; readonly value: string }>()

/** Runs a server under strace, lets clients put, and stops it. */
async function record(): Promise<readonly FileEvent[]> {
  const flags = ['--listen-client-urls=http://127.0.0.1:0', `--data-dir=${dataDir}`]
  const child = spawn('strace', [...straceFlags, '-o', trace, process.execPath, main, ...flags], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stderr })) {
    const [url] = readyUrls(line) ?? []
    if (url !== undefined) {
      await load(url)
      break
    }
  }
  // strace itself takes no notice.
  process.kill(-(child.pid ?? 0), 'SIGTERM')
  await ended
  return readTrace(trace, dataDir)
}

async function load(url: string): Promise<void> {
  const random = new Random(SEED)
  // One after the other, which is one commit each, and then side by side.
  for (const writers of [1, WRITERS]) {
    let left = PUTS
    const write = async (): Promise<void> => {
      while (left-- > 0) {
        const key = `key ${random.integer(0, 40)}`
        const value = `${writers}/${left} `.padEnd(random.pick([10, 300, 3000, 9000]), '.')
        const put = { key: base64(key), value: base64(value) }
        const { header } = await call(url, '/v3/kv/put', put)
        const { revision } = header as { readonly revision: string }
        acknowledged.set(Number(revision), { key, value })
      }
    }
    await Promise.all(Array.from({ length: writers }, write))
    if (writers === 1) {
      await defragment(url)
    }
  }
}

/** What was stored for long names, and is free, leaves the file, while the log stays whole. */
async function defragment(url: string): Promise<void> {
  const names = Array.from({ length: 50 }, (_, count) => String(count).padEnd(20_000, 'n'))
  for (const name of names) {
    await call(url, '/v3/auth/role/add', { name })
  }
  for (const role of names) {
    await call(url, '/v3/auth/role/delete', { role })
  }
  await call(url, '/v3/maintenance/defragment', {})
}

/** A row of the log: all that there is of a change. */
type Row = Readonly<Record<string, unknown>>

interface State {
  readonly rows: readonly Row[]
  readonly store: Store
}

const revisionOf = (row: Row | undefined): number => Math.floor(Number(row?.['id'] ?? 0) / 2 ** 23)

/** What is in the data directory's keyspace; empty where its file has no tables yet. */
function stateOf(shard: string): State | undefined {
  const [file] = readdirSync(shard).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
  const path = join(shard, file ?? '')
  if (file === undefined) {
    return undefined
  }
  const database = new DatabaseSync(path)
  try {
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    const tables = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'log'`).all()
    if (tables.length === 0) {
      return undefined
    }
    const rows = database.prepare('SELECT * FROM log ORDER BY id').all()
    const options = { txnOpsMax: 128, hasLease: () => false, changed: () => undefined }
    return { rows, store: new Store(new NodeSql(path), options) }
  } finally {
    database.close()
  }
}

function hashAt(store: Store, revision: number): unknown {
  const steps = store.hashKv(revision)
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

/** The last revision that a client was told. */
function toldBy(events: readonly FileEvent[]): number {
  const told = events.flatMap((event) =>
    event.kind === 'sent' ? [...event.text.matchAll(/"revision":"(\d+)"/g)] : [],
  )
  return Math.max(1, ...told.map(([, revision]) => Number(revision)))
}

function writeFiles(files: ReadonlyMap<string, Buffer>, to: string): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(to, path)), { recursive: true })
    writeFileSync(join(to, path), bytes)
  }
}

describe(`power loss (seed ${SEED})`, () => {
  let events: readonly FileEvent[]
  let whole: State

  beforeEach((ctx) => ctx.skip(!hasStrace, 'no strace in PATH'))

  beforeAll(async () => {
    if (!hasStrace) {
      return
    }
    events = await record()
    const state = stateOf(join(dataDir, 'shard', shardUniqueKey))
    if (state === undefined) {
      throw new Error('nothing was written')
    }
    whole = state
  }, 180_000)

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('[HST30] the record is of all that was written, and every answer is in it', () => {
    const revisions = whole.rows.map(revisionOf)
    expect(revisions).toEqual(Array.from({ length: 2 * PUTS }, (_, place) => place + 2))
    expect(toldBy(events)).toBe(2 * PUTS + 1)
    for (const row of whole.rows) {
      const put = acknowledged.get(revisionOf(row))
      expect(Buffer.from(row['key'] as Uint8Array).toString()).toBe(put?.key)
      expect(Buffer.from(row['value'] as Uint8Array).toString()).toBe(put?.value)
    }
    const disk = new Disk()
    events.forEach((event) => disk.do(event))
    const files = disk.cut('all', new Random(SEED))
    const replayed = join(directory, 'replayed')
    writeFiles(files, replayed)
    expect(stateOf(join(replayed, 'shard', shardUniqueKey))?.rows).toEqual(whole.rows)
  })

  it('[HST30] a cut at any time leaves a whole beginning of the history, with all that was acknowledged', () => {
    const random = new Random(SEED)
    const cuts = new Set(Array.from({ length: CUTS }, () => random.integer(0, events.length)))
    // Where a file without free pages takes the place of the one before.
    const renamed = events.findIndex(({ kind }) => kind === 'rename')
    expect(renamed).not.toBe(-1)
    Array.from({ length: 20 }, (_, place) => cuts.add(renamed - 8 + place))
    const disk = new Disk()
    let told = 1
    const left = join(directory, 'left')
    for (const [place, event] of events.entries()) {
      disk.do(event)
      told = Math.max(told, toldBy([event]))
      if (cuts.has(place)) {
        for (const luck of ['nothing', 'some', 'some'] as const) {
          writeFiles(disk.cut(luck, random), left)
          expectPrefix(join(left, 'shard', shardUniqueKey), told)
          rmSync(left, { recursive: true, force: true })
        }
      }
    }
  }, 600_000)

  function expectPrefix(shard: string, told: number): void {
    mkdirSync(shard, { recursive: true })
    const state = stateOf(shard)
    const last = Math.max(1, revisionOf(state?.rows.at(-1)))
    expect(last).toBeGreaterThanOrEqual(told)
    // Without a table there is nothing to compare.
    expect(state?.rows ?? []).toEqual(whole.rows.slice(0, last - 1))
    expect(state?.store.revision ?? 1).toBe(last)
    expect(hashAt((state ?? whole).store, last)).toEqual(hashAt(whole.store, last))
  }

  it('[HST30] the server starts on what is left, tells the same and goes on', async () => {
    const random = new Random(SEED + 1)
    for (const [count, luck] of (['nothing', 'some', 'some'] as const).entries()) {
      const upTo = events.slice(0, random.integer(Math.floor(events.length / 2), events.length))
      const disk = new Disk()
      upTo.forEach((event) => disk.do(event))
      const left = join(directory, `server-${count}`)
      writeFiles(disk.cut(luck, random), left)
      const server = await startServer({ dataDir: left })
      onTestFinished(() => server.kill9())
      const told = toldBy(upTo)
      const all = { key: base64('\0'), range_end: base64('\0') }
      const { header, kvs } = await call(server.url, '/v3/kv/range', all)
      const { revision } = header as { readonly revision: string }
      expect(Number(revision)).toBeGreaterThanOrEqual(told)
      const hash = await call(server.url, '/v3/maintenance/hash', {})
      expect(hash['hash']).toBeTypeOf('number')
      expect(kvs).toBeInstanceOf(Array)
      const put = await call(server.url, '/v3/kv/put', { key: base64('next'), value: '' })
      const next = (put['header'] as { readonly revision: string }).revision
      expect(Number(next)).toBe(Number(revision) + 1)
      await server.stop()
    }
  }, 120_000)
})
