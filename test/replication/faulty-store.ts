import {
  type ByteRange,
  type ListedObject,
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
  type PutCondition,
  type StoredObject,
} from '../../src/object-store/object-store.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** How often of a hundred times a store does what it should not. */
export interface Faults {
  /** Nothing is done, and that is said. */
  readonly fails: number
  /** It is done, and the answer is lost. */
  readonly loses: number
  /** A put is accepted, and is lost. */
  readonly forgets: number
  /** A list is that of a while ago. */
  readonly stale: number
  /** It takes half a minute, and then fails; a put may have been done. */
  readonly stalls: number
}

export const NO_FAULTS: Faults = { fails: 0, loses: 0, forgets: 0, stale: 0, stalls: 0 }

const STALL_MS = 30_000

/** A store in memory that counts what it is asked, and may fail in every way that stores have. */
export class FaultyStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array<ArrayBuffer>>()
  readonly #clock: VirtualClock
  readonly #random: () => number
  faults: Faults = NO_FAULTS
  isAway = false
  /** Each operation takes so many ms at most. */
  latencyMs = 20
  /** Keys of puts that were accepted and then forgotten. */
  readonly forgotten: string[] = []
  /** Those that cost most: puts and lists. Gets. */
  readonly asked = { classA: 0, classB: 0, deleted: 0, putBytes: 0 }
  #old: readonly string[] = []
  #isAtOnce = false

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    this.asked.classB++
    return this.#does(`get ${key}`, () => {
      const bytes = this.objects.get(key)
      if (bytes === undefined) {
        return undefined
      }
      const { offset = 0, length = bytes.length } = range ?? {}
      const part = bytes.slice(offset, offset + length)
      return { bytes: part, size: bytes.length, etag: `${bytes.length}` }
    })
  }

  has(key: string): Promise<boolean> {
    this.asked.classB++
    return this.#does(`head ${key}`, () => this.objects.has(key))
  }

  put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    this.asked.classA++
    this.asked.putBytes += bytes.length
    return this.#does(`put ${key}`, () => {
      if (condition === 'absent' && this.objects.has(key)) {
        return false
      }
      if (this.#happens(this.faults.forgets)) {
        this.forgotten.push(key)
        return true
      }
      // Read as late as a store may: one that stalls reads what it was given when its caller has given up.
      this.objects.set(key, Uint8Array.from(bytes))
      return true
    })
  }

  list(
    prefix: string,
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    this.asked.classA++
    return this.#does(`list ${prefix}`, () => {
      const { after = '', limit = 1000 } = page
      const keys = this.#happens(this.faults.stale) ? this.#old : [...this.objects.keys()]
      this.#old = [...this.objects.keys()]
      const found = keys.filter((key) => key.startsWith(prefix) && key > after).toSorted()
      const objects = found
        .slice(0, limit)
        .map((key): ListedObject => ({ key, size: this.objects.get(key)?.length ?? 0 }))
      return { objects, more: found.length > limit }
    })
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#does('delete', () => {
      this.asked.deleted += keys.length
      keys.forEach((key) => this.objects.delete(key))
    })
  }

  /** The same for who reads what is there now. */
  get atOnce(): ObjectStore {
    const store = new FaultyStore(this.#clock, this.#random)
    this.objects.forEach((bytes, key) => store.objects.set(key, bytes))
    store.#isAtOnce = true
    return store
  }

  async #does<T>(what: string, operation: () => T): Promise<T> {
    const failure = new ObjectStoreError(`${what}: as the test has it`, { retryable: true })
    if (this.#isAtOnce) {
      return operation()
    }
    await this.#clock.wait(1 + this.#random() * this.latencyMs)
    if (this.isAway || this.#happens(this.faults.fails)) {
      throw failure
    }
    if (this.#happens(this.faults.stalls)) {
      await this.#clock.wait(STALL_MS)
      if (this.#happens(50)) {
        operation()
      }
      throw failure
    }
    const answer = operation()
    await this.#clock.wait(1 + this.#random() * this.latencyMs)
    if (this.#happens(this.faults.loses)) {
      throw failure
    }
    return answer
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#random() * 100 < percent
  }
}
