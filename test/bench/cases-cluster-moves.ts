// How long nobody writes while a cluster's keyspace goes to another node, and what comes of it.
import { statusOf } from '../../src/protocol/status.ts'
import type { ClusterNode } from '../e2e/once/cluster/cluster-node.ts'
import { Cluster } from '../e2e/once/cluster/cluster.ts'
import { faultsOf } from '../e2e/once/cluster/history.ts'
import { ClusterLoad } from '../e2e/once/cluster/load.ts'
import { Watcher } from '../e2e/once/cluster/watcher.ts'
import { violations } from '../watch-guarantees.ts'
import type { BenchCase, Row } from './bench-case.ts'

const WRITERS = 16
/** Puts that are acknowledged before each move, and after it. */
const STEADY_PUTS = 50
const FAULTS_SHOWN = 10
const IN_DOUBT = statusOf('timeout-connection-lost').message

export const clusterKill: BenchCase = {
  name: 'cluster-kill',
  about: `SIGKILL of the owner under load, a round each: how long no put is answered, and what is lost (--rounds 20)`,
  run: ({ rounds }) => campaign('SIGKILL', rounds, (owner) => owner.kill9()),
}

export const clusterStop: BenchCase = {
  name: 'cluster-stop',
  about: `SIGTERM of the owner under load, a round each: how long no put is answered, and whose end in an error`,
  run: ({ rounds }) => campaign('SIGTERM', rounds, (owner) => owner.stop()),
}

async function campaign(
  signal: string,
  rounds: number,
  end: (owner: ClusterNode) => Promise<void>,
): Promise<readonly Row[]> {
  const nodes = await Cluster.onLoopback()
  if (nodes === undefined) {
    throw new Error('a cluster of ours needs versitygw, from $VERSITYGW_BINARY or PATH')
  }
  const watchers = nodes.urls.map((_, place) => new Watcher(nodes.urls, place))
  const load = new ClusterLoad(nodes.urls, { writers: WRITERS, readersOfEach: 1 })
  try {
    await load.written(STEADY_PUTS)
    const gaps: number[] = []
    for (let round = 1; round <= rounds; round++) {
      const gap = await gapWhile(nodes, load, end)
      gaps.push(gap)
      console.error(`${signal} ${round} of ${rounds}: no put was answered for ${gap.toFixed(2)} s`)
    }
    await load.stop()
    const faults = await faultsIn(nodes, load, watchers)
    return [
      { name: `${signal}, no put is answered, s`, rounds: [gaps] },
      ...Object.entries({
        [`${signal}, the longest of these, s`]: Math.max(...gaps),
        ...ends(load),
        'faults in the history': faults,
      }).map(([name, value]) => ({ name, rounds: [[value]] })),
    ]
  } finally {
    await load.stop()
    await nodes.stop()
  }
}

/** In seconds. */
async function gapWhile(
  nodes: Cluster,
  load: ClusterLoad,
  end: (owner: ClusterNode) => Promise<void>,
): Promise<number> {
  const owner = await nodes.owner()
  const then = performance.now()
  await end(owner)
  await load.written(STEADY_PUTS)
  const gap = load.longestGapSince(then) / 1000
  await owner.start()
  await load.written(STEADY_PUTS)
  return gap
}

/** How puts have ended. Those that were refused and are not in doubt were not done: clients ask again. */
function ends({ operations }: ClusterLoad): Readonly<Record<string, number>> {
  const puts = operations.filter(({ kind }) => kind === 'put').map(({ outcome }) => outcome)
  const refused = puts.flatMap((outcome) => ('message' in outcome ? [outcome.message] : []))
  const inDoubt = refused.filter((message) => message === IN_DOUBT)
  return {
    'puts acknowledged': puts.length - refused.length,
    'puts refused': refused.length,
    'of them in doubt': inDoubt.length,
  }
}

/** What was acknowledged and is lost, done twice or untrue, and what watches have missed. */
async function faultsIn(
  { urls }: Cluster,
  { operations }: ClusterLoad,
  watchers: readonly Watcher[],
): Promise<number> {
  const revisions = operations.map(({ outcome }) => ('revision' in outcome ? outcome.revision : 0))
  const last = Math.max(...revisions)
  const log = new Watcher(urls, 0)
  // It begins behind all of them.
  await log.upTo(last)
  const { events } = log
  const faults = faultsOf(operations, events)
  for (const watcher of watchers) {
    const missed = violations(await watcher.upTo(last), { events, compactRevision: -1 })
    faults.push(...missed.map(({ guarantee, detail }) => `a watch is not ${guarantee}: ${detail}`))
  }
  if (faults.length > 0) {
    console.error(faults.slice(0, FAULTS_SHOWN).join('\n'))
    process.exitCode = 1
  }
  return faults.length
}
