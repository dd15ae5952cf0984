import type { ObjectStore } from './object-store.ts'

const [first, second, third] = ['first', 'second', 'third'].map((text) =>
  new TextEncoder().encode(text),
) as [Uint8Array, Uint8Array, Uint8Array]

/**
 * Tries whether a store keeps what `ObjectStore` promises, with an object of its own that it deletes: some
 * that speak S3 take a condition and ignore it, and two shards would write over each other there. Resolves
 * with what the store does wrong, else with undefined; rejects where the store itself has failed.
 */
export async function probe(store: ObjectStore): Promise<string | undefined> {
  const key = `probes/${crypto.randomUUID()}`
  let problem: string | undefined
  try {
    problem = await problemOf(store, key)
  } catch (error) {
    // What has failed once may fail to delete as well: the first error is the one to tell.
    await store.delete([key]).catch(() => undefined)
    throw error
  }
  await store.delete([key])
  return problem
}

async function problemOf(store: ObjectStore, key: string): Promise<string | undefined> {
  if (!(await store.put(key, first, 'absent'))) {
    return 'it says that an object is there which nobody has made'
  }
  if (await store.put(key, second, 'absent')) {
    return 'it ignores the condition of a create (If-None-Match)'
  }
  const created = await store.get(key)
  if (created === undefined) {
    return 'it does not read what was just written'
  }
  if (!isSame(created.bytes, first)) {
    return 'it replaces an object although it refuses to'
  }
  if (!(await store.has(key)) || (await store.has(`${key}-other`))) {
    return 'it does not say whether an object is there'
  }
  const range = await store.get(key, { offset: 1, length: 2 })
  if (range?.size !== first.length || !isSame(range.bytes, first.subarray(1, 3))) {
    return 'it does not read a range of an object'
  }
  const { etag } = created
  if (!(await store.put(key, second, { etag }))) {
    return 'it does not replace an object by its ETag'
  }
  if (await store.put(key, third, { etag })) {
    return 'it ignores the condition of a replace (If-Match)'
  }
  const replaced = await store.get(key)
  if (replaced === undefined || !isSame(replaced.bytes, second)) {
    return 'it reads an object as it was before'
  }
  const { objects } = await store.list(key)
  return objects.some((object) => object.key === key)
    ? undefined
    : 'it does not list what was just written'
}

function isSame(bytes: Uint8Array, others: Uint8Array): boolean {
  return bytes.length === others.length && bytes.every((byte, at) => byte === others[at])
}
