import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bucket, fileOf, layOut } from '../../src/snapshot/file.ts'
import { type Part, partOf } from '../../src/snapshot/page.ts'
import type { Entry } from '../../src/snapshot/tree.ts'
import { runs } from '../runs.ts'
import { contentOf, finish, readContent } from './content.ts'

function bucketOf(name: string, entries: readonly (readonly [Buffer, Buffer])[]): Bucket {
  const parts = entries.map(([key, value]) => ({ key: partOf(key), value: partOf(value) }))
  return { name, entries: () => parts, sizes: () => parts }
}

/** Keys of a length of their own, in their order. */
function keyOf(place: number, bytes: number): Buffer {
  const key = Buffer.alloc(Math.max(bytes, 4), 'k')
  key.writeUInt32BE(place)
  return key
}

function entryOf(valueBytes: number): Entry<Part> {
  return { key: partOf(keyOf(1, 17)), value: partOf(Buffer.alloc(valueBytes)) }
}

/** Most are short; some fill a page, a node, or many pages. */
const anyLength = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 3, arbitrary: fc.integer({ min: 3_900, max: 4_200 }) },
  { weight: 2, arbitrary: fc.integer({ min: 16_200, max: 16_500 }) },
  { weight: 1, arbitrary: fc.nat(70_000) },
)
/** Of keys few are longer than a node: names of users and roles may be. */
const anyKeyLength = fc.oneof(
  { weight: 20, arbitrary: fc.nat(3_000) },
  { weight: 1, arbitrary: fc.nat(40_000) },
)
const anyLengths = fc.array(fc.tuple(anyKeyLength, anyLength), { maxLength: 120, size: 'max' })

describe('a bbolt file', () => {
  it('[SNP1] of any entries is sound, and they are what it holds', () => {
    fc.assert(
      fc.property(fc.array(anyLengths, { minLength: 1, maxLength: 3 }), (lengths) => {
        const entries = lengths.map((bucket) =>
          bucket.map(
            ([key, value], i) => [keyOf(i, key), Buffer.alloc(value, `value ${i}`)] as const,
          ),
        )
        const buckets = entries.map((bucket, i) => bucketOf(`b${i}`, bucket))
        const read = [...readContent(contentOf(buckets))]
        expect(read.map(([name]) => name)).toEqual(buckets.map(({ name }) => name))
        read.forEach(([, found], i) => {
          expect(found.map(({ key, value }) => [key, value])).toEqual(entries[i])
        })
      }),
      { numRuns: runs(40) },
    )
  })

  it('[SNP1] has as many levels of branches as it takes', () => {
    // Eight keys of 2,000 bytes are a node: four levels.
    const entries = Array.from(
      { length: 1_000 },
      (_, i) => [keyOf(i, 2_000), Buffer.from(String(i))] as const,
    )
    const found = readContent(contentOf([bucketOf('deep', entries)])).get('deep') ?? []
    expect(found.map(({ value }) => value.toString())).toEqual(entries.map((_, i) => String(i)))
  })

  it('[SNP1] has a root however long its keys are', () => {
    const entries = Array.from(
      { length: 9 },
      (_, i) => [keyOf(i, 40_000), Buffer.from(String(i))] as const,
    )
    const found = readContent(contentOf([bucketOf('long', entries)])).get('long') ?? []
    expect(found.map(({ value }) => value.toString())).toEqual(entries.map((_, i) => String(i)))
  })

  it('[SNP4] is written while its entries are read, and never far behind them', () => {
    let taken = 0
    let passed = 0
    let behindMax = 0
    const entries = function* (): Iterable<Entry<Part>> {
      for (let place = 0; place < 3_000; place++) {
        const value = Buffer.alloc(place % 500 === 0 ? 1_500_000 : 100)
        taken += value.length
        yield { key: partOf(keyOf(place, 17)), value: partOf(value) }
      }
    }
    const buckets = [{ name: 'key', entries, sizes: entries }]
    const layout = finish(layOut(buckets))
    taken = 0
    for (const piece of fileOf(buckets, layout)) {
      behindMax = Math.max(behindMax, taken - passed)
      passed += piece.length
    }
    expect(taken).toBeGreaterThan(9_000_000)
    // The longest value, and a node of others.
    expect(behindMax).toBeLessThan(1_500_000 + 2 * 16_384)
  })

  it('[SNP4] counting its pages pauses after each thousand entries', () => {
    const entries = Array.from(
      { length: 3_500 },
      (_, i) => [keyOf(i, 17), Buffer.alloc(0)] as const,
    )
    expect([...layOut([bucketOf('key', entries)])].length).toBe(3)
  })

  it('[SNP6] ends in an error when its entries become others', () => {
    const changing: Bucket = {
      name: 'key',
      entries: () => [entryOf(20_000)],
      sizes: () => [entryOf(10)],
    }
    const layout = finish(layOut([changing]))
    expect(() => [...fileOf([changing], layout)]).toThrow('8 pages, 4 laid out')
  })
})
