import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { encodeBatch, RESTORED_BUCKETS } from '../../../src/etcd-file/entry-batch.ts'
import {
  fileOf,
  GOLDEN_COMPACTED,
  goldenBytes,
  type GoldenFile,
  goldenFiles,
  goldenHashes,
} from '../../etcd-file/golden-files.ts'
import { type Outcome, runCommand } from '../command.ts'
import { base64, type JsonObject } from '../http.ts'
import { type Server, startServer } from '../server.ts'

let directory: string
let server: Server

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-files-'))
  for (const name of goldenFiles) {
    await writeFile(pathOf(name), goldenBytes(name))
  }
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

const pathOf = (name: string): string => join(directory, `${name}.db`)

const restore = (url: string, path: string, name: string): Promise<Outcome> =>
  runCommand(['snapshot', 'restore', path, '--keyspace', name, `--endpoint=${url}`])

const refused = (line: string, code = 1): Outcome => ({
  code,
  stdout: '',
  stderr: `etcdurable: ${line}\n`,
})

const list = async (url: string): Promise<string> =>
  (await runCommand(['keyspace', 'list', `--endpoint=${url}`])).stdout

/** Begins one by the API and sends some of it, as a command that is then killed. */
async function leaveHalf(url: string, name: string): Promise<void> {
  const begun = await fetch(`${url}/keyspaces/${name}/restores`, { method: 'POST', body: '{}' })
  const { id } = (await begun.json()) as { readonly id: string }
  const file = fileOf(goldenBytes('3.4.23-saved'))
  const entries = RESTORED_BUCKETS.flatMap((bucket) => [...file.entries(bucket)])
  const body = encodeBatch(entries.slice(0, 30))
  const path = `${url}/keyspaces/${name}/restores/${id}/entries?first=0`
  expect((await fetch(path, { method: 'POST', body })).status).toBe(204)
}

type Ask = (path: string, message: object) => Promise<JsonObject>

/** Asks a keyspace as one of its users. */
async function asUser(url: string, name: string, password = name): Promise<Ask> {
  const headers = new Headers()
  const ask: Ask = async (path, message) => {
    const body = JSON.stringify(message)
    const response = await fetch(`${url}/v3/${path}`, { method: 'POST', headers, body })
    expect(`${path} ${response.status}`).toBe(`${path} 200`)
    return (await response.json()) as JsonObject
  }
  const { token } = await ask('auth/authenticate', { name, password })
  headers.set('Authorization', String(token))
  return ask
}

const names: Readonly<Record<GoldenFile, string>> = {
  '3.4.23-saved': 'saved-34',
  '3.4.23-member': 'member-34',
  '3.5.21-saved': 'saved-35',
  '3.5.21-member': 'member-35',
  '3.6.4-saved': 'saved-36',
  '3.6.4-member': 'member-36',
  '3.7.1-saved': 'saved-37',
  '3.7.1-member': 'member-37',
}

describe('snapshot restore', () => {
  it.each(goldenFiles)('[RST7] makes of %s what etcd had', async (file) => {
    const name = names[file]
    expect(await restore(server.url, pathOf(file), name)).toEqual({
      code: 0,
      stdout: `Keyspace ${name} restored\n`,
      stderr: '',
    })
    const url = `${server.url}/keyspaces/${name}`
    const ask = await asUser(url, 'root')
    for (const [i, hash] of goldenHashes.entries()) {
      const revision = String(GOLDEN_COMPACTED + 1 + i)
      const said = await ask('maintenance/hashkv', { revision })
      expect(said).toMatchObject({ hash, compact_revision: String(GOLDEN_COMPACTED) })
    }
    expect(await ask('auth/status', {})).toMatchObject({
      enabled: true,
      authRevision: '14',
    })
    expect(await ask('auth/user/list', {})).toMatchObject({
      users: ['alice', 'noone', 'root'],
    })
    expect(await ask('auth/role/get', { role: 'reader' })).toMatchObject({
      perm: [
        { key: base64('a'), range_end: base64('b') },
        { permType: 'READWRITE', key: base64('k'), range_end: base64('l') },
        { permType: 'WRITE', key: base64('t2') },
      ],
    })
    const lease = { ID: '7', keys: true }
    expect(await ask('lease/timetolive', lease)).toMatchObject({
      grantedTTL: '60000',
      keys: ['k1', 'k2', 'k3'].map(base64),
    })
    const million = { key: base64('million') }
    const { kvs } = await ask('kv/range', million)
    expect(kvs).toEqual([
      {
        key: base64('million'),
        create_revision: expect.any(String) as string,
        mod_revision: expect.any(String) as string,
        version: '1',
        value: Buffer.alloc(1_000_000, 'm').toString('base64'),
      },
    ])
    const alice = await asUser(url, 'alice', 'alice2')
    const { header } = await alice('kv/put', { key: base64('k9'), value: base64('new') })
    expect(header).toMatchObject({ revision: '65' })
  })

  it('[RST8] refuses a damaged file, and a name in use, in a line, and makes nothing', async () => {
    const damaged = pathOf('damaged')
    await writeFile(damaged, goldenBytes('3.7.1-saved').subarray(0, 500_000))
    expect(await restore(server.url, damaged, 'damaged')).toEqual(
      refused(`${damaged} is cut off: it has 500000 bytes, and its pages are 2170880`),
    )
    expect(await restore(server.url, pathOf('3.7.1-saved'), 'default')).toEqual(
      refused('keyspace already exists'),
    )
    const nowhere = await restore('http://127.0.0.1:1', pathOf('3.7.1-saved'), 'nowhere')
    expect(nowhere.stderr).toMatch(/^etcdurable: cannot reach http:\/\/127\.0\.0\.1:1: .+\n$/)
    const unnamed = ['snapshot', 'restore', pathOf('3.7.1-saved')]
    expect(await runCommand(unnamed)).toEqual(
      refused('snapshot restore needs the name of a new keyspace: --keyspace NAME', 2),
    )
    expect(await list(server.url)).not.toMatch(/damaged|nowhere/)
  })

  it('[RST9] can be tried again after a client or a server was killed amid it', async () => {
    let running = await startServer()
    const { dataDir } = running
    onTestFinished(async () => {
      await running.kill9()
      await rm(dataDir, { recursive: true })
    })
    await leaveHalf(running.url, 'half')
    expect(await list(running.url)).toBe('default  ready\n')
    await running.kill9()
    running = await startServer({ dataDir })
    expect(await list(running.url)).toBe('default  ready\n')
    expect((await fetch(`${running.url}/keyspaces/half/version`)).status).toBe(404)
    expect((await restore(running.url, pathOf('3.4.23-saved'), 'half')).code).toBe(0)
    expect(await list(running.url)).toMatch(/^default +ready\nhalf +ready +\S+\n$/)
    await running.kill9()
    running = await startServer({ dataDir })
    const url = `${running.url}/keyspaces/half`
    const ask = await asUser(url, 'root')
    expect(await ask('maintenance/hashkv', {})).toMatchObject({
      hash: goldenHashes.at(-1),
    })
  })
})
