import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { families } from '../../src/protocol/metric-families.ts'
import { numberText } from '../../src/protocol/metric-number.ts'

/**
 * All that etcd 3.7.1 shows after every kind of request, but for `go_*`: a line of name, type and help
 * for each family, and below a histogram's the ends of its buckets.
 */
const golden = readFileSync(join(import.meta.dirname, 'etcd-metrics.txt'), 'utf8')

function printed(): string {
  return Object.entries(families)
    .filter(([name]) => !name.startsWith('etcdurable_'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, help, buckets }]) => {
      const ends = buckets === undefined ? '' : `  ${buckets.map(numberText).join(' ')} +Inf\n`
      return `${name} ${type} ${help}\n${ends}`
    })
    .join('')
}

describe('the table of metrics', () => {
  it("[END18] is etcd's, with its types, help texts and buckets", () => {
    expect(printed()).toBe(golden)
  })
})

describe('a number', () => {
  it.each([
    [0, '0'],
    [1, '1'],
    [0.25, '0.25'],
    [20_480, '20480'],
    [999_999, '999999'],
    [1_000_000, '1e+06'],
    [2_147_483_648, '2.147483648e+09'],
    [1_795_972_701.22, '1.79597270122e+09'],
    [2 ** 64, '1.8446744073709552e+19'],
    [0.0001, '0.0001'],
    [0.000_003_675, '3.675e-06'],
    [1.5e-10, '1.5e-10'],
    [-5, '-5'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('[END18] is printed as Go prints it: %d is %s', (value, text) => {
    expect(numberText(value)).toBe(text)
  })
})
