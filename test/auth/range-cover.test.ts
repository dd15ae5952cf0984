import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { type TextRange, textRange, textRangeOf } from '../../src/auth/key-text.ts'
import { RangeCover } from '../../src/auth/range-cover.ts'
import { Random } from '../e2e/random.ts'
import { seeds } from '../runs.ts'

const texts = 4096

/** Its keys are numbers; most ranges are short, some long, and a few open. */
function randomRange(random: Random): TextRange {
  const start = random.integer(0, texts - 1)
  const length = random.chance(0.005) ? random.integer(4, texts) : random.pick([1, 1, 2, 3])
  return {
    start: textOf(start),
    end: start + length > texts ? undefined : textOf(start + length),
  }
}

function textOf(number: number): string {
  return number.toString(16).toUpperCase().padStart(4, '0')
}

/** How often each key is covered. */
class NaiveCover {
  readonly #counts = Array.from({ length: texts }, () => 0)

  change(range: TextRange, by: number): void {
    for (const key of keysOf(range)) {
      this.#counts[key] = (this.#counts[key] ?? 0) + by
    }
  }

  covers(range: TextRange): boolean {
    const end = range.end === undefined ? texts : Number.parseInt(range.end, 16)
    const start = Number.parseInt(range.start, 16)
    return this.#counts.slice(start, Math.max(end, start + 1)).every((count) => count > 0)
  }
}

function* keysOf({ start, end }: TextRange): Iterable<number> {
  const last = end === undefined ? texts : Number.parseInt(end, 16)
  for (let key = Number.parseInt(start, 16); key < last; key++) {
    yield key
  }
}

it.each(seeds(3))('[AUT5] thousands of ranges come and go, seed %d', (seed) => {
  const random = new Random(seed)
  const ranges = Array.from({ length: 700 }, () => randomRange(random))
  const cover = new RangeCover(ranges)
  const naive = new NaiveCover()
  ranges.forEach((range) => naive.change(range, 1))
  const seen = { covered: 0, uncovered: 0 }
  // They become more, then fewer, until none is left.
  for (let step = 0; ranges.length > 0; step++) {
    if (random.chance(step < 4000 ? 0.6 : 0.3)) {
      const range = randomRange(random)
      ranges.push(range)
      cover.add(range)
      naive.change(range, 1)
    } else {
      const [range] = ranges.splice(random.integer(0, ranges.length - 1), 1)
      if (range !== undefined) {
        cover.remove(range)
        naive.change(range, -1)
      }
    }
    const start = random.integer(0, texts - 1)
    const length = random.pick([-5, 0, 1, 1, 2, 3, 30])
    const end = random.chance(0.1) ? undefined : textOf(Math.max(start + length, 0))
    const asked = { start: textOf(start), end }
    const expected = naive.covers(asked)
    expect({ step, asked, covered: cover.covers(asked) }).toEqual({
      step,
      asked,
      covered: expected,
    })
    seen[expected ? 'covered' : 'uncovered']++
  }
  expect({ boundaries: cover.boundaries, bytes: cover.bytes }).toEqual({ boundaries: 0, bytes: 0 })
  expect(Math.min(seen.covered, seen.uncovered)).toBeGreaterThan(500)
})

it('[AUT5] the texts of keys are in the order of the keys, however they are come by', () => {
  const bytes = fc.uint8Array({ maxLength: 4 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [first, second] = [a, b].map((key) => textRange({ key, rangeEnd: b }).start)
      expect(Math.sign(Buffer.compare(a, b))).toBe(
        first === second ? 0 : (first ?? '') < (second ?? '') ? -1 : 1,
      )
      expect(textRangeOf(hex(a), hex(b))).toEqual(textRange({ key: a, rangeEnd: b }))
      expect(textRangeOf(a, b)).toEqual(textRange({ key: a, rangeEnd: b }))
    }),
  )
})

function hex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex').toUpperCase()
}
