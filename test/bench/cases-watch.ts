import { alternate, type BenchCase, type Row, withRunning } from './bench-case.ts'
import { fill } from './fill.ts'
import { openIdleWatches } from './idle-watches.ts'
import { keyAt } from './keys.ts'
import { runLoad } from './load.ts'
import { putJson, valueOf } from './messages.ts'

const WATCHERS = [100, 1000]

export const fanOut = fanOutCase('fan-out', 'json', 'HTTP streams')
export const grpcFanOut = fanOutCase('grpc-fan-out', 'grpc', 'gRPC streams on 1 or 10 connections')

function fanOutCase(name: string, by: 'json' | 'grpc', streams: string): BenchCase {
  return {
    name,
    about: `1 writer, ${WATCHERS.join(' or ')} ${streams} that watch its prefix`,
    run: ({ contestants, seconds, rounds }) =>
      withRunning(contestants, async (running) => {
        const rows: Row[] = []
        for (const watchers of WATCHERS) {
          const measured = await alternate(running, rounds, async ({ url }) => {
            const load = { kind: 'fan-out', url, by, prefix: 'bench/fan-out/' } as const
            const result = await runLoad({ ...load, watchers, seconds })
            return {
              [`${name} to ${watchers}, events per s`]: result.eventsPerSecond,
              [`${name} to ${watchers}, put to event, p50 ms`]: result.p50Ms,
              [`${name} to ${watchers}, put to event, p99 ms`]: result.p99Ms,
            }
          })
          rows.push(...measured)
        }
        return rows
      }),
  }
}

const SOCKETS = 100
const WATCHES_PER_SOCKET = 100
const PUT = 'bench/put/'
const PUT_KEYS = 10_000

export const idleWatchers: BenchCase = {
  name: 'idle-watchers',
  about: `JSON put, 32 clients, with ${SOCKETS * WATCHES_PER_SOCKET} watchers on other ranges`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, async (running) => {
      for (const { url } of running) {
        await fill(url, { prefix: PUT, keys: PUT_KEYS, valueBytes: 256, times: 1 })
      }
      return alternate(running, rounds, async ({ url }) => {
        const alone = await putsPerSecond(url, seconds)
        const watches = await openIdleWatches(url, otherPrefixes())
        const watched = await Promise.race([putsPerSecond(url, seconds), watches.disturbed])
        watches.close()
        return {
          'put, no watchers, per s': alone,
          'put, 10k watchers on other ranges, per s': watched,
          'put, 10k watchers to none': watched / alone,
        }
      })
    }),
}

/** A prefix of its own for each watch, all of them between the keys that are put. */
function otherPrefixes(): string[][] {
  return Array.from({ length: SOCKETS }, (_, socket) =>
    Array.from(
      { length: WATCHES_PER_SOCKET },
      (_watch, watch) => `${keyAt(PUT, socket * WATCHES_PER_SOCKET + watch)}/`,
    ),
  )
}

async function putsPerSecond(url: string, seconds: number): Promise<number> {
  const value = valueOf(256)
  const bodies = Array.from({ length: PUT_KEYS }, (_, i) =>
    putJson(keyAt(PUT, (i * 7919) % PUT_KEYS), value),
  )
  const requests = { kind: 'same', path: '/v3/kv/put', bodies, expect: '"revision":' } as const
  const result = await runLoad({ kind: 'unary', url, clients: 32, seconds, requests })
  return result.perSecond
}
