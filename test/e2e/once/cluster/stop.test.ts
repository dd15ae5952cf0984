import { expect, it } from 'vitest'
import type { Operation } from './history.ts'
import type { ClusterLoad } from './load.ts'
import type { ClusterNode } from './nodes.ts'
import { expectWhole, withCluster } from './scenario.ts'

/** With that it takes the node longer to let go of the keyspace than others wait before they ask for it. */
const SLOW_MS = 600

it.concurrent(
  '[CLT1] [CLT3] a node that is told to stop hands its keyspaces over, and all three restart one after the other',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        for (const _ of cluster.nodes) {
          const owner = await cluster.owner()
          const before = load.operations.length
          await owner.stop()
          await load.written(50)
          expect(await cluster.owner()).not.toBe(owner)
          // Clients of the other nodes wait, and none of their writes is in doubt.
          expect(inDoubtSince(load, before, owner)).toEqual([])
          await owner.start()
          await load.written(50)
        }
      })
    }),
  240_000,
)

it.concurrent(
  '[CLT11] a node that is long in handing over costs the clients of the others no write, though they ask too early',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        for (const _ of cluster.nodes) {
          const owner = await cluster.owner()
          const before = load.operations.length
          owner.bucket.slowMs = SLOW_MS
          owner.bucket.fault = 'slow'
          await owner.stop()
          owner.bucket.fault = 'none'
          await load.written(50)
          expect(inDoubtSince(load, before, owner)).toEqual([])
          await owner.start()
          await load.written(50)
        }
      })
    }),
  240_000,
)

/** Puts of the clients of other nodes that ended without an answer. */
function inDoubtSince(
  { operations }: ClusterLoad,
  before: number,
  stopped: ClusterNode,
): readonly Operation[] {
  return operations
    .slice(before)
    .filter(({ kind, url, outcome }) => kind === 'put' && url !== stopped.url && 'code' in outcome)
}
