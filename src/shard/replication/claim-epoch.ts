import { decodeClaim, encodeClaim } from '../../archive/claim.ts'
import { decodeManifest, type Manifest } from '../../archive/manifest.ts'
import {
  type ArchiveName,
  claimKey,
  manifestKey,
  manifestPrefix,
  parseKey,
} from '../../archive/names.ts'
import type { Origin } from '../../archive/origin.ts'
import { type ObjectStore, ObjectStoreError } from '../../object-store/object-store.ts'

/** So many epochs at once nobody has claimed since. */
const EPOCHS_TRIED_MAX = 1000

/** Another shard writes this keyspace's archive. */
export class Deposed extends Error {
  override readonly name = 'Deposed'

  constructor(epoch: number) {
    super(
      `epoch ${epoch} was claimed by another copy of this keyspace, which sends its snapshots now`,
    )
  }
}

export interface Claimant {
  readonly objects: ObjectStore
  readonly archive: ArchiveName
  readonly origin: Omit<Origin, 'epoch'>
  /** A random text, known before the first try. */
  readonly claimant: string
  /** The epoch that this shard has written until now, 0 for none. */
  readonly epoch: number
  /** In ms since 1970. */
  readonly time: number
}

/**
 * Claims the next epoch. Whoever has none yet takes the first that is free; whoever has one gives way to the
 * claim behind it. Throws Deposed and ObjectStoreError.
 */
export async function claimEpoch(by: Claimant, last: Manifest | undefined): Promise<number> {
  const known = last?.epoch ?? 0
  if (by.epoch > 0 && known > by.epoch) {
    throw new Deposed(known)
  }
  const first = Math.max(by.epoch, known) + 1
  for (let epoch = first; epoch < first + EPOCHS_TRIED_MAX; epoch++) {
    if (await claims(by, epoch)) {
      return epoch
    }
    if (by.epoch > 0) {
      throw new Deposed(epoch)
    }
  }
  throw new ObjectStoreError(`epochs ${first} and the ${EPOCHS_TRIED_MAX} behind it are claimed`, {
    retryable: true,
  })
}

async function claims(by: Claimant, epoch: number): Promise<boolean> {
  const { objects, archive, origin, claimant, time } = by
  const key = claimKey(archive, epoch)
  if (await objects.put(key, encodeClaim({ ...origin, epoch, claimant, time }), 'absent')) {
    return true
  }
  // That of a try whose answer was lost is this shard's own.
  const found = await objects.get(key)
  return found !== undefined && decodeClaim(found.bytes).claimant === claimant
}

export interface NumberedManifest {
  readonly number: number
  /** Undefined for number 0: there is none. */
  readonly manifest: Manifest | undefined
}

/**
 * The last manifest, from one on that is known. Lists may be old, so that the next one is asked for by its
 * number. One that was lost is written again: then the one before it counts.
 */
export async function lastManifest(
  objects: ObjectStore,
  archive: ArchiveName,
  known: number,
): Promise<NumberedManifest> {
  let number = known > 0 ? known : await lastListed(objects, archive)
  let manifest: Manifest | undefined
  while (number > 0 && manifest === undefined) {
    manifest = await manifestAt(objects, archive, number)
    number -= manifest === undefined ? 1 : 0
  }
  for (;;) {
    const next = await manifestAt(objects, archive, number + 1)
    if (next === undefined) {
      return { number, manifest }
    }
    manifest = next
    number++
  }
}

async function manifestAt(
  objects: ObjectStore,
  archive: ArchiveName,
  number: number,
): Promise<Manifest | undefined> {
  const found = await objects.get(manifestKey(archive, number))
  return found === undefined ? undefined : decodeManifest(found.bytes)
}

async function lastListed(objects: ObjectStore, archive: ArchiveName): Promise<number> {
  const prefix = manifestPrefix(archive)
  let after = ''
  for (;;) {
    const { objects: listed, more } = await objects.list(prefix, after === '' ? {} : { after })
    after = listed.at(-1)?.key ?? after
    if (!more) {
      const key = parseKey(archive, after)
      return key?.kind === 'manifest' ? key.number : 0
    }
  }
}
