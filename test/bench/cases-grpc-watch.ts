import { alternate, type BenchCase, withRunning } from './bench-case.ts'
import { runLoad } from './load.ts'

/** As kube-apiserver asks while a consistent read waits. */
const PROGRESS_EVERY_MS = 100
const PROGRESS_WRITES = 500

export const progress: BenchCase = {
  name: 'progress',
  about: `RequestProgress every ${PROGRESS_EVERY_MS} ms over gRPC, under ${PROGRESS_WRITES} puts/s that are watched`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, (running) =>
      alternate(running, rounds, async ({ url }, round) => {
        const prefix = `bench/progress/${round}/`
        const load = { url, prefix, perSecond: PROGRESS_WRITES, seconds }
        const task = { ...load, kind: 'grpc-watch', progressEveryMs: PROGRESS_EVERY_MS } as const
        const { progressP50Ms, progressP99Ms } = await runLoad(task)
        return {
          'RequestProgress under 500 puts/s, p50 ms': progressP50Ms,
          'RequestProgress under 500 puts/s, p99 ms': progressP99Ms,
        }
      }),
    ),
}

const EVENT_WRITES = 2000

export const putToEvent: BenchCase = {
  name: 'put-to-event',
  about: `1 gRPC watcher of ${EVENT_WRITES} puts/s of 256 B`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(contestants, (running) =>
      alternate(running, rounds, async ({ url }, round) => {
        const prefix = `bench/event/${round}/`
        const load = { url, prefix, perSecond: EVENT_WRITES, seconds }
        const task = { ...load, kind: 'grpc-watch', progressEveryMs: Infinity } as const
        const { eventP50Ms, eventP99Ms } = await runLoad(task)
        return {
          'put to event under 2,000 puts/s, p50 ms': eventP50Ms,
          'put to event under 2,000 puts/s, p99 ms': eventP99Ms,
        }
      }),
    ),
}
