import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IntervalIndex } from '../../src/mvcc/interval.ts'
import { type Bounds, contains, successor } from '../../src/mvcc/key-range.ts'
import { runs } from '../runs.ts'
import { bytes } from './memory-log.ts'

// A few short keys of few bytes, so that ranges meet, nest and are equal.
const key = fc.uint8Array({ maxLength: 3, max: 3 })
const bounds: fc.Arbitrary<Bounds> = fc.oneof(
  key.map(point),
  fc.record({ start: key, end: fc.option(key, { nil: undefined }) }),
)

function point(start: Uint8Array): Bounds {
  return { start, end: successor(start) }
}

const step = fc.oneof(
  { weight: 3, arbitrary: bounds.map((added) => ({ added, removed: undefined })) },
  { weight: 2, arbitrary: fc.nat().map((removed) => ({ added: undefined, removed })) },
)

function found(index: IntervalIndex<number>, at: Uint8Array): readonly number[] {
  const items: number[] = []
  index.visit(at, (item) => items.push(item))
  return items.toSorted((a, b) => a - b)
}

/** Counts how often it is looked at: a comparison does so a fixed number of times. */
class CountingKey extends Uint8Array {
  looks = 0

  override get length(): number {
    this.looks++
    return this.byteLength
  }
}

function nameOf(i: number): string {
  return `/${String(i).padStart(4, '0')}`
}

/** The keys below a directory. */
function below(i: number): Bounds {
  return { start: bytes(`${nameOf(i)}/`), end: bytes(`${nameOf(i)}0`) }
}

/** How often a search looks at a key at most, among some of the directories. */
function mostLooks(index: IntervalIndex<number>, directories: number): number {
  let most = 0
  for (let i = 0; i < directories; i += 37) {
    const at = new CountingKey(bytes(`${nameOf(i)}/x`))
    expect(found(index, at).length).toBeLessThanOrEqual(1)
    most = Math.max(most, at.looks)
  }
  return most
}

/**
 * An AVL tree of n is less than 1.45 log2(n + 2) high, and a search goes down one way and looks
 * into the side that it leaves out: four comparisons a level, each of which looks twice.
 */
function looksMax(ranges: number): number {
  return 8 * 1.45 * Math.log2(ranges + 2) + 10
}

describe('the interval index', () => {
  it('[WAT31] finds what a list would, whatever is added and removed', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.array(key, { minLength: 1 }),
        (steps, keys) => {
          const index = new IntervalIndex<number>()
          const list: { readonly bounds: Bounds; readonly item: number }[] = []
          for (const [item, { added, removed }] of steps.entries()) {
            if (added !== undefined) {
              index.add(added, item)
              list.push({ bounds: added, item })
            } else if (list.length > 0) {
              const [gone] = list.splice(removed % list.length, 1)
              if (gone !== undefined) {
                index.remove(gone.bounds, gone.item)
              }
            }
          }
          for (const at of keys) {
            const expected = list
              .filter((entry) => contains(entry.bounds, at))
              .map(({ item }) => item)
            expect(found(index, at)).toEqual(expected)
          }
          const all = Array.from(index.items()).toSorted((a, b) => a - b)
          expect(all).toEqual(list.map(({ item }) => item))
        },
      ),
      { numRuns: runs(500) },
    )
  })

  it.each([
    ['ascending', (i: number) => i],
    ['descending', (i: number) => 9999 - i],
    ['from both ends', (i: number) => (i % 2 === 0 ? i / 2 : 9999 - (i - 1) / 2)],
    ['there and back', (i: number) => (i * 7919) % 10_000],
  ])('[WAT32] looks at few of 10,000 ranges elsewhere, added in order %s', (_, place) => {
    const index = new IntervalIndex<number>()
    for (let i = 0; i < 10_000; i++) {
      index.add(below(place(i)), i)
      index.add(point(bytes(nameOf(place(i)))), i)
    }
    expect(mostLooks(index, 10_000)).toBeLessThan(looksMax(10_000))
    for (let i = 0; i < 9900; i++) {
      index.remove(below(place(i)), i)
      index.remove(point(bytes(nameOf(place(i)))), i)
    }
    expect(mostLooks(index, 10_000)).toBeLessThan(looksMax(100))
  })

  it('[WAT32] looks at few after any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 999 }), { maxLength: 3000, size: 'max' }), (toggled) => {
        const index = new IntervalIndex<number>()
        const there = new Set<number>()
        for (const i of toggled) {
          if (there.delete(i)) {
            index.remove(below(i), i)
          } else {
            index.add(below(i), i)
            there.add(i)
          }
        }
        expect(mostLooks(index, 1000)).toBeLessThan(looksMax(there.size))
      }),
      { numRuns: runs(50) },
    )
  })

  it('[WAT31] tells keys of one hash apart', () => {
    // Two keys of the same 32-bit FNV-1a hash.
    const [a, b] = [bytes('costarring'), bytes('liquid')]
    const index = new IntervalIndex<string>()
    index.add(point(a), 'a')
    index.add(point(b), 'b')
    const at = (where: Uint8Array) => {
      const items: string[] = []
      index.visit(where, (item) => items.push(item))
      return items
    }
    expect([at(a), at(b)]).toEqual([['a'], ['b']])
    index.remove(point(a), 'a')
    expect([at(a), at(b)]).toEqual([[], ['b']])
  })

  it('[WAT31] does not let a removal pass that removes nothing', () => {
    const index = new IntervalIndex<number>()
    const range = { start: bytes('a'), end: bytes('c') }
    index.add(range, 1)
    index.add(point(bytes('a')), 1)
    expect(() => index.remove(range, 2)).toThrow('an item that is not of this range')
    expect(() => index.remove(point(bytes('a')), 2)).toThrow('an item that is not at this key')
    expect(() => index.remove({ start: bytes('a'), end: undefined }, 1)).toThrow('no such range')
  })
})
