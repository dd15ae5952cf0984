// A keyspace with a store of the v2 API, made anew from its snapshots by the command line.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runCommand } from '../command.ts'
import { type Server, startServer } from '../server.ts'
import { ask } from '../v2/ask.ts'

const DIRECTORIES = 20
const FILES = 60
/** Of rows in the new keyspace's database when the server is killed: a part of what is restored. */
const PART_BYTES = 400_000

let folder: string
let server: Server

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-v2-restore-'))
  server = await start()
})

afterEach(async () => {
  await server.kill9()
  await rm(folder, { recursive: true })
})

function start(port = 0): Promise<Server> {
  const store = `--snapshot-store=file://${join(folder, 'store')}`
  const flags = [store, '--snapshot-lag=1s', '--enable-v2']
  return startServer({ dataDir: join(folder, 'data'), port, flags })
}

async function v2(method: string, path: string, body?: string): Promise<string> {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const request = { method, path, headers, ...(body !== undefined && { body }) }
  const answer = await ask(server.url, request)
  expect(answer.status, answer.body).toBeLessThan(300)
  return answer.body
}

/** A tree with directories, files, a time to live and a key in order; a user; more changes than are remembered. */
async function fill(name: string): Promise<void> {
  const keys = `/keyspaces/${name}/v2/keys`
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    await Promise.all(
      Array.from({ length: FILES }, (_, file) =>
        v2('PUT', `${keys}/d${directory}/f${file}`, `value=${`${file}`.repeat(700)}`),
      ),
    )
  }
  await v2('PUT', `${keys}/d0/passing`, 'value=soon&ttl=100000')
  await v2('POST', `${keys}/queue`, 'value=first')
  await v2('DELETE', `${keys}/d1/f1`)
  await v2('PUT', `/keyspaces/${name}/v2/auth/users/ann`, '{"user":"ann","password":"word"}')
}

/** Waits until the archive has everything. */
async function sent(name: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${server.url}/keyspaces/${name}`)
    const { snapshots } = (await response.json()) as {
      readonly snapshots: { readonly lagSeconds: number; readonly lastFull?: object }
    }
    if (snapshots.lagSeconds === 0 && snapshots.lastFull !== undefined) {
      return
    }
    await sleep(100)
  }
}

interface Seen {
  readonly index: string | undefined
  /** Without what is left of times to live, which goes by. */
  readonly tree: string
  readonly remembered: string
  readonly users: string
}

/** What a client sees; undefined where there is no such keyspace. */
async function seen(name: string): Promise<Seen | undefined> {
  const get = (path: string) =>
    ask(server.url, { method: 'GET', path: `/keyspaces/${name}/v2/${path}` })
  const { status, headers, body } = await get('keys/?recursive=true&sorted=true')
  if (status === 404 && !body.includes('"node"')) {
    return undefined
  }
  expect(status, body).toBe(200)
  const index = headers['x-etcd-index']
  const first = Number(index) - 900
  return {
    index,
    tree: body.replaceAll(/"ttl":\d+/g, ''),
    remembered: (await get(`keys/?wait=true&recursive=true&waitIndex=${first}`)).body,
    users: (await get('auth/users')).body,
  }
}

const restore = (name: string, ...flags: readonly string[]) => {
  const from = ['snapshot', 'restore', '--from=old', `--keyspace=${name}`, ...flags]
  return runCommand([...from, `--endpoint=${server.url}`])
}

const restored = (name: string) => ({
  code: 0,
  stdout: `Keyspace ${name} restored\n`,
  stderr: '',
})

async function makeOld(): Promise<void> {
  const flags = ['keyspace', 'create', 'old', `--endpoint=${server.url}`]
  expect(await runCommand(flags)).toMatchObject({ code: 0 })
  await fill('old')
  await sent('old')
}

it('[REP70] snapshot restore makes the v2 store anew, as it was, and goes on with its index', async () => {
  await makeOld()
  const then = await seen('old')
  const path = '/keyspaces/old/v2/keys/d0/later'
  await sleep(1_100)
  const time = new Date().toISOString()
  await v2('PUT', path, 'value=1')
  await sent('old')
  expect(await restore('then', `--time=${time}`)).toEqual(restored('then'))
  expect(await restore('now')).toEqual(restored('now'))
  expect(await seen('then')).toEqual(then)
  expect(await seen('now')).toEqual(await seen('old'))
  const next = JSON.parse(await v2('PUT', '/keyspaces/then/v2/keys/next', 'value=1')) as object
  expect(next).toMatchObject({ node: { modifiedIndex: Number(then?.index) + 1 } })
}, 180_000)

/** Of all databases; 0 of a file that has gone meanwhile. */
async function bytesWritten(): Promise<number> {
  const data = join(folder, 'data')
  const files = await readdir(data, { recursive: true })
  const sizes = await Promise.all(
    files
      .filter((name) => name.includes('.sqlite'))
      .map(async (name) => (await stat(join(data, name)).catch(() => undefined))?.size ?? 0),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

it('[REP71] killed amid the restore of a v2 store, a server goes on with it: it is there whole or not at all', async () => {
  await makeOld()
  const whole = await seen('old')
  const before = await bytesWritten()
  const restoring = restore('copy')
  while ((await bytesWritten()) < before + PART_BYTES) {
    await sleep(2)
  }
  for (const pause of [0, 50, 100]) {
    await sleep(pause)
    const { port } = server
    await server.kill9()
    server = await start(port)
    // Whenever it is asked, while the command goes on.
    expect([undefined, whole]).toContainEqual(await seen('copy'))
  }
  expect(await restoring).toEqual(restored('copy'))
  expect(await seen('copy')).toEqual(whole)
}, 180_000)
