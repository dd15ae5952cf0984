import { assert } from './errors.ts'
import { type Bounds, compareBytes } from './key-range.ts'
import { boundsParams, COUNT_CURRENT, COUNT_CURRENT_OPEN } from './log.ts'
import { bytesOf, LIMIT, numberOf, type Sql } from './sql.ts'

const BUCKET_KEYS = 256

export const SELECT_KEY_AT_OFFSET =
  'SELECT key FROM current WHERE key >= ? ORDER BY key LIMIT 1 OFFSET ?'
export const COUNT_UP_TO_OPEN = `SELECT count(*) FROM (SELECT 1 FROM current WHERE key >= ? ${LIMIT})`
export const COUNT_UP_TO = `SELECT count(*) FROM (SELECT 1 FROM current WHERE key >= ? AND key < ? ${LIMIT})`

interface Bucket {
  readonly first: Uint8Array
  keys: number
}

/**
 * How many keys a range holds now. etcd answers every page of a list with the count of the whole
 * range, so counting must not cost what reading all would: the key space is cut into buckets of
 * about 256 keys whose counts are in memory, and only the two buckets at the edges are read. The
 * buckets are built by the first count of a long range after a start, one pass over the keys.
 */
export class KeyCount {
  readonly #sql: Sql
  readonly #bucketKeys: number
  #buckets: Bucket[] | undefined

  constructor(sql: Sql, bucketKeys = BUCKET_KEYS) {
    this.#sql = sql
    this.#bucketKeys = bucketKeys
  }

  /** A bucket with more keys is cut in two. */
  get #bucketKeysMax(): number {
    return 2 * this.#bucketKeys
  }

  count(bounds: Bounds): number {
    if (this.#buckets === undefined) {
      const statement = bounds.end === undefined ? COUNT_UP_TO_OPEN : COUNT_UP_TO
      const some = this.#one(statement, ...boundsParams(bounds), this.#bucketKeysMax)
      if (some < this.#bucketKeysMax) {
        return some
      }
    }
    const buckets = (this.#buckets ??= this.#build())
    const first = this.#indexOf(buckets, bounds.start)
    const last = bounds.end === undefined ? buckets.length - 1 : this.#indexOf(buckets, bounds.end)
    if (first >= last) {
      return this.#read(bounds)
    }
    let keys = this.#read({ start: bounds.start, end: buckets[first + 1]?.first })
    for (let i = first + 1; i < last; i++) {
      keys += buckets[i]?.keys ?? 0
    }
    return keys + this.#read({ start: buckets[last]?.first ?? bounds.start, end: bounds.end })
  }

  /** What a committed transaction did. Buckets are cut only when all of it is counted. */
  changed(created: readonly Uint8Array[], deleted: readonly Uint8Array[]): void {
    const buckets = this.#buckets
    if (buckets === undefined) {
      return
    }
    for (const key of created) {
      this.#add(buckets, key, 1)
    }
    for (const key of deleted) {
      this.#add(buckets, key, -1)
    }
    for (const key of deleted) {
      this.#drop(buckets, this.#indexOf(buckets, key))
    }
    for (const key of created) {
      this.#cut(buckets, this.#indexOf(buckets, key))
    }
  }

  /** After a change too large to follow key by key, the next count of a long range builds anew. */
  forget(): void {
    this.#buckets = undefined
  }

  #add(buckets: readonly Bucket[], key: Uint8Array, difference: 1 | -1): void {
    const bucket = buckets[this.#indexOf(buckets, key)]
    assert(bucket !== undefined, 'there is no bucket before the first')
    bucket.keys += difference
  }

  /** An empty bucket joins the one before, or keys that move on would leave ever more of them. */
  #drop(buckets: Bucket[], index: number): void {
    if (index > 0 && buckets[index]?.keys === 0) {
      buckets.splice(index, 1)
    }
  }

  #cut(buckets: Bucket[], index: number): void {
    const bucket = buckets[index]
    if (bucket !== undefined && bucket.keys > this.#bucketKeysMax) {
      const middle = this.#sql.first(SELECT_KEY_AT_OFFSET, bucket.first, this.#bucketKeys)
      const second = { first: bytesOf(middle?.[0]), keys: bucket.keys - this.#bucketKeys }
      buckets.splice(index + 1, 0, second)
      bucket.keys = this.#bucketKeys
    }
  }

  #build(): Bucket[] {
    const buckets: Bucket[] = []
    let first: Uint8Array | undefined = new Uint8Array(0)
    while (first !== undefined) {
      const next = this.#sql.first(SELECT_KEY_AT_OFFSET, first, this.#bucketKeys)
      const end: Uint8Array | undefined = next === undefined ? undefined : bytesOf(next[0])
      const keys = end === undefined ? this.#read({ start: first, end }) : this.#bucketKeys
      buckets.push({ first, keys })
      first = end
    }
    return buckets
  }

  /** The last bucket that begins at or before the key; the first one begins before all keys. */
  #indexOf(buckets: readonly Bucket[], key: Uint8Array): number {
    let low = 0
    let high = buckets.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (compareBytes(buckets[middle]?.first ?? key, key) <= 0) {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return low
  }

  #read(bounds: Bounds): number {
    const statement = bounds.end === undefined ? COUNT_CURRENT_OPEN : COUNT_CURRENT
    return this.#one(statement, ...boundsParams(bounds))
  }

  #one(statement: string, ...params: readonly (Uint8Array | number | string | null)[]): number {
    return numberOf(this.#sql.first(statement, ...params)?.[0])
  }
}
