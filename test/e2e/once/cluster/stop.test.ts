import { expect, it, vi } from 'vitest'
import { statusOf } from '../../../../src/protocol/status.ts'
import { startBridge } from '../../server.ts'
import type { ClusterNode } from './cluster-node.ts'
import { faultsOf, type Operation } from './history.ts'
import { eventsOf, KeyspaceLoad, makeKeyspaces } from './keyspace-load.ts'
import { ClusterLoad } from './load.ts'
import { expectWhole, withCluster } from './scenario.ts'

/** With that it takes the node longer to let go of the keyspace than others wait before they ask for it. */
const SLOW_MS = 600
const IN_DOUBT = statusOf('timeout-connection-lost').message
const KEYSPACES = ['blue', 'green', 'red', 'white'] as const
const LOAD = { writers: 2, readersOfEach: 0 }

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
  '[CLT11] a node that is long in handing over costs the clients of the others no write, though one asks too early',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      for (const _ of cluster.nodes) {
        const owner = await cluster.owner()
        const [busy, idle] = (await cluster.others()) as [ClusterNode, ClusterNode]
        // A node that has just been started has no link to the keyspace before it is asked.
        const first = new ClusterLoad([idle.url], LOAD)
        await first.written(1)
        await first.stop()
        const lefts = leftsOf(idle)
        const load = new ClusterLoad([busy.url], LOAD)
        await load.written(50)
        owner.ways.bucket.slowMs = SLOW_MS
        owner.ways.bucket.fault = 'slow'
        // It waits for what the busy one has asked for, while the idle one has left and asks again.
        const stopped = owner.stop()
        await vi.waitUntil(() => leftsOf(idle) > lefts, { timeout: 20_000 })
        const late = new ClusterLoad([idle.url], LOAD)
        await stopped
        owner.ways.bucket.fault = 'none'
        await Promise.all([load.written(50), late.written(50)])
        await Promise.all([load.stop(), late.stop()])
        // Those that waited too long for the keyspace were not sent, and their clients may ask again.
        const ends = [...load.operations, ...late.operations].map(({ outcome }) => outcome)
        expect(ends).not.toContainEqual(expect.objectContaining({ message: IN_DOUBT }))
        await owner.start()
      }
    }),
  240_000,
)

it.concurrent(
  '[CLT1] [CLT40] what clients of the others write by HTTP to keyspaces of a node that stops is neither in doubt nor lost',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await makeKeyspaces(cluster.urls[0] ?? '', KEYSPACES)
      const loads: KeyspaceLoad[] = []
      for (const [place, node] of cluster.nodes.entries()) {
        const others = cluster.nodes.filter((one) => one !== node)
        const urls = others.map(({ url }) => url)
        const load = new KeyspaceLoad(`load-${place}`, urls, KEYSPACES)
        loads.push(load)
        await load.written(20)
        await node.stop()
        await load.written(20)
        await load.stop()
        await node.start()
      }
      const operations = loads.flatMap((load) => load.operations)
      expect(operations.map(({ outcome }) => outcome)).not.toContainEqual(
        expect.objectContaining({ message: IN_DOUBT }),
      )
      for (const keyspace of KEYSPACES) {
        const events = await eventsOf(cluster.urls[0] ?? '', keyspace)
        expect(events.filter(({ kv }) => kv.version !== 1)).toEqual([])
        const told = loads.flatMap((load) => load.of(keyspace))
        expect(faultsOf(told, events)).toEqual([])
      }
    }),
  240_000,
)

it.concurrent(
  '[CLT41] [CLU41] what clients of bridges at the others write to a keyspace of a node that stops is not in doubt',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      await makeKeyspaces(cluster.urls[0] ?? '', ['blue'])
      const owner = await cluster.owner('blue')
      const others = cluster.nodes.filter((one) => one !== owner)
      const flags = ['--keyspace=blue']
      const bridges = await Promise.all(
        others.map(({ url }) => startBridge({ upstream: url, flags })),
      )
      try {
        const load = new ClusterLoad(
          bridges.map(({ url }) => url),
          LOAD,
        )
        await load.written(50)
        await owner.stop()
        await load.written(50)
        await load.stop()
        expect(load.operations.map(({ outcome }) => outcome)).not.toContainEqual(
          expect.objectContaining({ message: IN_DOUBT }),
        )
      } finally {
        await Promise.all(bridges.map((bridge) => bridge.stop()))
      }
    }),
  240_000,
)

/** How often the keyspace has gone to another node from where it was asked. */
function leftsOf(node: ClusterNode): number {
  return node.log().split('the keyspace is served from another place').length
}

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
