import { access, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectWhole, withCluster } from './scenario.ts'

/** Where Debian's package has it. */
const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`

async function isInstalled(): Promise<boolean> {
  try {
    await access(FAKETIME)
    return true
  } catch {
    return false
  }
}

for (const [offset, words] of [
  ['+25', 'fast'],
  ['-25', 'slow'],
] as const) {
  it.concurrent(`[CLT1] [CLT8] a node whose clock is suddenly 25 s ${words} leaves the others alone, and comes back when it is right`, async (ctx) => {
    if (!(await isInstalled())) {
      return ctx.skip('no libfaketime')
    }
    await withCluster(ctx, async (cluster) => {
      const file = join(tmpdir(), `etcdurable-clock-${process.pid}-${words}`)
      await writeFile(file, '+0')
      const owner = await cluster.owner()
      await owner.stop()
      await owner.start({
        LD_PRELOAD: FAKETIME,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      })
      await expectWhole(cluster, async (load) => {
        // The keyspace goes where the clock is to fail.
        await Promise.all((await cluster.others()).map((node) => node.stop()))
        await load.written(50)
        expect(await cluster.owner()).toBe(owner)
        await Promise.all(cluster.nodes.filter(({ isUp }) => !isUp).map((node) => node.start()))
        await writeFile(file, offset)
        while ((await cluster.owner()) === owner) {
          await load.written(20)
        }
        await load.written(50)
        await writeFile(file, '+0')
        await load.written(50)
      })
    })
  }, 300_000)
}
