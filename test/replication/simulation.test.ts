import { expect, it } from 'vitest'
import { seeds } from '../runs.ts'
import { type Faults, NO_FAULTS } from './faulty-store.ts'
import { LAG_MS, ReplicatedShard } from './replicated-shard.ts'
import { checkArchive, checkWholeArchive, World } from './world.ts'

it.each(seeds(16))(
  '[REP1] a store without faults is never behind by more than the lag: seed %d',
  async (seed) => {
    const world = new World(seed)
    const written = new Map<number, number>()
    for (let step = 0; step < 300; step++) {
      world.act()
      written.set(world.shard.keyspace.store.revision, world.clock.now())
      await world.clock.pass(world.below(1000))
      const read = checkArchive(world)
      const [, oldest = world.clock.now()] =
        [...written].find(([revision]) => revision > (read?.to ?? 0)) ?? []
      // The first time, an epoch, a full and a manifest come before.
      const allowed = LAG_MS + (read === undefined ? 1000 : 0)
      expect(world.clock.now() - oldest).toBeLessThanOrEqual(allowed)
    }
    await checkWholeArchive(world)
  },
)

const faulty: Faults = { fails: 10, loses: 10, forgets: 3, stale: 30, stalls: 2 }

it.each(seeds(40))(
  '[REP2] whatever the store does, nothing is missing within what can be read: seed %d',
  async (seed) => {
    const world = new World(seed)
    world.objects.faults = faulty
    for (let step = 0; step < 300; step++) {
      world.act()
      if (world.below(40) === 0) {
        world.shard.restart()
      }
      world.objects.isAway = world.objects.isAway ? world.below(10) > 0 : world.below(100) === 0
      await world.clock.pass(world.below(world.below(10) === 0 ? 60_000 : 2000))
      if (step % 10 === 0) {
        checkArchive(world)
      }
    }
    world.objects.faults = NO_FAULTS
    world.objects.isAway = false
    await checkWholeArchive(world)
  },
)

it.each(seeds(16))('[REP3] killed at any step, it goes on where it was: seed %d', async (seed) => {
  const world = new World(seed)
  for (let step = 0; step < 200; step++) {
    world.act()
    await world.clock.pass(world.below(3000))
    if (world.below(5) === 0) {
      // Amid whatever it does just now.
      world.shard.restart()
      await world.clock.pass(world.below(60))
      checkArchive(world)
    }
  }
  await checkWholeArchive(world)
})

it.each(seeds(16))(
  '[REP4] of two copies of a shard one goes on, and the other is deposed and says so: seed %d',
  async (seed) => {
    const world = new World(seed)
    for (let step = 0; step < 30; step++) {
      world.act()
      await world.clock.pass(world.below(2000))
    }
    const one = world.shard
    const other = new ReplicatedShard(world.clock, world.objects, one)
    other.replication.schedule()
    for (let step = 0; step < 300; step++) {
      world.act(one)
      world.act(other)
      await world.clock.pass(world.below(2000))
    }
    await world.clock.pass(300_000)
    const shards = [one, other]
    const deposed = shards.filter((shard) => shard.replication.status().state === 'deposed')
    expect(deposed).toHaveLength(1)
    expect(deposed[0]?.replication.status().reason).toMatch(
      /^epoch \d+ was claimed by another copy/,
    )
    const leading = shards.find((shard) => !deposed.includes(shard))
    expect(leading).toBeDefined()
    await checkWholeArchive(world, leading)
  },
)
