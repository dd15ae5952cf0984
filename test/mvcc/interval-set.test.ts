import fc from 'fast-check'
import { expect, it } from 'vitest'
import { IntervalSet } from '../../src/mvcc/interval-set.ts'
import { type Bounds, contains } from '../../src/mvcc/key-range.ts'
import { bytes } from '../model-rules.ts'
import { runs } from '../runs.ts'

const KEYS = ['\0', 'a', 'a\0', 'ab', 'b', 'c', 'd', 'e', '\xff']
const anyKey = fc.constantFrom(...KEYS).map(bytes)
const anyBounds: fc.Arbitrary<Bounds> = fc.record({
  start: anyKey,
  end: fc.option(anyKey, { nil: undefined }),
})

it('[TXN21] a set of key ranges has the keys that one of its ranges has', () => {
  fc.assert(
    fc.property(fc.array(anyBounds), fc.array(anyBounds), (some, others) => {
      const set = new IntervalSet()
      some.forEach((bounds) => set.add(bounds))
      const other = new IntervalSet()
      others.forEach((bounds) => other.add(bounds))
      set.addAll(other)
      for (const key of KEYS.map(bytes)) {
        expect(set.has(key)).toBe([...some, ...others].some((bounds) => contains(bounds, key)))
      }
    }),
    { numRuns: runs(1000) },
  )
})
