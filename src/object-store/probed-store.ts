import {
  type ByteRange,
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
  type PutCondition,
  type StoredObject,
} from './object-store.ts'
import { probe } from './probe.ts'

/** What has come of the probe of a store, for all that use it. */
export interface Probing {
  readonly name: string
  /** Undefined while it is not known. */
  result?: { readonly problem: string | undefined }
}

/**
 * A store that nothing is written to before it was probed. One that does not keep its promises is not
 * asked again; one that could not be reached is probed by the next write.
 */
export class ProbedStore implements ObjectStore {
  readonly #store: ObjectStore
  readonly #probing: Probing
  #underWay: Promise<void> | undefined

  constructor(store: ObjectStore, probing: Probing) {
    this.#store = store
    this.#probing = probing
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#store.get(key, range)
  }

  has(key: string): Promise<boolean> {
    return this.#store.has(key)
  }

  list(
    prefix: string,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<ObjectPage> {
    return this.#store.list(prefix, page)
  }

  async put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    await this.#requireProbed()
    return this.#store.put(key, bytes, condition)
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#requireProbed()
    return this.#store.delete(keys)
  }

  async #requireProbed(): Promise<void> {
    if (this.#probing.result === undefined) {
      this.#underWay ??= this.#probe().finally(() => {
        this.#underWay = undefined
      })
      await this.#underWay
    }
    const { name, result } = this.#probing
    if (result?.problem !== undefined) {
      const message = `${name} cannot keep snapshots: ${result.problem}`
      throw new ObjectStoreError(message, { retryable: false })
    }
  }

  async #probe(): Promise<void> {
    this.#probing.result = { problem: await probe(this.#store) }
  }
}
