import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pointOf } from '../../src/recovery/point.ts'
import { Recovery } from '../../src/recovery/recovery.ts'
import { scanAt } from '../../src/recovery/scan.ts'
import { deleteOf, putOf, putOp, txnOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { ArchiveWorld } from './archive-world.ts'
import { MemoryStore } from './memory-store.ts'
import { lineOf, type Moment, momentOf, readerOf } from './random-archive.ts'
import { restoredBy } from './restored.ts'

const REVISIONS = runs(10_000)
const LEASES = [7n, 8n] as const
const EVERYTHING = { start: new Uint8Array(0), end: undefined }
/** Every so many-th revision is restored whole, and the keys are read at each. */
const RESTORED_EACH = 10
const LONG_MS = 600_000

/** Numbers that are the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    yield state >>> 8
  }
}

/** One change of 20 keys, or of two leases. */
function change({ keyspace, now }: ArchiveWorld, next: () => number): void {
  const { store, lessor } = keyspace
  const key = `key-${next() % 20}`
  const lease = LEASES[next() % 2] ?? 7n
  const kind = next() % 20
  if (kind === 0) {
    store.deleteRange(deleteOf(key))
  } else if (kind === 1) {
    store.txn(txnOf([key, `${key}-0`].map((name) => putOp(name, `txn ${next()}`))))
  } else if (kind === 2 && lessor.has(lease)) {
    lessor.revoke(lease)
  } else if (kind === 3 && !lessor.has(lease)) {
    lessor.grant({ ID: lease, TTL: 60 + (next() % 1_000) }, now)
  } else {
    const attached = lessor.has(lease) ? { lease } : {}
    store.put(putOf(key, `value ${next()}`, attached))
  }
}

it(
  '[REC9] each of thousands of revisions is what it was, over fulls, epochs and compactions',
  async () => {
    const [seed = 1] = fc.sample(fc.nat(), { numRuns: 1 })
    const stream = numbers(seed)
    const next = (): number => stream.next().value
    const world = new ArchiveWorld(new MemoryStore(), 10_000)
    const { store } = world.keyspace
    const moments = new Map<number, Moment>()
    await world.beginEpoch()
    for (let steps = 0; store.revision < REVISIONS; steps++) {
      world.step(() => change(world, next))
      const found = { begun: world.now, time: world.now }
      moments.set(store.revision, momentOf(world.keyspace, found))
      if (steps % 7 === 0) {
        await world.segment()
      }
      if (steps % 150 === 0 && world.sent > store.compactRevision) {
        store.compact(world.sent)
        // Some of what it superseded is left now and then.
        for (let left = next() % 20; left > 0 && store.compactSlice(undefined); left--) {
          // Each slice deletes a part.
        }
      }
      if (steps % 100 === 0) {
        await world.segment()
        await (steps % 1_000 === 0 ? world.beginEpoch() : world.full())
      }
    }
    await world.segment()
    const { reader, manifest } = await readerOf(world)
    for (const [revision, { kvs: expected }] of moments) {
      const point = await pointOf(reader, manifest, { revision })
      const { kvs } = await scanAt(new Recovery(reader, point), EVERYTHING)
      expect(kvs.map(lineOf), `seed ${seed}, revision ${revision}`).toEqual(expected)
    }
    for (const [revision, moment] of [...moments].filter(([at]) => at % RESTORED_EACH === 0)) {
      const point = await pointOf(reader, manifest, { revision })
      const found = momentOf(await restoredBy(new Recovery(reader, point)), moment)
      const { kvs, leases, leased } = moment
      expect(found, `seed ${seed}, revision ${revision}`).toMatchObject({ kvs, leases, leased })
    }
  },
  LONG_MS,
)
