import { alternate, type BenchCase, withRunning } from './bench-case.ts'
import { fill } from './fill.ts'
import { keyAt, prefixEnd } from './keys.ts'
import { runLoad } from './load.ts'
import { rangeJson } from './messages.ts'

const LISTED_KEYS = 10_000
const LISTED_BYTES = 1000

export const list: BenchCase = {
  name: 'list',
  about: `JSON range of a prefix with ${LISTED_KEYS} keys of ${LISTED_BYTES} B, 1 client`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, async (running) => {
      const prefix = 'bench/list/'
      for (const { url } of running) {
        await fill(url, { prefix, keys: LISTED_KEYS, valueBytes: LISTED_BYTES, times: 1 })
      }
      const body = rangeJson(prefix, prefixEnd(prefix))
      return alternate(running, rounds, async ({ url }) => {
        const ms = await rangeMs(url, [body], `"count":"${LISTED_KEYS}"`, seconds)
        return {
          'JSON list of 10k keys, ms': ms,
          'JSON list of 10k keys, keys per s': (LISTED_KEYS / ms) * 1000,
        }
      })
    }),
}

const VALUE_BYTES = 256
const PAGE_KEYS = 1000
const SMALL = { keys: 10_000, times: 1 }
const LARGE = { keys: 1_000_000, times: 2 }
const PAGED = 'bench/page/'

export const page: BenchCase = {
  name: 'page',
  about: `${PAGE_KEYS} keys of a prefix: ${SMALL.keys} keys without history, and ${LARGE.keys} keys with as many old revisions`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(
      contestants.flatMap((contestant) => [contestant, contestant]),
      async (running) => {
        const pairs = contestants.map((_, place) => ({
          small: running[2 * place]?.url ?? '',
          large: running[2 * place + 1]?.url ?? '',
        }))
        for (const { small, large } of pairs) {
          await fill(small, { prefix: PAGED, valueBytes: VALUE_BYTES, ...SMALL })
          await fill(large, { prefix: PAGED, valueBytes: VALUE_BYTES, ...LARGE })
        }
        return alternate(pairs, rounds, async ({ small, large }) => {
          const limited = {
            small: await rangeMs(small, limitedPages(SMALL.keys), '"more":true', seconds),
            large: await rangeMs(large, limitedPages(LARGE.keys), '"more":true', seconds),
          }
          const whole = {
            small: await rangeMs(small, wholePages(SMALL.keys), '"count":"1000"', seconds),
            large: await rangeMs(large, wholePages(LARGE.keys), '"count":"1000"', seconds),
          }
          return {
            'page by limit, 10k keys, ms': limited.small,
            'page by limit, 1M keys and 1M old revisions, ms': limited.large,
            'page by limit, growth': limited.large / limited.small,
            'prefix of a page, 10k keys, ms': whole.small,
            'prefix of a page, 1M keys and 1M old revisions, ms': whole.large,
            'prefix of a page, growth': whole.large / whole.small,
          }
        })
      },
    ),
}

/** Pages of a list that goes on to the end of all keys, as a client asks that continues it. */
function limitedPages(keys: number): readonly string[] {
  return pageStarts(keys)
    .slice(0, -1)
    .map((first) => rangeJson(keyAt(PAGED, first), prefixEnd(PAGED), PAGE_KEYS))
}

/** Prefixes that hold no more than a page. */
function wholePages(keys: number): readonly string[] {
  return pageStarts(keys).map((first) => {
    const prefix = keyAt(PAGED, first).slice(0, -3)
    return rangeJson(prefix, prefixEnd(prefix))
  })
}

function pageStarts(keys: number): readonly number[] {
  return Array.from({ length: keys / PAGE_KEYS }, (_, place) => place * PAGE_KEYS)
}

/** Median time of an answer, for one client. */
async function rangeMs(
  url: string,
  bodies: readonly string[],
  expect: string,
  seconds: number,
): Promise<number> {
  const requests = { kind: 'same', path: '/v3/kv/range', bodies, expect } as const
  const result = await runLoad({ kind: 'unary', url, clients: 1, seconds, requests })
  return result.p50Ms
}
