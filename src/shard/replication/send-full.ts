import { ChangesWriter } from '../../archive/changes.ts'
import { decodeEnd, encodeEnd, encodePart, type FullEnd } from '../../archive/full.ts'
import { type ArchiveName, endKey, type FullName, partKey } from '../../archive/names.ts'
import type { ArchivedCompaction, Origin } from '../../archive/origin.ts'
import type { ArchivedState } from '../../archive/state.ts'
import type { HashedHistory } from '../../mvcc/hash.ts'
import type { Store } from '../../mvcc/store.ts'
import { type ObjectStore, ObjectStoreError } from '../../object-store/object-store.ts'
import type { Clock } from './clock.ts'
import type { SentFull } from './position.ts'
import { TurnShare } from './read-changes.ts'

/** Half of what a part may have: several copies of it are in memory while it is sent. */
const PART_BYTES = 4 * 1024 * 1024
/** What others have for themselves between two turns, while there are any: so a full takes a third of the time. */
const PACE_MS = 2

/** So often a part is tried, with pauses of 1, 2, 4 … s between, before the full is given up. */
const PUT_TRIES = 5
const PAUSE_MS = 1_000

/** Where objects go to, and who writes them. */
export interface Target {
  readonly objects: ObjectStore
  readonly archive: ArchiveName
  readonly origin: Origin
}

/** What a full has, of the moment when its revision was the store's. */
export interface FullFacts {
  readonly name: FullName
  /** In ms since 1970. */
  readonly time: number
  readonly compaction: ArchivedCompaction
  /** Of the segment before. */
  readonly previous: number | null
  readonly state: ArchivedState
  readonly history: HashedHistory
}

export interface FullSource {
  readonly store: Store
  readonly clock: Clock
  /** Resolves when all that was written is durable. */
  readonly durable: () => Promise<void>
  /** Whether the full is of no more use. */
  readonly cancelled: () => boolean
}

/** Another full stands where this one was to be. */
export class FullNameTaken extends Error {
  override readonly name = 'FullNameTaken'
}

/**
 * Sends the whole state, part by part, while others are served. Nothing may be compacted meanwhile. One part
 * is being sent while the next is made. Undefined where it was cancelled; throws FullNameTaken, and
 * ObjectStoreError.
 */
export async function sendFull(
  target: Target,
  source: FullSource,
  facts: FullFacts,
): Promise<SentFull | undefined> {
  const sender = new FullSender(target, source, facts)
  try {
    return await sender.send()
  } finally {
    await sender.settled()
  }
}

class FullSender {
  readonly #target: Target
  readonly #source: FullSource
  readonly #facts: FullFacts
  readonly #parts: FullEnd['parts'] = []
  #sending: Promise<void> = Promise.resolve()
  #work = 0

  constructor(target: Target, source: FullSource, facts: FullFacts) {
    this.#target = target
    this.#source = source
    this.#facts = facts
  }

  async send(): Promise<SentFull | undefined> {
    const { durable, cancelled } = this.#source
    const { name, history, compaction, time, previous, state } = this.#facts
    await durable()
    const share = new TurnShare()
    let writer = new ChangesWriter()
    for (const change of history.changes()) {
      const bytes = change.kv.key.length + change.kv.value.length
      if (writer.count > 0 && writer.bytes + bytes > PART_BYTES) {
        await this.#part(writer, {})
        writer = new ChangesWriter()
      }
      writer.add(change)
      if (share.spent(change)) {
        await this.#pause()
        if (cancelled()) {
          return undefined
        }
      }
    }
    await this.#part(writer, state)
    await this.#sending
    if (cancelled()) {
      return undefined
    }
    const { seq, revision } = name
    const { hash, hashRevision, compactRevision } = history.hash
    const end: FullEnd = {
      ...this.#target.origin,
      seq,
      revision,
      compaction,
      time,
      parts: this.#parts,
      hash: { hash, revision: hashRevision, compactRevision },
      previous,
    }
    await this.#end(end)
    const bytes = this.#parts.reduce((sum, part) => sum + part.bytes, 0)
    return { seq, revision, compactRevision, time, parts: this.#parts.length, bytes, listed: false }
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#sending])
  }

  /** Lets others have their turn, and more than that where they have much to do. */
  async #pause(): Promise<void> {
    const { store, clock } = this.#source
    await (store.work === this.#work ? clock.turn() : clock.wait(PACE_MS))
    this.#work = store.work
  }

  async #part(writer: ChangesWriter, state: ArchivedState): Promise<void> {
    const { archive, origin } = this.#target
    const { name } = this.#facts
    const part = this.#parts.length
    const { seq, revision } = name
    const { bytes, checksum } = encodePart({ ...origin, seq, revision, part }, writer, state)
    this.#parts.push({ bytes: bytes.length, checksum, changes: writer.count })
    await this.#sending
    this.#sending = this.#put(partKey(archive, name, part), bytes)
    // Whoever waits for it next hears of its failure.
    this.#sending.catch(() => undefined)
  }

  async #put(key: string, bytes: Uint8Array): Promise<void> {
    const { objects } = this.#target
    if (await this.#tried(() => objects.put(key, bytes, 'absent'))) {
      return
    }
    const found = await this.#tried(() => objects.get(key))
    if (found === undefined || !isSame(found.bytes, bytes)) {
      throw new FullNameTaken()
    }
  }

  /** An earlier try has another time and the same parts. */
  async #end(end: FullEnd): Promise<void> {
    const { objects, archive } = this.#target
    const key = endKey(archive, this.#facts.name)
    if (await this.#tried(() => objects.put(key, encodeEnd(end), 'absent'))) {
      return
    }
    const found = await this.#tried(() => objects.get(key))
    const known = found === undefined ? undefined : decodeEnd(found.bytes)
    if (JSON.stringify(known?.parts) !== JSON.stringify(end.parts)) {
      throw new FullNameTaken()
    }
  }

  async #tried<T>(operation: () => Promise<T>): Promise<T> {
    const { clock, cancelled } = this.#source
    for (let pause = PAUSE_MS, tries = 1; ; tries++, pause *= 2) {
      try {
        return await operation()
      } catch (error) {
        const mayHelp = error instanceof ObjectStoreError && error.retryable
        if (!mayHelp || tries === PUT_TRIES || cancelled()) {
          throw error
        }
      }
      await clock.wait(pause)
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place])
}
