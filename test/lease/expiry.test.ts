import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../runs.ts'
import { LeaseHistory, leaseStep } from './lease-history.ts'

describe('expiry with random renewals and evictions', () => {
  it('[LSE27] comes a TTL after the last renewal, at most half a TTL later after an eviction', () => {
    fc.assert(
      fc.property(fc.array(leaseStep, { minLength: 20, maxLength: 150 }), (steps) => {
        const history = new LeaseHistory()
        for (const step of steps) {
          history.take(step)
        }
      }),
      { numRuns: runs(500) },
    )
  })

  it('[LSE15] costs at most two row writes a TTL however often the lease is kept alive', () => {
    const gaps = fc.array(fc.nat(4000), { minLength: 100, maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), gaps, fc.boolean(), (TTL, times, evicted) => {
        const history = new LeaseHistory()
        history.take({ kind: 'grant', id: 1n, TTL })
        for (const gap of times) {
          history.take({ kind: 'pass', ms: Math.min(gap, TTL * 1000 - 1) })
          history.take({ kind: 'keepAlive', id: 1n })
          if (evicted && gap % 3 === 0) {
            history.take({ kind: 'evict' })
          }
        }
        const writes = history.writesOf(1n)
        expect(writes.length).toBeGreaterThan(0)
        expect(mostWithin(TTL * 1000, writes)).toBeLessThanOrEqual(2)
      }),
      { numRuns: runs(100) },
    )
  })
})

/** The most of the times, which ascend, that fall into any span of that many milliseconds. */
function mostWithin(ms: number, times: readonly number[]): number {
  return Math.max(
    ...times.map((first) => times.filter((time) => time >= first && time < first + ms).length),
  )
}
