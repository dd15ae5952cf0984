import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import { boundsOf, contains } from '../../src/mvcc/key-range.ts'
import { pointOf } from '../../src/recovery/point.ts'
import { Recovery } from '../../src/recovery/recovery.ts'
import { differencesOf, scanAt } from '../../src/recovery/scan.ts'
import { chainStart, verifyFull, verifySegments } from '../../src/recovery/verify.ts'
import { rangeOf } from '../mvcc/requests.ts'
import { runs } from '../runs.ts'
import { KEYS } from '../snapshot/random-history.ts'
import { anySteps, lineOf, momentOf, readerOf, write } from './random-archive.ts'
import { restoredBy } from './restored.ts'

it('[REC1] a restore at any revision is what the keyspace was when that was the last one', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, async (steps) => {
      const { world, moments, ends } = await write(steps)
      const { reader, manifest } = await readerOf(world)
      for (const [revision, moment] of moments) {
        const point = await pointOf(reader, manifest, { revision })
        const restored = await restoredBy(new Recovery(reader, point))
        const found = momentOf(restored, moment)
        expect(restored.store.revision).toBe(Math.max(revision, 1))
        // State is known where a segment ends, but for leases; the hash depends on the compaction.
        const { begun, time, kvs, leases, leased } = moment
        expect(found).toMatchObject({ begun, time, kvs, leases, leased })
        const { users, tree, compactRevision } = moment
        const isEnd = isDeepStrictEqual(
          [found.users, found.tree, found.compactRevision],
          [users, tree, compactRevision],
        )
        expect(isEnd || !ends.has(revision)).toBe(true)
        // That of the compacted revision itself is of the time before, as long as memory lasts.
        const isHashed = found.compactRevision === compactRevision && revision > compactRevision
        expect(!isHashed || found.hash === moment.hash).toBe(true)
      }
    }),
    { numRuns: runs(150) },
  )
})

it('[REC2] a restore at a time is what the keyspace was then', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, fc.nat(10_000), async (steps, later) => {
      const { moments, ...written } = await write(steps)
      const { reader, manifest } = await readerOf(written.world)
      const all = [...moments.values()]
      for (const [at, moment] of all.entries()) {
        // Until the next one, or for ever.
        const next = all[at + 1]?.begun ?? moment.time + later + 1
        for (const time of [moment.time, next - 1]) {
          const point = await pointOf(reader, manifest, { time })
          const restored = momentOf(await restoredBy(new Recovery(reader, point)), moment)
          expect(restored.kvs).toEqual(moment.kvs)
          expect(restored.leases).toEqual(moment.leases)
        }
      }
    }),
    { numRuns: runs(60) },
  )
})

it('[REC3] the keys of a range at a revision are read from the archive alone', async () => {
  const anyRange = fc.constantFrom(rangeOf('\0', '\0'), rangeOf('b'), rangeOf('a', 'c'))
  await fc.assert(
    fc.asyncProperty(anySteps, anyRange, async (steps, range) => {
      const { world, moments } = await write(steps)
      const { reader, manifest } = await readerOf(world)
      const bounds = boundsOf(range)
      const keys = KEYS.map((key) => Buffer.from(key)).filter((key) => contains(bounds, key))
      const scans = []
      for (const [revision, moment] of moments) {
        const point = await pointOf(reader, manifest, { revision })
        const scanned = await scanAt(new Recovery(reader, point), bounds)
        expect(scanned.kvs.map(lineOf)).toEqual(
          moment.kvs.filter((line) => keys.some((key) => line.startsWith(`${crc32c(key)} `))),
        )
        scans.push(scanned)
      }
      const [first, last] = [scans[0], scans.at(-1)]
      if (first === undefined || last === undefined) {
        return
      }
      const [before, after] = [first.kvs.map(lineOf), last.kvs.map(lineOf)]
      const differences = differencesOf(first, last)
      expect(differences.flatMap((one) => (one.before ? [lineOf(one.before)] : []))).toEqual(
        before.filter((line) => !after.includes(line)),
      )
      expect(differences.flatMap((one) => (one.after ? [lineOf(one.after)] : []))).toEqual(
        after.filter((line) => !before.includes(line)),
      )
    }),
    { numRuns: runs(60) },
  )
})

it('[REC4] an archive that is whole is found so: checksums, chains, and HashKV of each full', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, async (steps) => {
      const { world } = await write(steps)
      const { reader, manifest } = await readerOf(world)
      for (const full of manifest.fulls) {
        const { objects } = await verifyFull(reader, full)
        expect(objects).toBe(full.parts + 1)
      }
      for (const chain of manifest.chains) {
        let next: ReturnType<typeof chainStart> | undefined = chainStart(chain)
        let objects = 0
        while (next !== undefined) {
          const verified = await verifySegments(reader, chain, next, 1_000)
          objects += verified.objects
          next = verified.next
        }
        expect(objects).toBeGreaterThanOrEqual(chain.last.seq)
      }
    }),
    { numRuns: runs(100) },
  )
})
