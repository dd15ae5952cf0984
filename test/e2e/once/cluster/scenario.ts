// A cluster under load while something happens to it, and what is to hold afterwards.
import { expect, type TestContext } from 'vitest'
import { versityGwMissing } from '../../../oracle/versitygw.ts'
import { violations } from '../../../watch-guarantees.ts'
import { Cluster } from './cluster.ts'
import { faultsOf } from './history.ts'
import { ClusterLoad, type LoadOptions } from './load.ts'
import { LockHolders, overlapsOf } from './locks.ts'
import { Watcher } from './watcher.ts'
import type { Ways } from './ways.ts'

/** Puts that are acknowledged before anything happens, and after it. */
const STEADY_PUTS = 100

/** Three nodes on loopback, or a word why the test is skipped. */
export async function withCluster(
  ctx: TestContext,
  use: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await Cluster.onLoopback()
  if (cluster === undefined) {
    return ctx.skip(versityGwMissing)
  }
  await whileUp(cluster, () => use(cluster))
}

/** Stops the cluster in the end. */
export async function whileUp(cluster: Cluster<Ways>, use: () => Promise<void>): Promise<void> {
  try {
    await use()
  } catch (error) {
    cluster.nodes.forEach(({ name, log }) =>
      process.stderr.write(`${name}:\n${log().slice(-2000)}\n`),
    )
    throw error
  } finally {
    await cluster.stop()
  }
}

/**
 * What `happens` happens under load. Then nothing that was acknowledged is lost, nothing was applied
 * twice, the history is linearizable, and each watch heard of everything once and in order.
 */
export async function expectWhole(
  cluster: Cluster<Ways>,
  happens: (load: ClusterLoad) => Promise<void>,
  options: LoadOptions = { writers: 4, readersOfEach: 1 },
): Promise<ClusterLoad> {
  const watchers = cluster.urls.map((_, place) => new Watcher(cluster.urls, place))
  const load = new ClusterLoad(cluster.urls, options)
  try {
    await load.written(STEADY_PUTS)
    await happens(load)
    await load.written(STEADY_PUTS)
  } finally {
    await load.stop()
  }
  const last = Math.max(
    ...load.operations.map(({ outcome }) => ('revision' in outcome ? outcome.revision : 0)),
  )
  const log = new Watcher(cluster.urls, 0)
  // It begins behind all of them.
  const whole = await log.upTo(last)
  expect(whole.responses.length).toBeGreaterThan(0)
  const { events } = log
  expect(faultsOf(load.operations, events)).toEqual([])
  for (const watcher of watchers) {
    const record = await watcher.upTo(last)
    expect(violations(record, { events, compactRevision: -1 })).toEqual([])
  }
  return load
}

/** So many clients want the same lock while something happens, and no two have it at once. */
export async function expectLocked(
  { urls }: Cluster<Ways>,
  holders: number,
  happens: (locks: LockHolders) => Promise<unknown>,
): Promise<void> {
  const locks = new LockHolders(urls, holders)
  try {
    await happens(locks)
  } finally {
    await locks.stop()
  }
  expect(locks.holds.length).toBeGreaterThan(0)
  expect(overlapsOf(locks.holds)).toEqual([])
}
