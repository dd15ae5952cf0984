import { ChangesWriter } from '../../archive/changes.ts'
import { ObjectBuffer } from '../../archive/container.ts'
import { freeBytes } from '../../mvcc/free-bytes.ts'
import type { Changed } from '../../mvcc/store.ts'
import { EventType, type Revision } from '../../mvcc/types.ts'
import { SEGMENT_BYTES, SEGMENT_BYTES_MAX } from './schedule.ts'

/** More is not held while a segment is on its way: it is read from the log then. */
const TAIL_BYTES_MAX = 1.5 * SEGMENT_BYTES
/** Who sends so long a segment will likely send another. */
const BUSY_BYTES = SEGMENT_BYTES / 2

/** Changes as they are written, and the last revision of them. */
export interface Tail {
  readonly writer: ChangesWriter
  readonly from: Revision
  readonly to: Revision
  /** Where they were written to, if that was lent. */
  readonly buffer: ObjectBuffer | undefined
}

/**
 * The last changes, encoded when they are made: a third of a microsecond of each put, where to read them back
 * from SQLite takes two. What does not fit, or was written before the object came into memory, is read.
 */
export class ChangeTail {
  #writer: ChangesWriter | undefined
  /** Where it writes to, if that was lent. */
  #buffer: ObjectBuffer | undefined
  /** Where the next one does. */
  #lent: ObjectBuffer | undefined
  #from: Revision = 0
  #to: Revision = 0

  /** Begins anew behind a revision, which is the store's. */
  begin(revision: Revision): void {
    this.#end()
    this.#from = revision + 1
    this.#to = revision
  }

  /** The store calls it for each revision. */
  readonly changed: Changed = (revision, events) => {
    if (revision !== this.#to + 1) {
      return
    }
    if (events === 'many' || (this.#writer?.bytes ?? 0) > TAIL_BYTES_MAX) {
      this.#drop()
      return
    }
    const writer = (this.#writer ??= this.#newWriter())
    let sub = 0
    for (const { type, kv } of events) {
      writer.add({ main: revision, sub, deleted: type === EventType.DELETE, kv })
      sub++
      if (writer.bytes > SEGMENT_BYTES_MAX) {
        this.#drop()
        return
      }
    }
    this.#to = revision
  }

  #newWriter(): ChangesWriter {
    this.#buffer = this.#lent
    this.#lent = undefined
    return new ChangesWriter(this.#buffer?.room)
  }

  #drop(): void {
    this.#end()
    this.#to = 0
  }

  #end(): void {
    this.#writer = undefined
    this.#lent ??= this.#buffer
    this.#buffer = undefined
  }

  /** Those from one revision to the store's own, if they are held. They are not held any more. */
  take(from: Revision, to: Revision): Tail | undefined {
    const [writer, buffer] = [this.#writer, this.#buffer]
    const isHeld = writer !== undefined && this.#from === from && this.#to === to
    if (isHeld) {
      this.#buffer = undefined
    }
    this.begin(to)
    return isHeld ? { writer, from, to, buffer } : undefined
  }

  /**
   * The store has taken an object, which may be in what was lent. Whoever writes a lot writes to one long buffer that is
   * sent as it is, or to another while that is on its way: no memory is asked for, zeroed and copied to each time.
   */
  sent(bytes: Uint8Array, buffer: ObjectBuffer | undefined): void {
    if (bytes.length < BUSY_BYTES) {
      buffer?.free()
      this.free()
    } else if (this.#lent === undefined) {
      this.#lent = buffer ?? new ObjectBuffer(TAIL_BYTES_MAX)
    } else {
      buffer?.free()
    }
    freeBytes(bytes)
  }

  /** What was lent, and is not written to, goes. */
  free(): void {
    this.#lent?.free()
    this.#lent = undefined
  }
}
