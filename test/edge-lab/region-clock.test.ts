import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RegionClock } from '../../src/edge-lab/region-clock.ts'

test('[LAB10] a clock that nobody has been heard of is ours', () => {
  const clock = new RegionClock()
  expect(clock.ours(1_000)).toBe(1_000)
  expect(clock.errorMs).toBe(0)
})

test('[LAB10] the quickest exchange says how another clock goes', () => {
  const clock = new RegionClock()
  clock.heard({ asked: 1_000, told: 5_090, answered: 1_180 })
  clock.heard({ asked: 2_000, told: 6_040, answered: 2_080 })
  clock.heard({ asked: 3_000, told: 7_200, answered: 3_400 })
  expect(clock.ours(6_040)).toBe(2_040)
  expect(clock.errorMs).toBe(40)
})

test('[LAB10] it is off by no more than it says, however the two ways differ', () => {
  const way = fc.double({ min: 0, max: 400, noNaN: true })
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.array(fc.tuple(way, way), { minLength: 1, maxLength: 40 }),
      (offset, ways) => {
        const clock = new RegionClock()
        for (const [place, [there, back]] of ways.entries()) {
          const asked = place * 500
          clock.heard({ asked, told: asked + there + offset, answered: asked + there + back })
        }
        expect(Math.abs(clock.ours(1e6 + offset) - 1e6)).toBeLessThanOrEqual(clock.errorMs + 1e-3)
      },
    ),
  )
})
