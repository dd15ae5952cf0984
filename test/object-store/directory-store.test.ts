import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { DiskSpace } from '../../src/cli/disk-space.ts'
import { HostAnswers } from '../../src/cli/host-answers.ts'
import { Log } from '../../src/cli/log.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { HostStore } from '../../src/object-store/host-store.ts'
import { runs } from '../runs.ts'
import { describeObjectStore, errorOf } from './contract.ts'

const folders: string[] = []

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
})

async function newDirectoryStore(): Promise<DirectoryStore> {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-objects-'))
  folders.push(folder)
  return new DirectoryStore(join(folder, 'made', 'by', 'the store'))
}

describeObjectStore('a directory', newDirectoryStore)

describeObjectStore('a directory behind HOST, in one process,', async () => {
  const snapshots = await newDirectoryStore()
  const log = new Log({ 'log-level': 'error', 'log-format': 'json', 'log-outputs': ['stderr'] })
  const answers = new HostAnswers({
    pids: () => [],
    portMetrics: new PortMetrics(),
    disk: new DiskSpace(tmpdir(), log),
    snapshots,
  })
  const fetch = (url: string, init?: RequestInit): Promise<Response> =>
    answers.fetch(new Request(url, init))
  return new HostStore({ fetch }, snapshots.name)
})

it('[OBJ22] a folder that one takes away, being empty, is made again by another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-objects-'))
  folders.push(folder)
  const stores = Array.from({ length: 4 }, () => new DirectoryStore(folder))
  const work = stores.map(async (store, at) => {
    for (let round = 0; round < runs(200); round++) {
      const key = `a/b/${round % 2}/${at}`
      expect(await store.put(key, new Uint8Array(round), 'absent')).toBe(true)
      expect((await store.get(key))?.size).toBe(round)
      await store.delete([key])
    }
  })
  await Promise.all(work)
  expect((await readdir(folder)).filter((name) => name !== '~lock')).toEqual([])
  stores.forEach((store) => store.close())
})

it('[OBJ24] a name that is taken by a folder or a file is told, and stays', async () => {
  const store = await newDirectoryStore()
  const bytes = new Uint8Array(1)
  await store.put('a/b', bytes)
  for (const condition of [undefined, 'absent', { etag: '0' }] as const) {
    const folder = await errorOf(store.put('a', bytes, condition))
    expect(folder).toMatchObject({ retryable: false })
    expect(folder.message).toMatch(/^file:\/\/\/.*: a is a folder$/)
    const file = await errorOf(store.put('a/b/c', bytes, condition))
    expect(file).toMatchObject({ retryable: false })
    expect(file.message).toMatch(/^file:\/\/\/.*: cannot write a\/b\/c: not a directory$/)
  }
  expect(await store.get('a')).toBe(undefined)
  expect(await store.get('a/b/c')).toBe(undefined)
  await store.delete(['a', 'a/b/c'])
  expect((await store.get('a/b'))?.size).toBe(1)
})

it.each(['/dev/null/store', '/proc/no/such/store'])(
  '[OBJ24] a directory that cannot be is told: %s',
  async (root) => {
    const store = new DirectoryStore(root)
    const refused = await errorOf(store.put('a', new Uint8Array(1)))
    expect(refused.message).toMatch(new RegExp(`^file://${root}: cannot write a: `))
    expect((await store.list('')).objects).toEqual([])
    expect(await store.get('a')).toBe(undefined)
  },
)

it('[OBJ24] an object that somebody has made too long is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-objects-'))
  folders.push(folder)
  await writeFile(join(folder, 'long'), '')
  await truncate(join(folder, 'long'), 33 * 1024 * 1024)
  const refused = await errorOf(new DirectoryStore(folder).get('long'))
  expect(refused.message).toBe('object long has 34603008 bytes: 33554432 is the most')
})
