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

const timeout = 600_000

/** Clients that are away go on at the same connection, or give it up. */
const AWAY_MS = [5_000, 20_000]

it.concurrent(
  '[CLT1] [CLT20] [CLT22] nodes that are cut from one another keep their owner, and clients that are cut from nodes go on at others',
  (ctx) =>
    withNetwork(ctx, async ({ cluster, network }) => {
      await expectWhole(cluster, async (load) => {
        const whileCut = async (
          ways: (owner: Node, others: readonly [Node, Node]) => readonly Way[],
          happens: (owner: Node, others: readonly [Node, Node]) => Promise<unknown>,
        ): Promise<void> => {
          const owner = await cluster.owner()
          const others = (await cluster.others()) as [Node, Node]
          await network.cut(ways(owner, others))
          await happens(owner, others)
          await network.cut([])
          await Promise.all(cluster.urls.map((url) => load.answered(url, 10)))
          // A machine that is too busy loses its lease by itself.
          const isLapsed = owner.log().includes('the lease lapsed')
          expect(isLapsed || (await cluster.owner()) === owner).toBe(true)
        }

        await whileCut(
          (owner, [far]) => bothWays(machineOf(owner), [machineOf(far)]),
          (owner, [far, near]) =>
            Promise.all([
              load.answered(owner.url, 50),
              load.answered(near.url, 50),
              load.ended(far.url, 1),
            ]),
        )
        await whileCut(
          (owner, others) => bothWays(machineOf(owner), others.map(machineOf)),
          (owner, others) =>
            Promise.all([
              load.answered(owner.url, 50),
              ...others.map(({ url }) => load.ended(url, 1)),
            ]),
        )
        await whileCut(
          (owner) => bothWays(machineOf(owner), [network.clients]),
          (owner) => Promise.all([load.written(50), load.ended(owner.url, 1)]),
        )
        for (const away of AWAY_MS) {
          await whileCut(
            () => bothWays(network.clients, cluster.nodes.map(machineOf)),
            () => sleep(away),
          )
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
            await network.cut(partition(networked, random))
            await sleep(random.integer(500, 30_000))
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

/** One machine off the network, or something else for each pair of machines and both directions. */
function partition({ cluster, network, bucket }: Networked, random: Random): readonly Way[] {
  const { clients } = network
  const nodes = cluster.nodes.map(machineOf)
  if (random.chance(0.25)) {
    const off = random.pick([...nodes, bucket])
    return bothWays(
      off,
      [clients, bucket, ...nodes].filter((machine) => machine !== off),
    )
  }
  const kinds = [
    nodes.flatMap((node, place) => nodes.slice(place + 1).map((other) => ({ node, other }))),
    nodes.map((node) => ({ node, other: bucket })),
    nodes.map((node) => ({ node, other: clients })),
  ]
  return kinds.flatMap((pairs) => {
    const chance = random.pick([0, 0.3, 0.6])
    return pairs
      .filter(() => random.chance(chance))
      .flatMap(({ node, other }) => {
        const [there = [], back = []] = bothWays(node, [other]).map((way) => [way])
        return random.pick([[...there, ...back], [...there, ...back], there, back])
      })
  })
}
