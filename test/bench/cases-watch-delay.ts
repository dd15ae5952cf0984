import { setTimeout as sleep } from 'node:timers/promises'
import { alternate, type BenchCase, withRunning } from './bench-case.ts'
import { fill } from './fill.ts'
import { runLoad } from './load.ts'

const PREFIX = 'bench/whole/'
const KEYS = 5000
const VALUE_BYTES = 1000
const READERS = 10
const WRITES = 100

export const watchDelay: BenchCase = {
  name: 'watch-delay',
  about: `1 gRPC watcher of ${WRITES} puts/s while ${READERS} clients read 5 MB whole, again and again`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, async (running) => {
      for (const { url } of running) {
        await fill(url, { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 })
      }
      return alternate(running, rounds, async ({ url }, round) => {
        const readers = { url, prefix: PREFIX, clients: READERS, seconds: seconds + 1 }
        const reading = runLoad({ kind: 'whole-readers', ...readers })
        await sleep(500)
        const watch = { url, prefix: `bench/delay/${round}/`, perSecond: WRITES, seconds }
        const task = { ...watch, kind: 'grpc-watch', progressEveryMs: Infinity } as const
        const { eventP50Ms, eventP99Ms } = await runLoad(task)
        const { bytes, seconds: readFor } = await reading
        return {
          'put to event beside 10 readers of 5 MB, p50 ms': eventP50Ms,
          'put to event beside 10 readers of 5 MB, p99 ms': eventP99Ms,
          '10 readers of 5 MB, MB/s': bytes / 1e6 / readFor,
        }
      })
    }),
}
