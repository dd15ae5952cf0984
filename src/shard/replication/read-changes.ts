import { ChangesWriter } from '../../archive/changes.ts'
import type { Change } from '../../mvcc/history.ts'
import type { Revision } from '../../mvcc/types.ts'
import { SEGMENT_BYTES_MAX } from './schedule.ts'

/** What is read in a turn of the event loop: half a millisecond. */
const TURN = { rows: 250, bytes: 256 * 1024 }

/** Counts what a turn has read. */
export class TurnShare {
  readonly #most: { readonly rows: number; readonly bytes: number }
  #rows = 0
  #bytes = 0

  constructor(most: { readonly rows: number; readonly bytes: number }) {
    this.#most = most
  }

  /** A row was read. Answers whether that is enough for a turn, so that the next is to be waited for. */
  spent(bytes: number): boolean {
    this.#rows++
    this.#bytes += bytes
    if (this.#rows < this.#most.rows && this.#bytes < this.#most.bytes) {
      return false
    }
    this.#rows = 0
    this.#bytes = 0
    return true
  }
}

export interface ReadChanges {
  readonly writer: ChangesWriter
  /** The last revision that is in it as a whole. */
  readonly to: Revision
}

interface Wanted {
  readonly from: Revision
  readonly to: Revision
  readonly bytesMax: number
}

interface Log {
  changesBetween(from: Revision, to: Revision): Iterable<Change<Uint8Array>>
}

/**
 * The log's changes from one revision up to another, or to an earlier one where they have more than
 * `bytesMax`. Undefined where the first revision alone is too much for an object.
 */
export async function readChanges(
  log: Log,
  { from, to, bytesMax }: Wanted,
  turn: () => Promise<void>,
): Promise<ReadChanges | undefined> {
  const writer = new ChangesWriter()
  const share = new TurnShare(TURN)
  let last: Revision = from - 1
  for (const change of log.changesBetween(from, to)) {
    if (change.main !== last && writer.bytes >= bytesMax) {
      return { writer, to: change.main - 1 }
    }
    // The record is little longer than that.
    const bytes = writer.bytes + change.kv.key.length + change.kv.value.length
    if (bytes > SEGMENT_BYTES_MAX) {
      return change.main === from
        ? undefined
        : readChanges(log, { from, to: change.main - 1, bytesMax }, turn)
    }
    last = change.main
    writer.add(change)
    if (share.spent(change.kv.key.length + change.kv.value.length)) {
      await turn()
    }
  }
  return { writer, to }
}
