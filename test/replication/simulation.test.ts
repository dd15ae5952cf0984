import { expect, it } from 'vitest'
import { seeds } from '../runs.ts'
import { type Faults, FaultyStore, NO_FAULTS } from './faulty-store.ts'
import { readArchive, type ReadArchive } from './read-archive.ts'
import { LAG_MS, ReplicatedShard } from './replicated-shard.ts'
import { randomOf, VirtualClock } from './virtual-clock.ts'

const utf8 = new TextEncoder()

class World {
  readonly clock = new VirtualClock()
  readonly random: () => number
  readonly objects: FaultyStore
  shard: ReplicatedShard

  constructor(seed: number) {
    this.random = randomOf(seed)
    this.objects = new FaultyStore(this.clock, this.random)
    this.shard = new ReplicatedShard(this.clock, this.objects)
    this.shard.replication.schedule()
  }

  below(count: number): number {
    return Math.floor(this.random() * count)
  }

  /** Something that a client may do. */
  act(shard = this.shard): void {
    const key = utf8.encode(`key ${this.below(20)}`)
    const put = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false }
    const kind = this.below(20)
    shard.turn(({ store, lessor, alarms, accessTokens, auth }) => {
      const leases = lessor.leases()
      const lease = leases[this.below(leases.length)] ?? 0n
      if (kind < 11) {
        const value = new Uint8Array(this.below(this.below(10) === 0 ? 20_000 : 200)).fill(kind)
        store.put({ ...put, key, value, lease: this.below(3) === 0 ? lease : 0n })
      } else if (kind < 13) {
        store.deleteRange({ key, rangeEnd: utf8.encode(`key ${this.below(20)}`), prevKv: false })
      } else if (kind < 15) {
        lessor.grant({ ID: BigInt(1 + this.below(1e9)), TTL: 60 }, this.clock.now())
      } else if (kind === 15 && lease !== 0n) {
        lessor.revoke(lease)
      } else if (kind === 16) {
        const revision = store.revision - this.below(20)
        if (revision > Math.max(store.compactRevision, 0)) {
          store.compact(revision)
        }
      } else if (kind === 17) {
        const alarm = { memberID: 1n, alarm: 2 }
        alarms.alarm({ ...alarm, action: 1 + this.below(2) })
      } else if (kind === 18) {
        const [known] = accessTokens.list()
        if (known === undefined) {
          const wanted = { access: 'read', commonNames: false, description: '', expires: undefined }
          accessTokens.create(wanted as never, this.clock.now(), (length) =>
            crypto.getRandomValues(new Uint8Array(length)),
          )
        } else {
          accessTokens.revoke(known.id)
        }
      } else if (kind === 19) {
        auth.roleAdd(`role ${this.below(1e9)}`)
      }
    })
  }

  /** Whether what can be read from the archive is what the shard did, and nothing is missing in between. */
  check(shard = this.shard): ReadArchive | undefined {
    const read = readArchive(this.objects.objects)
    if (read === undefined) {
      return undefined
    }
    for (const [revision, changes] of read.changes) {
      // A full has of a revision what is not superseded.
      if (revision > read.from) {
        expect(changes, `revision ${revision}`).toBe(shard.history.get(revision))
      }
    }
    const segments = [...shard.history.keys()].filter(
      (revision) => revision > read.from && revision <= read.to,
    )
    expect(segments.filter((revision) => !read.changes.has(revision))).toEqual([])
    return read
  }

  /** The archive has all, and is known to. */
  async checkWhole(shard = this.shard): Promise<void> {
    await this.clock.pass(300_000)
    const read = this.check(shard)
    const { store, lessor, alarms, accessTokens, auth } = shard.keyspace
    expect(read?.to).toBe(store.revision)
    const granted = lessor.granted().map(({ ID, TTL }): [string, number] => [ID.toString(), TTL])
    expect([...(read?.leases ?? [])].toSorted()).toEqual(granted.toSorted())
    expect(read?.state.tokens?.map(({ id }) => id)).toEqual(accessTokens.list().map(({ id }) => id))
    const entries = (bucket: string): number =>
      [...(read?.state.auth ?? []), ...(read?.state.maintenance ?? [])].filter(
        (entry) => entry.bucket === bucket,
      ).length
    expect(entries('authRoles')).toBe(auth.roles().length)
    expect(entries('alarm')).toBe(alarms.stored().length)
    expect(shard.replication.status()).toMatchObject({
      state: 'current',
      reason: null,
      lagSeconds: 0,
      lagRevisions: 0,
      revision: store.revision,
    })
  }
}

it.each(seeds(40))(
  '[REP1] a store without faults is never behind by more than the lag: seed %d',
  async (seed) => {
    const world = new World(seed)
    const written = new Map<number, number>()
    for (let step = 0; step < 300; step++) {
      world.act()
      written.set(world.shard.keyspace.store.revision, world.clock.now())
      await world.clock.pass(world.below(1000))
      const read = world.check()
      const oldest = [...written].find(([revision]) => revision > (read?.to ?? 0))
      if (oldest !== undefined) {
        expect(world.clock.now() - oldest[1]).toBeLessThanOrEqual(
          LAG_MS + (read === undefined ? 1000 : 0),
        )
      }
    }
    await world.checkWhole()
  },
)

const faulty: Faults = { fails: 10, loses: 10, forgets: 3, stale: 30, stalls: 2 }

it.each(seeds(80))(
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
        world.check()
      }
    }
    world.objects.faults = NO_FAULTS
    world.objects.isAway = false
    await world.checkWhole()
  },
)

it.each(seeds(40))('[REP3] killed at any step, it goes on where it was: seed %d', async (seed) => {
  const world = new World(seed)
  for (let step = 0; step < 200; step++) {
    world.act()
    await world.clock.pass(world.below(3000))
    if (world.below(5) === 0) {
      // Amid whatever it does just now.
      world.shard.restart()
      await world.clock.pass(world.below(60))
      world.check()
    }
  }
  await world.checkWhole()
})

it.each(seeds(40))(
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
    await world.checkWhole(leading)
  },
)
