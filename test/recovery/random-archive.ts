// Archives of random histories, and what the keyspace was at each of their revisions.
import fc from 'fast-check'
import type { Manifest } from '../../src/archive/manifest.ts'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import type { KeyValue } from '../../src/mvcc/types.ts'
import { ArchiveReader } from '../../src/recovery/archive-reader.ts'
import type { Keyspace } from '../auth/keyspace.ts'
import { rangeOf } from '../mvcc/requests.ts'
import { randomOf } from '../replication/virtual-clock.ts'
import { finish } from '../snapshot/content.ts'
import { anyStep, LEASE, type Step, take } from '../snapshot/random-history.ts'
import { actOnTree, shownTree } from '../v2/tree-world.ts'
import { ARCHIVE, ArchiveWorld } from './archive-world.ts'
import { MemoryStore } from './memory-store.ts'

export type WorldStep =
  | Step
  | { readonly kind: 'grant'; readonly lease: bigint }
  | { readonly kind: 'end'; readonly lease: bigint }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'v2'; readonly seed: number }
  | { readonly kind: 'segment' }
  | { readonly kind: 'full' }
  | { readonly kind: 'manifest' }
  | { readonly kind: 'epoch' }

const anyLease = fc.constantFrom(LEASE, 8n, -9n)
const anyWorldStep: fc.Arbitrary<WorldStep> = fc.oneof(
  { weight: 12, arbitrary: anyStep },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('grant' as const), lease: anyLease }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), lease: anyLease }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('user' as const),
      name: fc.constantFrom('ann', 'bob'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('v2' as const), seed: fc.integer({ min: 1 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'segment' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'full' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'manifest' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'epoch' as const }) },
)

/** Long values would take the test's time. */
export function lineOf({ key, value, ...rest }: KeyValue): string {
  const { createRevision, modRevision, version, lease } = rest
  return [crc32c(key), createRevision, modRevision, version, crc32c(value), lease].join(' ')
}

const linesOf = ({ store }: Keyspace): readonly string[] =>
  store.range(rangeOf('\0', '\0'), 1e9).kvs.map(lineOf)

/** What is known of a revision when it was the last one. */
export interface Moment {
  /** From when to when it was the last one, in ms since 1970. */
  readonly begun: number
  readonly time: number
  readonly kvs: readonly string[]
  readonly leases: readonly string[]
  readonly leased: readonly (readonly number[])[]
  readonly compactRevision: number
  readonly hash: number
  readonly users: readonly string[]
  /** All rows of the v2 store. */
  readonly tree: string
}

export function momentOf(
  keyspace: Keyspace,
  { begun, time }: Pick<Moment, 'begun' | 'time'>,
): Moment {
  const { store, lessor, auth } = keyspace
  const granted = lessor.granted().toSorted((a, b) => (a.ID < b.ID ? -1 : 1))
  return {
    begun,
    time,
    kvs: linesOf(keyspace),
    leases: granted.map(({ ID, TTL }) => `${ID} ${TTL}`),
    leased: granted.map(({ ID }) => store.leasedKeys(ID).map((key) => crc32c(key))),
    compactRevision: store.compactRevision,
    hash: finish(store.hashKv(store.revision)).hash,
    users: auth.users().map(({ name, roles }) => [name, ...roles].join(' ')),
    tree: shownTree(keyspace.sql),
  }
}

async function takeStep(world: ArchiveWorld, step: WorldStep): Promise<void> {
  const { lessor, auth } = world.keyspace
  switch (step.kind) {
    case 'grant':
      if (!lessor.has(step.lease)) {
        world.step(() =>
          lessor.grant({ ID: step.lease, TTL: 60 + world.keyspace.store.revision }, world.now),
        )
      }
      break
    case 'end':
      if (lessor.has(step.lease)) {
        world.step(() => lessor.revoke(step.lease))
      }
      break
    case 'user':
      world.step(() => {
        if (auth.users().some(({ name }) => name === step.name)) {
          auth.userDelete(step.name)
        } else {
          auth.userAdd(step.name, new Uint8Array(0))
        }
      })
      break
    case 'v2': {
      const random = randomOf(step.seed)
      world.step(() => actOnTree(world.tree, (count) => Math.floor(random() * count), world.now))
      break
    }
    case 'segment':
      await world.segment()
      break
    case 'full':
      await world.segment()
      await world.full()
      break
    case 'manifest':
      await world.writeManifest()
      break
    case 'epoch':
      await world.beginEpoch()
      break
    case 'compact':
      // What is not sent yet is not compacted: replication sees to that.
      if (world.keyspace.store.revision - step.back > world.sent) {
        await world.segment()
      }
      world.step(() => take(world.keyspace, step))
      break
    default:
      world.step(() => take(world.keyspace, step))
  }
}

export interface Written {
  readonly world: ArchiveWorld
  /** Of each revision its last one. */
  readonly moments: ReadonlyMap<number, Moment>
  /** Revisions of which the last that happened was that they were sent. */
  readonly ends: ReadonlySet<number>
}

/** All is sent at the end, so that each revision is in the archive. */
export async function write(steps: readonly WorldStep[]): Promise<Written> {
  const world = new ArchiveWorld(new MemoryStore())
  const moments = new Map<number, Moment>()
  const ends = new Set<number>()
  const sending = new Set(['segment', 'full', 'epoch'])
  const note = (): void => {
    const { revision } = world.keyspace.store
    const begun = moments.get(revision)?.begun ?? world.now
    moments.set(revision, momentOf(world.keyspace, { begun, time: world.now }))
  }
  await takeStep(world, { kind: 'epoch' })
  note()
  for (const step of [...steps, { kind: 'segment' } as const]) {
    // An epoch begins when all is sent, or what is between is lost.
    if (step.kind === 'epoch') {
      await takeStep(world, { kind: 'segment' })
    }
    await takeStep(world, step)
    note()
    if (sending.has(step.kind)) {
      ends.add(world.keyspace.store.revision)
    } else {
      ends.delete(world.keyspace.store.revision)
    }
  }
  return { world, moments, ends }
}

export async function readerOf({
  store,
}: ArchiveWorld): Promise<{ readonly reader: ArchiveReader; readonly manifest: Manifest }> {
  const reader = new ArchiveReader(store, ARCHIVE)
  const manifest = await reader.latestManifest()
  if (manifest === undefined) {
    throw new Error('there is no manifest')
  }
  return { reader, manifest }
}

export const anySteps = fc.array(anyWorldStep, { minLength: 1, maxLength: 40 })
