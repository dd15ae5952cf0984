import { expect, it } from 'vitest'
import { expectWhole, withCluster } from './scenario.ts'

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
          const inDoubt = load.operations
            .slice(before)
            .filter(
              ({ kind, url, outcome }) => kind === 'put' && url !== owner.url && 'code' in outcome,
            )
          expect(inDoubt).toEqual([])
          await owner.start()
          await load.written(50)
        }
      })
    }),
  240_000,
)
