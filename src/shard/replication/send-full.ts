import { ChangesWriter, NUMBERS_BYTES_MAX } from '../../archive/changes.ts'
import { ObjectBuffer } from '../../archive/container.ts'
import { decodeEnd, encodeEnd, encodePart, type FullEnd } from '../../archive/full.ts'
import { type ArchiveName, endKey, type FullName, partKey } from '../../archive/names.ts'
import type { ArchivedCompaction, Origin } from '../../archive/origin.ts'
import type { ArchivedState } from '../../archive/state.ts'
import { RowsWriter } from '../../archive/v2-rows.ts'
import type { HashedHistory } from '../../mvcc/hashed-history.ts'
import type { Store } from '../../mvcc/store.ts'
import { type ObjectStore, ObjectStoreError } from '../../object-store/object-store.ts'
import type { TreeSnapshot } from '../../v2/tree-snapshot.ts'
import type { Clock } from './clock.ts'
import type { SentFull } from './position.ts'
import { TurnShare } from './read-changes.ts'

/** An eighth of what an object may have: two parts are in memory, one that is sent and one that is made. */
const PART_BYTES = 4 * 1024 * 1024
/** What of it is read in a turn of the event loop: a quarter of a millisecond. */
const TURN = { rows: 250, bytes: 64 * 1024 }
/** What others have for themselves between two turns, while there are any: so a full takes a tenth of it. */
const PACE_MS = 3

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
  /** Of the v2 store; undefined where that was never written to. */
  readonly tree: TreeSnapshot | undefined
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
    facts.tree?.end()
    await sender.settled()
  }
}

/** One that is being made. */
interface Part {
  readonly buffer?: ObjectBuffer
  readonly writer: ChangesWriter
}

class FullSender {
  readonly #target: Target
  readonly #source: FullSource
  readonly #facts: FullFacts
  readonly #parts: FullEnd['parts'] = []
  #sending: Promise<void> = Promise.resolve()
  /** What was sent, and can be used again. */
  #spare: ObjectBuffer | undefined
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
    // First, because what changes of it meanwhile is held in memory.
    if (!(await this.#tree())) {
      return undefined
    }
    const share = new TurnShare(TURN)
    let part = this.#newPart()
    for (const change of history.changes()) {
      const bytes = change.key.length + change.value.length
      if (part.writer.count > 0 && part.writer.bytes + bytes > PART_BYTES) {
        await this.#part(part, {})
        part = this.#newPart()
      }
      part.writer.addPlaced(change)
      if (share.spent(bytes)) {
        await this.#pause()
        if (cancelled()) {
          return undefined
        }
      }
    }
    await this.#part(part, state)
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
    const bytes = this.#parts.reduce((sum, sent) => sum + sent.bytes, 0)
    return { seq, revision, compactRevision, time, parts: this.#parts.length, bytes, listed: false }
  }

  /** Sends the v2 store. Answers whether the full goes on. */
  async #tree(): Promise<boolean> {
    const { tree } = this.#facts
    let rows = new RowsWriter()
    for (let some = tree?.next(TURN.bytes); some !== undefined; some = tree?.next(TURN.bytes)) {
      some.forEach((row) => rows.add(row))
      if (rows.bytes >= PART_BYTES) {
        await this.#rows(rows)
        rows = new RowsWriter()
      }
      await this.#pause()
      if (this.#source.cancelled()) {
        return false
      }
    }
    if (rows.bytes > 0) {
      await this.#rows(rows)
    }
    return true
  }

  async #rows(rows: RowsWriter): Promise<void> {
    const to = this.#facts.tree?.index ?? 0
    await this.#part({ writer: new ChangesWriter() }, { v2: { from: null, to, rows: rows.end() } })
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#sending])
  }

  /** Lets others have their turn, and more than that where they had something to do since the last pause began. */
  async #pause(): Promise<void> {
    const { store, clock } = this.#source
    const isBusy = store.work !== this.#work
    this.#work = store.work
    await (isBusy ? clock.wait(PACE_MS) : clock.turn())
  }

  #newPart(): Part {
    const buffer = this.#spare ?? new ObjectBuffer(PART_BYTES + NUMBERS_BYTES_MAX)
    this.#spare = undefined
    return { buffer, writer: new ChangesWriter(buffer.room) }
  }

  async #part({ buffer, writer }: Part, state: ArchivedState): Promise<void> {
    const { archive, origin } = this.#target
    const { name } = this.#facts
    const part = this.#parts.length
    const { seq, revision } = name
    const header = { ...origin, seq, revision, part }
    const { bytes, checksum } = encodePart(header, writer, state, buffer)
    this.#parts.push({ bytes: bytes.length, checksum, changes: writer.count })
    await this.#sending
    this.#sending = this.#send(partKey(archive, name, part), bytes, buffer)
    // Whoever waits for it next hears of its failure.
    this.#sending.catch(() => undefined)
  }

  async #send(key: string, bytes: Uint8Array, buffer: ObjectBuffer | undefined): Promise<void> {
    const { objects } = this.#target
    let tries = 0
    const isPut = await this.#tried(() => {
      tries++
      return objects.put(key, bytes, 'absent')
    })
    if (isPut) {
      // A try that has failed may still read what it was given.
      this.#spare = tries === 1 ? buffer : undefined
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
