import { expect, it } from 'vitest'
import { PingPolicy } from '../../src/grpc/ping-policy.ts'

const minTimeMs = 5_000

/** Pings every so often until one is too many: how many there were, at most 100. */
function pings(everyMs: number, hasCalls: boolean, onPing?: (policy: PingPolicy) => void): number {
  const policy = new PingPolicy(minTimeMs)
  for (let count = 1; count <= 100; count++) {
    if (policy.isTooMany(count * everyMs, hasCalls)) {
      return count
    }
    onPing?.(policy)
  }
  return 100
}

it('[GRC20] takes the fourth hasty ping of a client with calls for one too many', () => {
  expect(pings(4_999, true)).toBe(4)
  expect(pings(0, true)).toBe(4)
})

it('[GRC20] takes pings that keep the distance for ever', () => {
  expect(pings(5_000, true)).toBe(100)
})

it('[GRC20] takes the fourth ping of a client without a call for one too many', () => {
  expect(pings(60_000, false)).toBe(4)
  expect(pings(2 * 60 * 60 * 1000, false)).toBe(100)
})

it('[GRC20] takes any ping after something went out', () => {
  expect(pings(2_000, true, (policy) => policy.wrote())).toBe(100)
})

it('[GRC20] forgets earlier haste once something went out', () => {
  let sent = 0
  expect(pings(2_000, true, (policy) => ++sent % 3 === 0 && policy.wrote())).toBe(100)
})
