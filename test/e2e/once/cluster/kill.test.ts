import { expect, it } from 'vitest'
import { runs } from '../../../runs.ts'
import { expectLocked, expectWhole, withCluster } from './scenario.ts'

const timeout = 240_000

it.concurrent(
  '[CLT1] [CLT2] SIGKILL of the owner under load loses nothing, and another node goes on',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        for (let kill = 0; kill < runs(4); kill++) {
          const owner = await cluster.owner()
          await owner.kill9()
          await load.written(50)
          expect(await cluster.owner()).not.toBe(owner)
          await owner.start()
          await load.written(50)
        }
      })
    }),
  timeout * runs(4),
)

it.concurrent(
  '[CLT1] [CLT2] SIGKILL of the workerd of the owner, and of a node that owns nothing, loses nothing',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        const [other] = await cluster.others()
        await other?.kill9()
        await load.written(50)
        expect(await cluster.owner()).toBe(owner)
        await other?.start()
        owner.killWorkerd()
        await load.written(50)
      })
    }),
  timeout,
)

it.concurrent(
  '[CLT7] a lock is held by one, and a lease does not end early, whatever becomes of the owner',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectLocked(cluster, 6, (locks) =>
        expectWhole(cluster, async (load) => {
          await locks.grip()
          const owner = await cluster.owner()
          await owner.kill9()
          await load.written(50)
          await owner.start()
          // Whoever kept it lets go when its lease has ended.
          const before = locks.holds.length
          while (locks.holds.length < before + 10) {
            await load.written(10)
          }
        }),
      )
    }),
  timeout,
)
