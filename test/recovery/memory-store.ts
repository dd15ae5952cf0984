import type {
  ByteRange,
  ObjectPage,
  ObjectStore,
  PutCondition,
  StoredObject,
} from '../../src/object-store/object-store.ts'
import { ObjectStoreError } from '../../src/object-store/object-store.ts'

/**
 * A store in memory that fails as a real one may, where it is told to: its lists are those of some time ago,
 * what it has accepted is not there, and it does not answer.
 */
export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array<ArrayBuffer>>()
  /** What lists show; undefined is what there is. */
  #listed: readonly string[] | undefined
  /** How often each was put. */
  readonly #versions = new Map<string, number>()
  /** So many operations fail, from the next one on. */
  failing = 0
  /** Of each operation its name. */
  readonly operations: string[] = []

  /** Lists stay as they are now, until `freshLists`. */
  staleLists(): void {
    this.#listed = [...this.objects.keys()]
  }

  freshLists(): void {
    this.#listed = undefined
  }

  get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    return this.#operation('get', () => {
      const bytes = this.objects.get(key)
      const [start, end] = range ? [range.offset, range.offset + range.length] : [0, undefined]
      return (
        bytes && { bytes: bytes.slice(start, end), size: bytes.length, etag: this.#etagOf(key) }
      )
    })
  }

  has(key: string): Promise<boolean> {
    return this.#operation('has', () => this.objects.has(key))
  }

  put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    return this.#operation('put', () => {
      const before = this.objects.get(key)
      const holds =
        condition === undefined ||
        (condition === 'absent'
          ? before === undefined
          : before !== undefined && this.#etagOf(key) === condition.etag)
      if (holds) {
        this.objects.set(key, Uint8Array.from(bytes))
        this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1)
      }
      return holds
    })
  }

  list(
    prefix: string,
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    return this.#operation('list', () => {
      const { after = '', limit = 1_000 } = page
      const keys = (this.#listed ?? [...this.objects.keys()])
        .filter((key) => key.startsWith(prefix) && key > after)
        .toSorted()
      const objects = keys
        .slice(0, limit)
        .map((key) => ({ key, size: this.objects.get(key)?.length ?? 0 }))
      return { objects, more: keys.length > limit }
    })
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#operation('delete', () => keys.forEach((key) => this.objects.delete(key)))
  }

  #etagOf(key: string): string {
    return String(this.#versions.get(key) ?? 0)
  }

  async #operation<T>(name: string, operate: () => T): Promise<T> {
    await Promise.resolve()
    this.operations.push(name)
    if (this.failing > 0) {
      this.failing--
      throw new ObjectStoreError(`memory: ${name} failed`, { retryable: true })
    }
    return operate()
  }
}
