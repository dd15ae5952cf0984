import { expect } from 'vitest'
import { ArchiveReader } from '../../src/recovery/archive-reader.ts'
import { verifyFull } from '../../src/recovery/verify.ts'
import { actOnTree } from '../v2/tree-world.ts'
import { FaultyStore } from './faulty-store.ts'
import { readArchive, type ReadArchive } from './read-archive.ts'
import { ARCHIVE, ReplicatedShard } from './replicated-shard.ts'
import { randomOf, VirtualClock } from './virtual-clock.ts'

const utf8 = new TextEncoder()

/** A shard with a store, in which clients do this and that by a seed. */
export class World {
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
    const kind = this.below(24)
    shard.turn(({ store, lessor, alarms, accessTokens, auth, v2 }) => {
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
      } else if (kind > 19) {
        actOnTree(v2, (count) => this.below(count), this.clock.now())
      }
    })
  }
}

/** Whether what can be read from the archive is what the shard did, and nothing is missing in between. */
export function checkArchive(world: World, shard = world.shard): ReadArchive | undefined {
  const read = readArchive(world.objects.objects)
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
  for (const [index, tree] of read.trees) {
    expect(tree, `the v2 store at ${index}`).toBe(shard.trees.get(index) ?? EMPTY_TREE)
  }
  return read
}

const EMPTY_TREE = '\n\n\n\n'

/** Their HashKV is that of the shard, but of those that are older than what it has compacted. */
async function verifyFulls(world: World, read: ReadArchive | undefined): Promise<void> {
  const reader = new ArchiveReader(world.objects.atOnce, ARCHIVE)
  for (const full of read?.manifest.fulls ?? []) {
    await verifyFull(reader, full)
  }
}

/** The archive has all, and is known to. */
export async function checkWholeArchive(world: World, shard = world.shard): Promise<void> {
  await world.clock.pass(300_000)
  const read = checkArchive(world, shard)
  await verifyFulls(world, read)
  const { store, lessor, alarms, accessTokens, auth, v2 } = shard.keyspace
  expect(Math.max(...(read?.trees.keys() ?? []))).toBe(v2.index)
  expect(read?.to).toBe(store.revision)
  const granted = lessor.granted().map(({ ID, TTL }): [string, number] => [ID.toString(), TTL])
  expect(read?.leases).toEqual(new Map(granted))
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
