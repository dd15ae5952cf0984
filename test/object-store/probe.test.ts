import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { type ObjectStore, ObjectStoreError } from '../../src/object-store/object-store.ts'
import { probe } from '../../src/object-store/probe.ts'
import { errorOf } from './contract.ts'

let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-probe-'))
})

afterAll(() => rm(folder, { recursive: true }))

/** A directory that does one thing otherwise. */
function flawed(flaw: (store: ObjectStore) => Partial<ObjectStore>): ObjectStore {
  const store = new DirectoryStore(join(folder, crypto.randomUUID()))
  const whole: ObjectStore = {
    get: (key, range) => store.get(key, range),
    has: (key) => store.has(key),
    put: (key, bytes, condition) => store.put(key, bytes, condition),
    list: (prefix, page) => store.list(prefix, page),
    delete: (keys) => store.delete(keys),
  }
  return { ...whole, ...flaw(whole) }
}

it('[OBJ14] a store that keeps its promises passes, and has nothing of it', async () => {
  const store = flawed(() => ({}))
  expect(await probe(store)).toBe(undefined)
  expect((await store.list('')).objects).toEqual([])
})

it.each<[string, (store: ObjectStore) => Partial<ObjectStore>]>([
  [
    'it ignores the condition of a create (If-None-Match)',
    (store) => ({
      put: (key, bytes, condition) =>
        store.put(key, bytes, condition === 'absent' ? undefined : condition),
    }),
  ],
  [
    'it ignores the condition of a replace (If-Match)',
    (store) => ({
      put: (key, bytes, condition) =>
        store.put(key, bytes, condition === 'absent' ? 'absent' : undefined),
    }),
  ],
  [
    'it replaces an object although it refuses to',
    (store) => ({
      put: async (key, bytes, condition) => {
        const isPut = await store.put(key, bytes, condition)
        await store.put(key, bytes)
        return isPut
      },
    }),
  ],
  [
    'it says that an object is there which nobody has made',
    () => ({ put: async (_key, _bytes, condition) => condition === undefined }),
  ],
  ['it does not read what was just written', () => ({ get: async () => undefined })],
  ['it does not read a range of an object', (store) => ({ get: (key) => store.get(key) })],
  [
    'it does not replace an object by its ETag',
    (store) => ({
      put: async (key, bytes, condition) =>
        typeof condition !== 'object' && (await store.put(key, bytes, condition)),
    }),
  ],
  [
    'it reads an object as it was before',
    (store) => {
      const old = new Map<string, ReturnType<ObjectStore['get']>>()
      return {
        get: async (key, range) => {
          const read = old.get(key) ?? store.get(key)
          old.set(key, read)
          return range === undefined ? read : store.get(key, range)
        },
      }
    },
  ],
  ['it does not say whether an object is there', () => ({ has: async () => true })],
  [
    'it does not list what was just written',
    () => ({ list: async () => ({ objects: [], more: false }) }),
  ],
])('[OBJ15] one is refused: %s', async (problem, flaw) => {
  expect(await probe(flawed(flaw))).toBe(problem)
})

it('[OBJ14] what the store itself fails with is what the probe rejects with', async () => {
  const failure = new ObjectStoreError('the first', { retryable: true })
  const store = flawed(() => ({
    put: () => Promise.reject(failure),
    delete: () => Promise.reject(new ObjectStoreError('the second', { retryable: true })),
  }))
  expect(await errorOf(probe(store))).toBe(failure)
})
