import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { runs } from '../../../runs.ts'
import { Random } from '../../random.ts'
import type { ClusterNode } from './cluster-node.ts'
import { type Networked, withNetwork } from './network-scenario.ts'
import type { NetworkWays } from './network-ways.ts'
import { bothWays, type Machine, type Way } from './network.ts'
import { expectLocked, expectWhole } from './scenario.ts'

type Node = ClusterNode<NetworkWays>

const timeout = 360_000

/** Of a random partition: another node takes over while it lasts, or none. */
const SHORT_MS: [number, number] = [500, 10_000]
const LONG_MS: [number, number] = [20_000, 30_000]

/** Clients that are away go on at the same connection, or give it up. */
const AWAY_MS = [5_000, 20_000]

it.concurrent(
  '[CLT1] [CLT20] [CLT22] nodes that are cut from one another keep their owner, and clients that are cut from nodes go on at others',
  (ctx) =>
    withNetwork(ctx, async ({ cluster, network }) => {
      await expectWhole(cluster, async (load) => {
        const owner = await cluster.owner()
        const others = await cluster.others()
        const [far, near] = others as [Node, Node]
        const healed = async (): Promise<void> => {
          await network.cut([])
          await Promise.all(cluster.urls.map((url) => load.answered(url, 10)))
          expect(await cluster.owner()).toBe(owner)
        }

        await network.cut(bothWays(machineOf(owner), [machineOf(far)]))
        await Promise.all([
          load.answered(owner.url, 50),
          load.answered(near.url, 50),
          load.ended(far.url, 1),
        ])
        await healed()

        await network.cut(bothWays(machineOf(owner), others.map(machineOf)))
        await Promise.all([
          load.answered(owner.url, 50),
          ...others.map(({ url }) => load.ended(url, 1)),
        ])
        await healed()

        await network.cut(bothWays(machineOf(owner), [network.clients]))
        await Promise.all([load.written(50), load.ended(owner.url, 1)])
        await healed()

        for (const away of AWAY_MS) {
          await network.cut(bothWays(network.clients, cluster.nodes.map(machineOf)))
          await sleep(away)
          await healed()
        }
      })
    }),
  timeout,
)

it.concurrent(
  '[CLT1] [CLT2] [CLT7] [CLT21] an owner that is cut from the bucket, or from everything, answers nothing that another one contradicts',
  (ctx) =>
    withNetwork(ctx, async ({ cluster, network, bucket }) => {
      await expectLocked(cluster, 4, () =>
        expectWhole(cluster, async (load) => {
          for (const isOff of [false, true]) {
            const owner = await cluster.owner()
            const rest = [network.clients, ...(await cluster.others()).map(machineOf)]
            await network.cut(bothWays(machineOf(owner), [bucket, ...(isOff ? rest : [])]))
            await load.written(50)
            expect(await cluster.owner()).not.toBe(owner)
            await network.cut([])
            await Promise.all(cluster.urls.map((url) => load.answered(url, 10)))
          }
        }),
      )
    }),
  timeout,
)

it.concurrent(
  '[CLT1] [CLT7] [CLT23] whatever ways of a network are cut, no node answers what another one contradicts',
  (ctx) =>
    withNetwork(ctx, async (networked) => {
      const { cluster, network } = networked
      const random = new Random(Number(process.env['E2E_SEED'] ?? 1))
      await expectLocked(cluster, 4, () =>
        expectWhole(cluster, async (load) => {
          for (let round = 0; round < runs(4); round++) {
            await network.cut(await partition(networked, random))
            await sleep(random.integer(...random.pick([SHORT_MS, LONG_MS])))
            await network.cut([])
            await load.written(20)
          }
        }),
      )
    }),
  timeout + 90_000 * runs(4),
)

function machineOf({ ways }: Node): Machine {
  return ways.place
}

/** Something else for each pair of machines and both directions, or one machine off the network. */
async function partition(networked: Networked, random: Random): Promise<readonly Way[]> {
  const ways = random.chance(0.5) ? pairsCut(networked, random) : []
  return ways.length > 0 ? ways : oneOff(networked, random)
}

function pairsCut({ cluster, network, bucket }: Networked, random: Random): readonly Way[] {
  const nodes = cluster.nodes.map(machineOf)
  const kinds = [
    nodes.flatMap((node, place) => nodes.slice(place + 1).map((other) => bothWays(node, [other]))),
    nodes.map((node) => bothWays(node, [bucket])),
    nodes.map((node) => bothWays(node, [network.clients])),
  ]
  return kinds.flatMap((pairs) => {
    const chance = random.pick([0, 0.3, 0.6])
    return pairs
      .filter(() => random.chance(chance))
      .flatMap((ways) => random.pick([ways, ways, ways.slice(1), ways.slice(0, 1)]))
  })
}

/** The owner is the one that matters most. */
async function oneOff(networked: Networked, random: Random): Promise<readonly Way[]> {
  const { cluster, network, bucket } = networked
  const owner = machineOf(await cluster.owner())
  const nodes = cluster.nodes.map(machineOf)
  const off = random.pick([owner, ...nodes, bucket])
  return bothWays(
    off,
    [network.clients, bucket, ...nodes].filter((machine) => machine !== off),
  )
}
