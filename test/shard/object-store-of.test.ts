import { expect, it } from 'vitest'
import { answerForStore } from '../../src/object-store/object-answer.ts'
import { objectStoreOf } from '../../src/object-store/object-store-of.ts'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { R2Store } from '../../src/object-store/r2-store.ts'
import { errorOf, newPrefix } from '../object-store/contract.ts'
import { testBucket } from './test-bucket.ts'

const bytes = new TextEncoder().encode('bytes')
const bucket = testBucket()

function openBucket(): R2Store {
  return new R2Store(bucket)
}

/** A machine whose directory is kept in R2, and what it was asked; it may be away. */
function newHost(store: ObjectStore) {
  const asked: string[] = []
  const host = {
    asked,
    isAway: false,
    fetch: async (url: string, init: RequestInit): Promise<Response> => {
      asked.push(`${init.method} ${new URL(url).pathname}`)
      if (host.isAway) {
        throw new Error('nobody listens')
      }
      return answerForStore(store, new Request(url, init))
    },
  }
  return host
}

/** Of a deployment at home, whose directory has a name of its own. */
function atHome(host: ReturnType<typeof newHost>, name = newPrefix()): Env {
  const told = { EMBEDDED: 'true', ETCDURABLE_SNAPSHOT_STORE: `file:///${name}`, HOST: host }
  return told as unknown as Env
}

function storeAt(environment: Env): ObjectStore {
  const store = objectStoreOf(environment)
  if (store === undefined) {
    throw new Error('there is no store')
  }
  return store
}

it('[OBJ12] a Worker without a bucket and without a flag has no store', () => {
  expect(objectStoreOf({} as Env)).toBe(undefined)
})

it('[OBJ12] the bucket that is bound comes before what a flag says', async () => {
  const host = newHost(openBucket())
  const store = storeAt({ ...atHome(host), SNAPSHOTS: bucket })
  const key = `${newPrefix()}/bound`
  await store.put(key, bytes, 'absent')
  expect(await (await bucket?.get(key))?.text()).toBe('bytes')
  expect(host.asked).toEqual([])
})

it('[OBJ12] a store is the same for each look at its environment', () => {
  const environment = atHome(newHost(openBucket()))
  expect(objectStoreOf(environment)).toBe(objectStoreOf(environment))
})

it('[OBJ13] the first write probes, whichever keyspace writes, and reads do not', async () => {
  const host = newHost(openBucket())
  const name = newPrefix()
  const [first, second] = [storeAt(atHome(host, name)), storeAt(atHome(host, name))]
  const key = `${newPrefix()}/probed`
  expect(await first.get(key)).toBe(undefined)
  expect(host.asked).toEqual([`GET /objects/${key}`])
  expect(await first.put(key, bytes, 'absent')).toBe(true)
  const probing = host.asked.length
  expect(host.asked.some((asked) => asked.startsWith('PUT /objects/probes/'))).toBe(true)
  expect(await second.put(key, bytes, 'absent')).toBe(false)
  await second.delete([key])
  expect(host.asked.slice(probing)).toEqual([`PUT /objects/${key}`, 'POST /objects'])
  expect((await openBucket().list('probes/')).objects).toEqual([])
})

it('[OBJ13] a store that ignores conditions is refused by name, and not asked again', async () => {
  const store = openBucket()
  const host = newHost({
    get: (key, range) => store.get(key, range),
    has: (key) => store.has(key),
    put: (key, content) => store.put(key, content),
    list: (prefix, page) => store.list(prefix, page),
    delete: (keys) => store.delete(keys),
  })
  const name = newPrefix()
  const key = `${newPrefix()}/refused`
  const refused = await errorOf(storeAt(atHome(host, name)).put(key, bytes, 'absent'))
  expect(refused.retryable).toBe(false)
  expect(refused.message).toBe(
    `file:///${name} cannot keep snapshots: it ignores the condition of a create (If-None-Match)`,
  )
  const probing = host.asked.length
  const again = storeAt(atHome(host, name))
  expect((await errorOf(again.put(key, bytes))).message).toBe(refused.message)
  expect((await errorOf(again.delete([key]))).message).toBe(refused.message)
  expect(host.asked.length).toBe(probing)
  expect(await store.get(key)).toBe(undefined)
})

it('[OBJ13] a store that is away is probed by the next write', async () => {
  const host = newHost(openBucket())
  host.isAway = true
  const store = storeAt(atHome(host))
  const key = `${newPrefix()}/away`
  const away = await Promise.all([errorOf(store.put(key, bytes)), errorOf(store.put(key, bytes))])
  expect(away.map(({ retryable }) => retryable)).toEqual([true, true])
  expect(away[0].message).toMatch(/^file:\/\/\/test-.*: PUT \/probes\/.*: nobody listens$/)
  host.isAway = false
  expect(await store.put(key, bytes, 'absent')).toBe(true)
})
