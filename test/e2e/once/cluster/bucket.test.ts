import { setTimeout as sleep } from 'node:timers/promises'
import { it } from 'vitest'
import { expectWhole, withCluster } from './scenario.ts'

const timeout = 240_000

const LEASE_MS = 20_000
/** As long as a bucket may be away without a change of owner. */
const FAULT_MS = 10_000

for (const [fault, words] of [
  ['slow', 'is slow'],
  ['unavailable', 'answers 503'],
  ['cut', 'loses each PUT half-way'],
  ['unheard', 'does what it is asked for and is not heard'],
] as const) {
  it.concurrent(
    `[CLT1] [CLT4] a bucket that ${words} for 10 s loses nothing`,
    (ctx) =>
      withCluster(ctx, async (cluster) => {
        await expectWhole(cluster, async (load) => {
          cluster.nodes.forEach((node) => (node.ways.bucket.fault = fault))
          await sleep(FAULT_MS)
          cluster.nodes.forEach((node) => (node.ways.bucket.fault = 'none'))
          await load.written(50)
        })
      }),
    timeout,
  )
}

it.concurrent(
  '[CLT1] [CLT4] a bucket that is away for longer than a lease stops all nodes, which serve again when it is back',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        cluster.nodes.forEach((node) => (node.ways.bucket.fault = 'unavailable'))
        await sleep(LEASE_MS + FAULT_MS)
        cluster.nodes.forEach((node) => (node.ways.bucket.fault = 'none'))
        await load.written(50)
      })
    }),
  timeout,
)
