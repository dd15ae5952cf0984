import { expect, it } from 'vitest'
import { archivePrefix, segmentKey } from '../../src/archive/names.ts'
import { pointOf, withLatest } from '../../src/recovery/point.ts'
import { prune } from '../../src/recovery/prune.ts'
import { type VerifiedStep, verifyStep } from '../../src/recovery/verify-step.ts'
import { putOf } from '../mvcc/requests.ts'
import { ARCHIVE, ArchiveWorld } from './archive-world.ts'
import { MemoryStore } from './memory-store.ts'
import { readerOf } from './random-archive.ts'

const HOUR = 3_600_000

/** Two epochs, each of a full, two segments, and another full. */
async function twoEpochs(): Promise<ArchiveWorld> {
  const world = new ArchiveWorld(new MemoryStore())
  for (let epoch = 1; epoch <= 2; epoch++) {
    await world.beginEpoch()
    for (const key of ['a', 'b']) {
      world.step(() => world.keyspace.store.put(putOf(key, 'v'.repeat(100))))
      await world.segment()
    }
    await world.full()
  }
  return world
}

async function allSteps(world: ArchiveWorld): Promise<readonly VerifiedStep[]> {
  const { reader, manifest } = await readerOf(world)
  const steps: VerifiedStep[] = []
  for (let after: string | undefined, more = true; more;) {
    const step = await verifyStep(reader, manifest, after)
    steps.push(step)
    after = step.next
    more = after !== undefined
  }
  return steps
}

it('[REC4] is read back step by step: each full, and the segments of each epoch', async () => {
  const world = await twoEpochs()
  const steps = await allSteps(world)
  expect(steps.map(({ what }) => what)).toEqual([
    'full snapshot at revision 1',
    'full snapshot at revision 3',
    'full snapshot at revision 3',
    'full snapshot at revision 5',
    'segments of epoch 1 from revision 2 on',
    'segments of epoch 2 from revision 4 on',
  ])
  expect(steps.filter(({ problem }) => problem !== undefined)).toEqual([])
  const lost = segmentKey(ARCHIVE, { epoch: 1, seq: 2, from: 3 })
  world.store.objects.delete(lost)
  const problems = (await allSteps(world)).map(({ problem }) => problem)
  expect(problems).toEqual([
    ...Array.from({ length: 4 }, () => undefined),
    `${lost} is not there`,
    undefined,
  ])
})

it('[REC4] begins anew where its place was pruned', async () => {
  const { reader, manifest } = await readerOf(await twoEpochs())
  await expect(verifyStep(reader, manifest, 'chain.9.1.1')).rejects.toThrow('begin anew')
  await expect(verifyStep(reader, manifest, 'nonsense')).rejects.toThrow('begin anew')
})

it('[REC5] what has come behind the last manifest counts', async () => {
  const world = await twoEpochs()
  const before = (await readerOf(world)).manifest
  world.step(() => world.keyspace.store.put(putOf('c', 'v')))
  await world.segment()
  const { reader, manifest } = await readerOf(world)
  expect(manifest).toEqual(before)
  const { revision } = world.keyspace.store
  expect((await withLatest(reader, manifest)).chains.at(-1)?.last).toMatchObject({ to: revision })
  expect((await pointOf(reader, manifest, { latest: true })).revision).toBe(revision)
  expect(manifest.chains.at(-1)?.last.to).toBe(revision - 1)
})

it('[REC8] what the retention does not keep is pruned, behind a manifest without it', async () => {
  const world = await twoEpochs()
  const { reader, manifest } = await readerOf(world)
  const soon = { now: world.now, dryRun: false }
  expect(await prune(reader, manifest, soon)).toEqual({ objects: 0, bytes: 0, fulls: [] })
  expect(await reader.latestManifest()).toEqual(manifest)
  const now = world.now + 48 * HOUR
  const before = world.store.objects.size
  const dry = await prune(reader, manifest, { now, dryRun: true })
  expect(dry.fulls.map(({ revision }) => revision)).toEqual([1, 3, 3])
  expect(world.store.objects.size).toBe(before)
  // The keyspace has written one that nobody knows here.
  await world.writeManifest()
  expect(await prune(reader, manifest, { now, dryRun: false })).toEqual(dry)
  expect(world.store.objects.size).toBe(before + 2 - dry.objects)
  const left = [...world.store.objects.keys()].map((key) =>
    key.slice(archivePrefix(ARCHIVE).length),
  )
  expect(left.filter((key) => key.includes('/log/'))).toEqual([])
  const next = await reader.latestManifest()
  expect(next?.number).toBe(manifest.number + 2)
  expect(next?.fulls.map(({ revision }) => revision)).toEqual([5])
  expect(next && (await pointOf(reader, next, { latest: true })).revision).toBe(5)
  expect((await allSteps(world)).filter(({ problem }) => problem !== undefined)).toEqual([])
})
