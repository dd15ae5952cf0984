import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { HostStore } from '../../src/object-store/host-store.ts'
import { answerForStore } from '../../src/object-store/object-answer.ts'
import { describeObjectStore } from './contract.ts'

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

describeObjectStore('a directory behind HOST in one process', async () => {
  const store = await newDirectoryStore()
  const fetch = (url: string, init?: RequestInit): Promise<Response> =>
    answerForStore(store, new Request(url, init))
  return new HostStore({ fetch }, store.name)
})
