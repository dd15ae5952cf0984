import { ArchiveDamage } from '../archive/archive-damage.ts'
import { decodeEnd, decodePart, type FullEnd, type FullPart, requirePart } from '../archive/full.ts'
import { decodeManifest, type FullEntry, type Manifest } from '../archive/manifest.ts'
import {
  type ArchiveName,
  behindGeneration,
  endKey,
  generationOf,
  keyspacePrefix,
  manifestKey,
  manifestPrefix,
  parseKey,
  partKey,
  segmentKey,
} from '../archive/names.ts'
import {
  decodeSegment,
  type Expected,
  followsAnother,
  requireNext,
  type Segment,
} from '../archive/segment.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { BrokenArchive } from './broken-archive.ts'

/** A keyspace is deleted and made again so often at most, as far as is looked. */
const GENERATIONS_MAX = 1_000

/** The archives of a keyspace's name, the latest last. */
export async function archivesOf(
  store: ObjectStore,
  keyspace: string,
): Promise<readonly ArchiveName[]> {
  const archives: ArchiveName[] = []
  let after: string | undefined
  while (archives.length < GENERATIONS_MAX) {
    const page = { limit: 1, ...(after === undefined ? {} : { after }) }
    const { objects } = await store.list(keyspacePrefix(keyspace), page)
    const [first] = objects
    const generation = first && generationOf(keyspace, first.key)
    if (first === undefined) {
      break
    }
    if (generation === undefined) {
      after = first.key
    } else {
      const archive = { keyspace, generation }
      archives.push(archive)
      after = behindGeneration(archive)
    }
  }
  return archives
}

/**
 * Reads the objects of an archive, and finds each as its name says. A list may be stale, so it is a hint:
 * what comes next follows from what is there. All of it throws BrokenArchive and ObjectStoreError.
 */
export class ArchiveReader {
  readonly store: ObjectStore
  readonly archive: ArchiveName

  constructor(store: ObjectStore, archive: ArchiveName) {
    this.store = store
    this.archive = archive
  }

  /** Undefined where there is none yet. */
  async latestManifest(): Promise<Manifest | undefined> {
    const listed = await this.#listedManifests()
    for (const last of listed.toReversed()) {
      let latest = await this.#find(manifestKey(this.archive, last), decodeManifest)
      if (latest !== undefined) {
        for (let number = last + 1; ; number++) {
          const next = await this.#find(manifestKey(this.archive, number), decodeManifest)
          if (next === undefined) {
            return latest
          }
          latest = next
        }
      }
    }
    return this.#unlistedManifest()
  }

  /** A list may not have the first ones yet. */
  async #unlistedManifest(): Promise<Manifest | undefined> {
    let latest: Manifest | undefined
    for (let number = 1; ; number++) {
      const next = await this.#find(manifestKey(this.archive, number), decodeManifest)
      if (next === undefined) {
        return latest
      }
      latest = next
    }
  }

  async #listedManifests(): Promise<readonly number[]> {
    const numbers: number[] = []
    for (let after: string | undefined; ;) {
      const prefix = manifestPrefix(this.archive)
      const { objects, more } = await this.store.list(prefix, after === undefined ? {} : { after })
      for (const { key } of objects) {
        const name = parseKey(this.archive, key)
        if (name?.kind === 'manifest') {
          numbers.push(name.number)
        }
        after = key
      }
      if (!more) {
        return numbers
      }
    }
  }

  async end(full: FullEntry): Promise<FullEnd> {
    const key = endKey(this.archive, full)
    const end = await this.#read(key, decodeEnd)
    if (end.epoch !== full.epoch || end.seq !== full.seq || end.revision !== full.revision) {
      const damage = new ArchiveDamage('foreign', `is the end of ${end.seq}-${end.revision}`)
      throw new BrokenArchive(key, damage)
    }
    const bytes = end.parts.reduce((sum, part) => sum + part.bytes, 0)
    if (end.parts.length !== full.parts || bytes !== full.bytes) {
      throw new BrokenArchive(key, new ArchiveDamage('chain', 'is not the end that was sent'))
    }
    return end
  }

  part(end: FullEnd, part: number): Promise<FullPart> {
    const key = partKey(this.archive, end, part)
    return this.#read(key, (bytes) => {
      const found = decodePart(bytes)
      requirePart(found, end, part)
      return found
    })
  }

  /**
   * Undefined where there is no such segment: the chain ends before it. Behind the last one that a manifest knows
   * (`known`) it also ends before one that follows another: the store has lost that, it was sent anew, and the
   * keyspace will begin an epoch.
   */
  segment(expected: Expected, known: number): Promise<Segment | undefined> {
    return this.#find(segmentKey(this.archive, expected), (bytes) => {
      const found = decodeSegment(bytes)
      if (expected.seq > known && followsAnother(found, expected)) {
        return undefined
      }
      requireNext(found, expected)
      return found
    })
  }

  async #read<T>(key: string, decode: (bytes: Uint8Array) => T): Promise<T> {
    const found = await this.#find(key, decode)
    if (found === undefined) {
      throw new BrokenArchive(key, new ArchiveDamage('missing', 'is not there'))
    }
    return found
  }

  async #find<T>(
    key: string,
    decode: (bytes: Uint8Array) => T | undefined,
  ): Promise<T | undefined> {
    const object = await this.store.get(key)
    try {
      return object && decode(object.bytes)
    } catch (error) {
      throw brokenBy(key, error)
    }
  }
}

/** What is wrong with an object is told with its key. */
export function brokenBy(key: string, error: unknown): unknown {
  return error instanceof ArchiveDamage ? new BrokenArchive(key, error) : error
}
