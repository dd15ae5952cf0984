import { expect, it } from 'vitest'
import { ChangesWriter } from '../../src/archive/changes.ts'
import { FullHash } from '../../src/archive/full-hash.ts'
import { decodeEnd, encodeEnd } from '../../src/archive/full.ts'
import { encodeManifest } from '../../src/archive/manifest.ts'
import {
  archivePrefix,
  claimKey,
  endKey,
  manifestKey,
  parseKey,
  segmentKey,
} from '../../src/archive/names.ts'
import { isPruned, planRetention } from '../../src/archive/retention.ts'
import { decodeSegment, encodeSegment } from '../../src/archive/segment.ts'
import type { ArchivedRows } from '../../src/archive/v2-rows.ts'
import { changesBetween } from '../../src/mvcc/history.ts'
import { ArchiveReader, archivesOf } from '../../src/recovery/archive-reader.ts'
import { BrokenArchive, NotKept } from '../../src/recovery/broken-archive.ts'
import { pointOf } from '../../src/recovery/point.ts'
import { Recovery } from '../../src/recovery/recovery.ts'
import { scanAt } from '../../src/recovery/scan.ts'
import { chainStart, verifyFull, verifySegments } from '../../src/recovery/verify.ts'
import { Keyspace } from '../auth/keyspace.ts'
import { deleteOf, putOf } from '../mvcc/requests.ts'
import { finish } from '../snapshot/content.ts'
import { ARCHIVE, ArchiveWorld } from './archive-world.ts'
import { MemoryStore } from './memory-store.ts'
import { readerOf } from './random-archive.ts'
import { restoredBy } from './restored.ts'

const EVERYTHING = { start: new Uint8Array(0), end: undefined }
const HOUR = 3_600_000

const put = (world: ArchiveWorld, key: string): void =>
  world.step(() => world.keyspace.store.put(putOf(key, 'v'.repeat(100))))

/** A full, three segments of two revisions each, another full behind the second. */
async function smallWorld(): Promise<ArchiveWorld> {
  const world = new ArchiveWorld(new MemoryStore())
  await world.beginEpoch()
  for (const round of [1, 2, 3]) {
    put(world, 'a')
    put(world, `b${round}`)
    await world.segment()
    if (round === 2) {
      await world.full()
    }
  }
  return world
}

/** What comes of reading the keys at a revision. */
async function outcomeAt(world: ArchiveWorld, revision: number): Promise<string | number> {
  const { reader, manifest } = await readerOf(world)
  try {
    const point = await pointOf(reader, manifest, { revision })
    return (await scanAt(new Recovery(reader, point), EVERYTHING)).kvs.length
  } catch (error) {
    if (error instanceof BrokenArchive) {
      return `${error.kind} ${error.key.slice(archivePrefix(ARCHIVE).length)}`
    }
    if (error instanceof NotKept) {
      return error.message
    }
    throw error
  }
}

const segment = (seq: number, from: number): string => segmentKey(ARCHIVE, { epoch: 1, seq, from })

it('[REC4] the HashKV of a full is that of the store, when no key is left too', () => {
  const { sql, store } = new Keyspace()
  for (const act of [
    () => store.put(putOf('a')),
    () => store.put(putOf('b')),
    () => store.put(putOf('a', '2')),
    () => store.compact(3),
    () => store.deleteRange(deleteOf('a', 'z')),
    () => store.put(putOf('c')),
    () => store.deleteRange(deleteOf('c')),
  ]) {
    act()
    const sum = new FullHash(store.compactRevision)
    const changes = [...changesBetween(sql, 0, store.revision)]
    changes.forEach((change) => sum.look(change))
    changes.forEach((change) => sum.add(change))
    expect(sum.hash).toBe(finish(store.hashKv(store.revision)).hash)
  }
})

it('[REC5] what lists do not show yet is found by its name', async () => {
  const world = new ArchiveWorld(new MemoryStore())
  world.store.staleLists()
  await world.beginEpoch()
  const { reader, manifest } = await readerOf(world)
  expect(manifest.number).toBe(1)
  world.store.freshLists()
  await world.writeManifest()
  world.store.staleLists()
  await world.writeManifest()
  await world.writeManifest()
  expect(await reader.latestManifest()).toMatchObject({ number: 4 })
  // One that is listed and gone.
  world.store.objects.delete(manifestKey(ARCHIVE, 2))
  expect(await reader.latestManifest()).toMatchObject({ number: 1 })
  world.store.freshLists()
  expect(await reader.latestManifest()).toMatchObject({ number: 4 })
  put(world, 'a')
  await world.segment()
  // The manifest does not tell of it.
  expect(await pointOf(reader, manifest, { latest: true })).toMatchObject({
    revision: world.keyspace.store.revision,
  })
  expect(await outcomeAt(world, world.keyspace.store.revision)).toBe(1)
})

it('[REC5] the latest archive of a name is found among all, and none where there is none', async () => {
  const world = await smallWorld()
  const later = { ...ARCHIVE, generation: ARCHIVE.generation + 5 }
  await world.store.put(claimKey(later, 1), new Uint8Array(1))
  await world.store.put(claimKey({ keyspace: 'blue2', generation: 7 }, 1), new Uint8Array(1))
  expect(await archivesOf(world.store, 'blue')).toEqual([ARCHIVE, later])
  expect(await archivesOf(world.store, 'blu')).toEqual([])
  expect(await new ArchiveReader(world.store, later).latestManifest()).toBeUndefined()
})

it('[REC6] a segment that leaves out changes of the v2 store is named', async () => {
  const world = new ArchiveWorld(new MemoryStore())
  await world.beginEpoch()
  const set = (path: string): void =>
    world.step(() => {
      const content = { dir: false, value: 'v', expires: undefined, refresh: false }
      world.tree.set(path, content, world.now)
    })
  put(world, 'a')
  set('/1/a')
  await world.segment()
  put(world, 'b')
  set('/1/b')
  await world.segment()
  const { reader, manifest } = await readerOf(world)
  const second = segment(2, 3)
  const bytes = world.store.objects.get(second) ?? new Uint8Array(0)
  const { header, changes, state } = decodeSegment(bytes)
  const writer = new ChangesWriter()
  for (const change of changes) {
    writer.add(change)
  }
  const rows = { ...(state.v2 as ArchivedRows), from: 5 }
  world.store.objects.set(second, encodeSegment(header, writer, { ...state, v2: rows }).bytes)
  const point = await pointOf(reader, manifest, { revision: 3 })
  await expect(restoredBy(new Recovery(reader, point))).rejects.toMatchObject({
    kind: 'gap',
    message: `${second} begins behind index 5 of the v2 store, and 4 was the last`,
  })
  const [chain] = manifest.chains
  await expect(
    verifySegments(reader, chain as never, chainStart(chain as never), 1e9),
  ).rejects.toMatchObject({ kind: 'gap', key: second })
})

it('[REC6] a segment that follows another ends a chain behind what is known of it, and is named within', async () => {
  const world = new ArchiveWorld(new MemoryStore())
  await world.beginEpoch()
  put(world, 'a')
  await world.segment()
  const { reader, manifest } = await readerOf(world)
  const [chain] = manifest.chains
  const first = chainStart(chain as never)
  expect(await reader.segment(first, 0)).toMatchObject({ header: { seq: 1 } })
  const other = { ...first, previous: 1 }
  expect(await reader.segment(other, 0)).toBeUndefined()
  await expect(reader.segment(other, 1)).rejects.toMatchObject({ kind: 'chain' })
})

it('[REC6] an object that is lost, cut or damaged is named, and nothing is answered in its place', async () => {
  const world = await smallWorld()
  const { objects } = world.store
  expect(await outcomeAt(world, 4)).toBe(3 - 1)
  const first = segment(1, 2)
  const bytes = objects.get(first) ?? new Uint8Array(0)
  const name = first.slice(archivePrefix(ARCHIVE).length)
  objects.delete(first)
  expect(await outcomeAt(world, 3)).toBe(`missing ${name}`)
  objects.set(first, bytes.slice(0, -1))
  expect(await outcomeAt(world, 3)).toBe(`cut ${name}`)
  const flipped = bytes.slice()
  flipped[bytes.length - 30] = (flipped[bytes.length - 30] ?? 0) ^ 1
  objects.set(first, flipped)
  expect(await outcomeAt(world, 3)).toBe(`checksum ${name}`)
  objects.set(first, objects.get(segment(2, 4)) ?? new Uint8Array(0))
  expect(await outcomeAt(world, 3)).toBe(`foreign ${name}`)
  objects.set(first, bytes)
  expect(await outcomeAt(world, 3)).toBe(2)
  // What is behind the next full needs none of it.
  objects.delete(first)
  expect(await outcomeAt(world, 7)).toBe(4)
  for (const key of objects.keys()) {
    const parsed = parseKey(ARCHIVE, key)
    if (parsed?.kind === 'part' && parsed.revision === 5) {
      objects.delete(key)
    }
  }
  expect(await outcomeAt(world, 6)).toMatch(/^missing e000001\/full\/0000000002-0000000000000005\//)
})

it('[REC6] a segment of another history is refused by the chain', async () => {
  const world = await smallWorld()
  const other = new ArchiveWorld(new MemoryStore())
  await other.beginEpoch()
  put(other, 'x')
  put(other, 'y')
  await other.segment()
  const key = segment(1, 2)
  world.store.objects.set(key, other.store.objects.get(key) ?? new Uint8Array(0))
  expect(await outcomeAt(world, 4)).toBe(
    `chain ${segment(2, 4).slice(archivePrefix(ARCHIVE).length)}`,
  )
})

it('[REC4] verify names what is damaged, and a full whose HashKV is another', async () => {
  const world = await smallWorld()
  const { reader, manifest } = await readerOf(world)
  const [full] = manifest.fulls.slice(1)
  const [chain] = manifest.chains
  if (full === undefined || chain === undefined) {
    throw new Error('the world has two fulls')
  }
  const { changes } = await verifyFull(reader, full)
  expect(changes).toBe(4)
  world.store.objects.delete(segment(2, 4))
  await expect(verifySegments(reader, chain, chainStart(chain), 1e9)).rejects.toMatchObject({
    kind: 'missing',
    key: segment(2, 4),
  })
  const key = endKey(ARCHIVE, full)
  const end = decodeEnd(world.store.objects.get(key) ?? new Uint8Array(0))
  const hash = { hash: 1, revision: 5, compactRevision: -1 }
  world.store.objects.set(key, encodeEnd({ ...end, hash }))
  await expect(verifyFull(reader, full)).rejects.toThrow(
    `has HashKV 1, and its parts ${end.hash?.hash}`,
  )
})

it('[REC7] a revision or a time that is not kept is refused with those that are', async () => {
  const world = await smallWorld()
  expect(await outcomeAt(world, 8)).toBe(
    'revision 8 is not in the archive yet, which has come to 7',
  )
  const { reader, manifest } = await readerOf(world)
  const [first, second] = manifest.fulls
  if (first === undefined || second === undefined) {
    throw new Error('the world has two fulls')
  }
  await expect(pointOf(reader, manifest, { time: first.time - 1 })).rejects.toThrow(
    `is kept: the nearest is revision 1 of ${new Date(first.time).toISOString()}`,
  )
  const compacted = { ...manifest, fulls: [{ ...second, compactRevision: 4 }], chains: [] }
  await expect(pointOf(reader, compacted, { revision: 3 })).rejects.toThrow(
    `revision 3 is not kept: the nearest is revision 5 of ${new Date(second.time).toISOString()}`,
  )
  const empty = { ...manifest, fulls: [], chains: [] }
  await expect(pointOf(reader, empty, { latest: true })).rejects.toThrow(
    new NotKept('the archive has no full snapshot yet'),
  )
})

it('[REC8] after the retention each full that stays can be restored, and each revision behind the last', async () => {
  const world = await smallWorld()
  const { manifest } = await readerOf(world)
  const plan = planRetention(manifest, world.now + 48 * HOUR, { hours: 24, days: 7, weeks: 0 })
  expect(plan.fulls.map(({ revision }) => revision)).toEqual([1])
  const next = { ...manifest, ...plan.kept, number: manifest.number + 1 }
  await world.store.put(manifestKey(ARCHIVE, next.number), encodeManifest(next))
  for (const key of world.store.objects.keys()) {
    const parsed = parseKey(ARCHIVE, key)
    if (parsed !== undefined && isPruned(plan, parsed)) {
      world.store.objects.delete(key)
    }
  }
  expect(await outcomeAt(world, 5)).toBe(3)
  expect(await outcomeAt(world, 6)).toBe(3)
  expect(await outcomeAt(world, 7)).toBe(4)
  // The full at revision 5 has its history.
  expect(await outcomeAt(world, 4)).toBe(2)
})
