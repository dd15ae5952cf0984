import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { runs } from '../../../runs.ts'
import { expectWhole, withCluster } from './scenario.ts'

const timeout = 240_000

/** Longer than a lease of 20 s, and shorter. */
const LONG_MS = runs(4) > 1 ? 60_000 : 25_000
const SHORT_MS = 5_000

it.concurrent(
  '[CLT1] [CLT2] [CLT6] [CLT10] an owner that slept until another had taken over answers nothing that is not true',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        owner.freeze()
        await Promise.all([load.written(50), sleep(LONG_MS)])
        expect(await cluster.owner()).not.toBe(owner)
        owner.thaw()
        await load.written(50)
      })
    }),
  timeout,
)

it.concurrent(
  '[CLT1] [CLT6] an owner that slept for less than its lease goes on',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        owner.freeze()
        await sleep(SHORT_MS)
        owner.thaw()
        await load.written(50)
      })
    }),
  timeout,
)
