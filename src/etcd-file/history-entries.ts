import { revisionBytes } from '../mvcc/revision-bytes.ts'
import { RowSum } from '../mvcc/row-sum.ts'
import type { Revision } from '../mvcc/types.ts'
import { encode } from '../protocol/binary.ts'
import { type Event, KeyValue } from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import type { BucketEntry } from './etcd-file.ts'
import { FileProblem } from './file-problem.ts'

/** etcd's EventType. */
const DELETE = 1

/** Where a history is: the last revision that is there as a whole, and the sum of all until there. */
export interface HistoryPoint {
  readonly revision: Revision
  /** CRC-32C of the changes (mvcc/changes-sum.ts). */
  readonly changesSum: number
}

/**
 * Makes of the events of a watch on everything what the file of the etcd would hold of them: entries of
 * its bucket `key`, which go on behind a point of its history. An event says all that etcd keeps of a
 * change but its place in its revision, and events come in that order.
 */
export class HistoryEntries {
  readonly #sum: RowSum
  #main: Revision
  #sub = 0

  constructor({ revision, changesSum }: HistoryPoint) {
    this.#sum = new RowSum(changesSum)
    this.#main = revision
  }

  /** To be asked when the last revision has come as a whole. */
  get point(): HistoryPoint {
    return { revision: this.#main, changesSum: this.#sum.checksum }
  }

  /** Throws FileProblem for an event that is behind a later one. */
  entryOf({ type, kv }: Event): BucketEntry {
    const main = kv?.modRevision ?? 0
    if (kv === undefined || main < this.#main) {
      throw new FileProblem(`tells of revision ${main} behind revision ${this.#main}`)
    }
    this.#sub = main === this.#main ? this.#sub + 1 : 0
    this.#main = main
    const deleted = type === DELETE
    const stored = deleted ? create(KeyValue, { key: kv.key }) : kv
    const name = { main, sub: this.#sub, deleted }
    this.#sum.add(name, stored)
    return { bucket: 'key', key: revisionBytes(name), value: encode(KeyValue, stored) }
  }
}
