import { crc32c } from '../mvcc/crc32c.ts'
import { BUCKET_SUM } from '../mvcc/hash.ts'
import type { Change } from '../mvcc/history.ts'
import { RowSum } from '../mvcc/row-sum.ts'
import type { Revision } from '../mvcc/types.ts'

/**
 * HashKV of a full, from its changes alone: they are to be given twice, in their order, since a row of what
 * is compacted counts only if no later one of its key is there.
 */
export class FullHash {
  readonly #compactRevision: Revision
  /** The place of the last row up to the compacted revision, of each key that lives there. */
  readonly #standing = new Map<number, number>()
  /** Those of them that have changed since. */
  readonly #superseded = new Set<number>()
  /** How many keys live. */
  #living = 0
  #looked = 0
  #added = 0
  readonly #sum = new RowSum(BUCKET_SUM)

  constructor(compactRevision: Revision) {
    this.#compactRevision = compactRevision
  }

  /** The first time. */
  look({ main, deleted, kv }: Change<Uint8Array>): void {
    const place = this.#looked++
    const name = nameOf(kv.key)
    if (main > this.#compactRevision) {
      this.#living += deleted ? -1 : Number(kv.version === 1)
      if (this.#standing.has(name)) {
        this.#superseded.add(name)
      }
      return
    }
    const lived = this.#standing.delete(name)
    this.#living += Number(!deleted) - Number(lived)
    if (!deleted) {
      this.#standing.set(name, place)
    }
  }

  /** The second time. */
  add(change: Change<Uint8Array>): void {
    const place = this.#added++
    if (change.main > this.#compactRevision || this.#stands(place, change)) {
      this.#sum.add(change, change.kv)
    }
  }

  /** etcd passes over what is superseded only where some key is left. */
  #stands(place: number, { kv }: Change<Uint8Array>): boolean {
    const name = nameOf(kv.key)
    const isCurrent = this.#living === 0 || !this.#superseded.has(name)
    return isCurrent && this.#standing.get(name) === place
  }

  get hash(): number {
    return this.#sum.checksum
  }
}

/** 53 bits that stand for a key: the keys themselves would be all in memory. */
function nameOf(key: Uint8Array): number {
  let fnv = 0x811c9dc5
  for (const byte of key) {
    fnv = Math.imul(fnv ^ byte, 0x01000193)
  }
  return crc32c(key) * 2 ** 21 + (fnv >>> 11)
}
