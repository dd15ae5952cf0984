import { ChangesWriter } from '../../archive/changes.ts'
import type { Changed } from '../../mvcc/store.ts'
import { EventType, type Revision } from '../../mvcc/types.ts'
import { SEGMENT_BYTES, SEGMENT_BYTES_MAX } from './schedule.ts'

/** More is not held while a segment is on its way: it is read from the log then. */
const TAIL_BYTES_MAX = 1.5 * SEGMENT_BYTES

/** Changes as they are written, and the last revision of them. */
export interface Tail {
  readonly writer: ChangesWriter
  readonly from: Revision
  readonly to: Revision
}

/**
 * The last changes, encoded when they are made: half a microsecond of each put, where to read them back from
 * SQLite takes two. What does not fit, or was written before the object came into memory, is read.
 */
export class ChangeTail {
  #writer: ChangesWriter | undefined
  #from: Revision = 0
  #to: Revision = 0

  /** Begins anew behind a revision, which is the store's. */
  begin(revision: Revision): void {
    this.#writer = undefined
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
    this.#writer ??= new ChangesWriter()
    let sub = 0
    for (const { type, kv } of events) {
      this.#writer.add({ main: revision, sub, deleted: type === EventType.DELETE, kv })
      sub++
      if (this.#writer.bytes > SEGMENT_BYTES_MAX) {
        this.#drop()
        return
      }
    }
    this.#to = revision
  }

  #drop(): void {
    this.#writer = undefined
    this.#to = 0
  }

  /** Those from one revision to the store's own, if they are held. They are not held any more. */
  take(from: Revision, to: Revision): Tail | undefined {
    const writer = this.#from === from && this.#to === to ? this.#writer : undefined
    this.begin(to)
    return writer && { writer, from, to }
  }
}
