import * as fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  OBJECT_BYTES_MAX,
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
} from '../../src/object-store/object-store.ts'
import { runs } from '../runs.ts'

export interface ContractOptions {
  /** How many objects of 32 MiB go through it. */
  readonly large?: number
  /** Bytes that this process has, where it can tell: a gigabyte of objects passes through it. */
  readonly memory?: () => number
}

/** Of a gigabyte, the rest of a test's process included. */
const MEMORY_BYTES_MAX = 320 * 1024 * 1024
const racers = 50

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * What each `ObjectStore` promises, of one that `open` opens, or for which it says why there is none. Each
 * test has a prefix of its own.
 */
export function describeObjectStore(
  name: string,
  open: () => Promise<ObjectStore | string>,
  { large = 2, memory }: ContractOptions = {},
): void {
  describe(`${name} as an object store`, () => {
    let opened: ObjectStore | string
    let store: ObjectStore

    beforeAll(async () => {
      opened = await open()
    })

    beforeEach((ctx) => {
      if (typeof opened === 'string') {
        return ctx.skip(opened)
      }
      store = opened
    })

    it('[OBJ1] reads back what was put, with its size and ETag, and none where there is none', async () => {
      const prefix = newPrefix()
      expect(await store.get(`${prefix}/nothing`)).toBe(undefined)
      expect(await store.get(`${prefix}/no/such/folder/0000`)).toBe(undefined)
      const all = Uint8Array.from({ length: 256 }, (_, at) => at)
      for (const bytes of [all, new Uint8Array(0), encoder.encode('text')]) {
        const key = `${prefix}/e000001/full/${bytes.length}`
        expect(await store.put(key, bytes)).toBe(true)
        const read = await store.get(key)
        expect(read?.bytes).toEqual(bytes)
        expect(read?.size).toBe(bytes.length)
        expect(read?.etag).toMatch(/^[\x21\x23-\x7e]+$/)
      }
    })

    it('[OBJ1] puts a view of a longer buffer as its own bytes', async () => {
      const key = `${newPrefix()}/view`
      await store.put(key, encoder.encode('..view..').subarray(2, 6))
      expect(await textOf(store, key)).toBe('view')
    })

    it('[OBJ2] creates an object once, and leaves it as it is', async () => {
      const key = `${newPrefix()}/claim`
      expect(await store.put(key, encoder.encode('first'), 'absent')).toBe(true)
      expect(await store.put(key, encoder.encode('second'), 'absent')).toBe(false)
      expect(await textOf(store, key)).toBe('first')
      await store.delete([key])
      expect(await store.put(key, encoder.encode('third'), 'absent')).toBe(true)
      expect(await textOf(store, key)).toBe('third')
    })

    it('[OBJ2] [OBJ26] creates an empty object once, says that it is there, and is not', async () => {
      const key = `${newPrefix()}/empty`
      expect(await store.has(key)).toBe(false)
      expect(await store.put(key, new Uint8Array(0), 'absent')).toBe(true)
      expect([await store.has(key), await store.has(`${key}/none`)]).toEqual([true, false])
      expect(await store.put(key, encoder.encode('x'), 'absent')).toBe(false)
      expect((await store.get(key))?.size).toBe(0)
      await store.delete([key])
      expect(await store.has(key)).toBe(false)
    })

    it('[OBJ2] lets exactly one of many win that create a key at once', async () => {
      for (let round = 0; round < runs(4); round++) {
        const key = `${newPrefix()}/claim`
        const racing = Array.from({ length: racers }, (_, racer) =>
          store.put(key, encoder.encode(`racer ${racer}`), 'absent'),
        )
        const won = await Promise.all(racing)
        expect(won.filter(Boolean)).toEqual([true])
        expect(await textOf(store, key)).toBe(`racer ${won.indexOf(true)}`)
      }
    })

    it('[OBJ3] replaces an object by its ETag alone', async () => {
      const key = `${newPrefix()}/replaced`
      expect(await store.put(key, encoder.encode('x'), { etag: 'none' })).toBe(false)
      expect(await store.get(key)).toBe(undefined)
      await store.put(key, encoder.encode('one'))
      const etag = await etagOf(store, key)
      expect(await store.put(key, encoder.encode('two'), { etag })).toBe(true)
      expect(await store.put(key, encoder.encode('three'), { etag })).toBe(false)
      expect(await textOf(store, key)).toBe('two')
      await store.delete([key])
      expect(await store.put(key, encoder.encode('four'), { etag })).toBe(false)
      expect(await store.get(key)).toBe(undefined)
    })

    it('[OBJ3] lets exactly one of many win that replace the same content at once', async () => {
      const key = `${newPrefix()}/replaced`
      await store.put(key, encoder.encode('before'))
      for (let round = 0; round < runs(4); round++) {
        const etag = await etagOf(store, key)
        const racing = Array.from({ length: racers }, (_, racer) =>
          store.put(key, encoder.encode(`round ${round}, racer ${racer}`), { etag }),
        )
        const won = await Promise.all(racing)
        expect(won.filter(Boolean)).toEqual([true])
        expect(await textOf(store, key)).toBe(`round ${round}, racer ${won.indexOf(true)}`)
      }
    })

    it('[OBJ4] replaces whatever is there without a condition, and contents differ by their ETags', async () => {
      const key = `${newPrefix()}/replaced`
      const etags = new Set<string>()
      for (const text of ['a', 'b', '', 'longer']) {
        expect(await store.put(key, encoder.encode(text))).toBe(true)
        expect(await textOf(store, key)).toBe(text)
        etags.add(await etagOf(store, key))
      }
      expect(etags.size).toBe(4)
    })

    it.each([
      [0, 10, '0123456789'],
      [0, 1, '0'],
      [3, 4, '3456'],
      [9, 1, '9'],
      [7, 100, '789'],
      [0, 1000, '0123456789'],
      [10, 1, ''],
      [11, 5, ''],
      [1000, 5, ''],
      [4, 0, ''],
    ])('[OBJ5] reads of ten bytes, from %i on %i: %j', async (offset, length, expected) => {
      const key = `${newPrefix()}/ranged`
      await store.put(key, encoder.encode('0123456789'))
      const { etag } = (await store.get(key)) ?? {}
      const read = await store.get(key, { offset, length })
      expect(decoder.decode(read?.bytes)).toBe(expected)
      expect(read).toMatchObject({ size: 10, etag })
    })

    it('[OBJ5] reads a range of an empty object, and of none', async () => {
      const prefix = newPrefix()
      await store.put(`${prefix}/empty`, new Uint8Array(0))
      const read = await store.get(`${prefix}/empty`, { offset: 0, length: 1 })
      expect(read).toMatchObject({ bytes: new Uint8Array(0), size: 0 })
      expect(await store.get(`${prefix}/none`, { offset: 0, length: 1 })).toBe(undefined)
      expect(await store.get(`${prefix}/none`, { offset: 0, length: 0 })).toBe(undefined)
    })

    it('[OBJ6] lists keys in the order of their bytes, in pages', async () => {
      const prefix = newPrefix()
      // A slash stands behind a dash and a dot, and before digits and letters.
      const parts = [
        'a',
        'a-',
        'a-b',
        'a.b',
        'a/b',
        'a/b-c',
        'a/c/d',
        'a0',
        'ab',
        'b/a',
        'b/a.',
        '0/1',
      ]
      const keys = parts
        .filter((part) => part !== 'a' && part !== 'b/a')
        .map((part) => `${prefix}/${part}`)
      for (const key of keys.toReversed()) {
        await store.put(key, encoder.encode(key))
      }
      await store.put(`${prefix}0`, new Uint8Array(0))
      const sorted = keys.toSorted()
      const listed = (await store.list(`${prefix}/`)).objects
      expect(listed).toEqual(sorted.map((key) => ({ key, size: key.length })))
      for (const limit of [1, 2, 3, keys.length - 1, keys.length, 1000, 5000]) {
        expect(await allKeys(store, `${prefix}/`, limit)).toEqual(sorted)
      }
      for (const after of [
        ...sorted,
        `${prefix}/`,
        `${prefix}/a`,
        `${prefix}/a/`,
        `${prefix}/zz`,
      ]) {
        const { objects } = await store.list(`${prefix}/`, { after })
        expect(objects.map(({ key }) => key)).toEqual(sorted.filter((key) => key > after))
      }
      for (const part of ['a', 'a/', 'a-', 'a/b', 'b', 'c', 'a/c/d', 'a/c/d/']) {
        const { objects } = await store.list(`${prefix}/${part}`)
        const expected = sorted.filter((key) => key.startsWith(`${prefix}/${part}`))
        expect(objects.map(({ key }) => key)).toEqual(expected)
      }
    })

    it('[OBJ6] says of a page whether there are others behind it', async () => {
      const prefix = newPrefix()
      for (const part of ['1', '2', '3']) {
        await store.put(`${prefix}/${part}`, new Uint8Array(0))
      }
      expect(await store.list(`${prefix}/`, { limit: 3 })).toMatchObject({ more: false })
      expect(await store.list(`${prefix}/`, { limit: 2 })).toMatchObject({ more: true })
      expect(await store.list(`${prefix}/`, { after: `${prefix}/3` })).toEqual({
        objects: [],
        more: false,
      })
      expect(await store.list(`${newPrefix()}/`)).toEqual({ objects: [], more: false })
    })

    it('[OBJ6] [OBJ7] lists and deletes more than a thousand', async () => {
      const prefix = newPrefix()
      const keys = Array.from(
        { length: 1100 },
        (_, at) => `${prefix}/${String(at).padStart(4, '0')}`,
      )
      await inParallel(keys, (key) => store.put(key, encoder.encode('x'), 'absent'))
      const first = await store.list(`${prefix}/`)
      expect([first.objects.length, first.more]).toEqual([1000, true])
      expect(await allKeys(store, `${prefix}/`, 1000)).toEqual(keys)
      const [kept = '', ...others] = keys
      await store.delete(others)
      expect(await allKeys(store, `${prefix}/`, 1000)).toEqual([kept])
      await store.delete([kept])
    })

    it('[OBJ7] deletes what is there, and passes over what is not', async () => {
      const prefix = newPrefix()
      await store.put(`${prefix}/a/b`, encoder.encode('1'))
      await store.put(`${prefix}/a/c`, encoder.encode('2'))
      await store.delete([`${prefix}/a/b`, `${prefix}/nothing`, `${prefix}/a/b`, `${prefix}/a`])
      expect(await store.get(`${prefix}/a/b`)).toBe(undefined)
      expect(await textOf(store, `${prefix}/a/c`)).toBe('2')
      await store.delete([`${prefix}/a/c`])
      await store.delete([])
      expect((await store.list(prefix)).objects).toEqual([])
      // What was a folder for a while may be an object.
      expect(await store.put(`${prefix}/a`, encoder.encode('3'), 'absent')).toBe(true)
      expect(await textOf(store, `${prefix}/a`)).toBe('3')
    })

    it('[OBJ8] takes objects of 32 MiB, many in little memory, and none that is longer', async () => {
      const prefix = newPrefix()
      const bytes = new Uint8Array(OBJECT_BYTES_MAX)
      const before = memory?.() ?? 0
      let most = 0
      for (let at = 0; at < large; at++) {
        bytes.fill(at + 1)
        bytes[at] = 255
        await store.put(`${prefix}/${at}`, bytes, 'absent')
        const { size, bytes: read } = (await store.get(`${prefix}/${at}`)) ?? {}
        expect([size, read?.length]).toEqual([OBJECT_BYTES_MAX, OBJECT_BYTES_MAX])
        expect([read?.[at], read?.[at + 1], read?.at(-1)]).toEqual([255, at + 1, at + 1])
        const end = { offset: OBJECT_BYTES_MAX - 2, length: 1024 * 1024 }
        expect((await store.get(`${prefix}/${at}`, end))?.bytes).toEqual(bytes.subarray(-2))
        // Those of a gigabyte would fill the disk of a small machine.
        await store.delete([`${prefix}/${at - 2}`].filter(() => at >= 2))
        most = Math.max(most, (memory?.() ?? 0) - before)
      }
      expect(most).toBeLessThan(MEMORY_BYTES_MAX)
      await store.delete([`${prefix}/${large - 1}`, `${prefix}/${large - 2}`])
      const longer = new Uint8Array(OBJECT_BYTES_MAX + 1)
      const refused = await errorOf(store.put(`${prefix}/longer`, longer))
      expect(refused).toMatchObject({ retryable: false })
      expect(refused.message).toBe(
        `object ${prefix}/longer has 33554433 bytes: 33554432 is the most`,
      )
    }, 300_000)

    it.each([
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/./b',
      'a/.hidden',
      'A',
      'a b',
      'ä',
      'a\0b',
      'a\\b',
      'a~',
      'a%2fb',
      `${'a'.repeat(200)}/${'b'.repeat(200)}/${'c'.repeat(200)}`,
      'a'.repeat(256),
    ])('[OBJ9] refuses the key %j', async (key) => {
      const refused = [
        await errorOf(store.get(key)),
        await errorOf(store.has(key)),
        await errorOf(store.put(key, new Uint8Array(1))),
        await errorOf(store.delete([key])),
      ]
      for (const error of refused) {
        expect(error.retryable).toBe(false)
        expect(error.message).toMatch(/^".*" is no key of an object$/)
      }
    })

    it('[OBJ9] takes keys of all that is allowed, and refuses a prefix that begins none', async () => {
      const prefix = newPrefix()
      const long = `${prefix}/${'a'.repeat(255)}/${'b'.repeat(512 - prefix.length - 257)}`
      expect(long.length).toBe(512)
      for (const key of [long, `${prefix}/0.-z/-.-/9..`]) {
        await store.put(key, encoder.encode(key))
        expect(await textOf(store, key)).toBe(key)
        expect((await store.list(key)).objects).toEqual([{ key, size: key.length }])
      }
      for (const wrong of ['/', '../', 'a//', 'A', '.']) {
        expect((await errorOf(store.list(wrong))).message).toMatch(/begins no key of an object$/)
      }
    })

    it('[OBJ10] refuses a create that is repeated because its answer was lost', async () => {
      const key = `${newPrefix()}/lost`
      const bytes = encoder.encode('sent twice')
      // Nobody listens to the first.
      await store.put(key, bytes, 'absent').then(() => undefined)
      expect(await store.put(key, bytes, 'absent')).toBe(false)
      expect(await textOf(store, key)).toBe('sent twice')
    })

    it('[OBJ11] is at each step what a map of keys would be', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const prefix = newPrefix()
          const model = new Map<string, string>()
          for (const one of steps) {
            await compare(store, model, prefix, one)
          }
          await store.delete([...model.keys()])
        }),
        { numRuns: runs(40) },
      )
    })
  })
}

// Of these none is the folder of another, which a directory could not have.
const part = fc.constantFrom('a-', 'a.1', 'a/b', 'a/c/0', 'a/c/1', 'a0', 'b/0', 'b.0/x')
const text = fc.string({ maxLength: 8 })

type Step =
  | {
      readonly kind: 'put' | 'create' | 'replace' | 'replaceOld'
      readonly at: string
      readonly text: string
    }
  | { readonly kind: 'get' | 'delete'; readonly at: string }
  | { readonly kind: 'list'; readonly at: string; readonly after: string; readonly limit: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('put', 'create', 'replace', 'replaceOld'), at: part, text }),
  fc.record({ kind: fc.constantFrom('get', 'delete'), at: part }),
  fc.record({
    kind: fc.constant('list' as const),
    at: fc.constantFrom('', 'a', 'a/', 'a/c/', 'b', 'b/'),
    after: part,
    limit: fc.integer({ min: 1, max: 4 }),
  }),
)

async function compare(
  store: ObjectStore,
  model: Map<string, string>,
  prefix: string,
  one: Step,
): Promise<void> {
  const [answer, expected] = await answersTo(store, model, prefix, one)
  expect(answer).toEqual(expected)
}

/** What the store answers, and what it should; both take the step. */
async function answersTo(
  store: ObjectStore,
  model: Map<string, string>,
  prefix: string,
  one: Step,
): Promise<readonly [unknown, unknown]> {
  const key = `${prefix}/${one.at}`
  const there = model.get(key)
  switch (one.kind) {
    case 'get': {
      const read = await store.get(key)
      return [read === undefined ? undefined : decoder.decode(read.bytes), there]
    }
    case 'delete':
      await store.delete([key])
      return [model.delete(key), there !== undefined]
    case 'list': {
      const after = `${prefix}/${one.after}`
      const { objects, more } = await store.list(key, { after, limit: one.limit })
      const all = [...model.keys()].filter((other) => other.startsWith(key) && other > after)
      const keys = all.toSorted().slice(0, one.limit)
      return [
        { keys: objects.map((object) => object.key), more },
        { keys, more: all.length > one.limit },
      ]
    }
    case 'put':
    case 'create':
    case 'replace':
    case 'replaceOld': {
      const etag = (await store.get(key))?.etag ?? 'none'
      const [condition, isPut] = (
        {
          put: [undefined, true],
          create: ['absent', there === undefined],
          replace: [{ etag }, there !== undefined],
          replaceOld: [{ etag: `${etag}0` }, false],
        } as const
      )[one.kind]
      const answer = await store.put(key, encoder.encode(one.text), condition)
      if (isPut) {
        model.set(key, one.text)
      }
      return [answer, isPut]
    }
  }
}

/** Of which no other test has an object. */
export function newPrefix(): string {
  return `test-${crypto.randomUUID()}`
}

export async function errorOf(refused: Promise<unknown>): Promise<ObjectStoreError> {
  const error = await refused.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  )
  if (error instanceof ObjectStoreError) {
    return error
  }
  throw error
}

async function textOf(store: ObjectStore, key: string): Promise<string> {
  return decoder.decode((await store.get(key))?.bytes)
}

async function etagOf(store: ObjectStore, key: string): Promise<string> {
  return (await store.get(key))?.etag ?? ''
}

/** Page behind page, each at most `limit` long. */
async function allKeys(
  store: ObjectStore,
  prefix: string,
  limit: number,
): Promise<readonly string[]> {
  const keys: string[] = []
  for (let page: ObjectPage = { objects: [], more: true }; page.more;) {
    const after = keys.at(-1)
    page = await store.list(prefix, { limit, ...(after === undefined ? {} : { after }) })
    expect(page.objects.length).toBeLessThanOrEqual(limit)
    keys.push(...page.objects.map(({ key }) => key))
  }
  return keys
}

/** A few at a time. */
async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const rest = items.values()
  const worker = async (): Promise<void> => {
    for (const item of rest) {
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}
