import { expect, it } from 'vitest'
import { expectWhole, withCluster } from './scenario.ts'

// workerd does not start under libfaketime: what it compares its clock with is moved instead.
for (const seconds of [25, -25]) {
  it(
    `[CLT1] [CLT8] an owner whose clock is ${seconds} s behind the bucket's hands over, and comes back when it is right`,
    (ctx) =>
      withCluster(ctx, async (cluster) => {
        await expectWhole(cluster, async (load) => {
          const owner = await cluster.owner()
          owner.ways.bucket.clockSeconds = seconds
          while ((await cluster.owner()) === owner) {
            await load.written(20)
          }
          await load.written(50)
          owner.ways.bucket.clockSeconds = 0
          await Promise.all(
            (await cluster.others()).filter((node) => node !== owner).map((node) => node.stop()),
          )
          await load.written(50)
          expect(cluster.nodes.filter(({ isUp }) => isUp)).toContain(owner)
        })
      }),
    240_000,
  )
}
