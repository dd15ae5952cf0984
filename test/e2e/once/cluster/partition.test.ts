import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { runs } from '../../../runs.ts'
import { Random } from '../../random.ts'
import type { BucketFault } from './bucket-line.ts'
import type { Cluster } from './cluster.ts'
import { expectWhole, withCluster } from './scenario.ts'

const timeout = 240_000

it.concurrent(
  '[CLT1] [CLT2] [CLT5] [CLT10] an owner that nothing reaches any more steps down before another takes over',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        owner.ways.isolate(true)
        await load.written(50)
        expect(await cluster.owner()).not.toBe(owner)
        owner.ways.isolate(false)
        await load.written(50)
      })
    }),
  timeout,
)

it.concurrent(
  '[CLT1] [CLT5] an owner that has lost the bucket alone steps down before another takes over',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        owner.ways.bucket.fault = 'silent'
        await load.written(50)
        owner.ways.bucket.fault = 'none'
        await load.written(50)
      })
    }),
  timeout,
)

const faults: readonly BucketFault[] = ['none', 'none', 'slow', 'unavailable', 'unheard', 'silent']

/** Something else for each way. */
function partition(cluster: Cluster, random: Random): void {
  for (const { ways } of cluster.nodes) {
    ways.bucket.fault = random.pick(faults)
    ways.peers.isSilent = random.chance(0.3)
  }
}

it.concurrent(
  '[CLT1] [CLT5] whatever ways are broken, no node answers what another one contradicts',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const random = new Random(Number(process.env['E2E_SEED'] ?? 1))
      await expectWhole(cluster, async (load) => {
        for (let round = 0; round < runs(8); round++) {
          partition(cluster, random)
          await sleep(random.integer(500, 15_000))
          cluster.nodes.forEach(({ ways }) => ways.isolate(false))
          await load.written(20)
        }
      })
    }),
  timeout + 60_000 * runs(8),
)
