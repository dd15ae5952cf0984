import { expect, test } from 'vitest'
import { regions } from '../../src/config/region.ts'
import { isRegion, measuredRoundTrips, readRoundTrips } from '../../src/lab/places.ts'

test('[LAB1] each two regions have one round trip, and one has none to itself', () => {
  for (const a of regions) {
    for (const b of regions) {
      const ms = measuredRoundTrips(a, b)
      expect(measuredRoundTrips(b, a)).toBe(ms)
      expect(ms > 0, `${a}-${b}`).toBe(a !== b)
    }
  }
  expect(measuredRoundTrips('weur', 'enam')).toBe(89)
  expect(measuredRoundTrips('oc', 'afr')).toBe(347)
  expect(measuredRoundTrips('me', 'afr')).toBe(104)
})

test('[LAB1] what --rtt says replaces what was measured', () => {
  const read = readRoundTrips('weur-apac=250, enam-oc=0.5\n# a line\nafr-me=0')
  if (typeof read === 'string') {
    throw new Error(read)
  }
  expect([read('apac', 'weur'), read('enam', 'oc'), read('me', 'afr')]).toEqual([250, 0.5, 0])
  expect(read('weur', 'enam')).toBe(measuredRoundTrips('weur', 'enam'))
})

test.each(['weur', 'weur-mars=1', 'weur-weur=1', 'weur-enam=-1', 'weur-enam=x', 'weur-enam=60001'])(
  '[LAB1] %s is refused',
  (text) => {
    expect(readRoundTrips(text)).toContain(text)
  },
)

test('[LAB1] a region is one of the nine', () => {
  expect([isRegion('weur'), isRegion('home'), isRegion('')]).toEqual([true, false, false])
})
