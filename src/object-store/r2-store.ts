import { ANSWER_MS_MAX, within } from './deadline.ts'
import { checkKey, checkPrefix, checkSize, isKey, pageLimit } from './object-checks.ts'
import {
  type ByteRange,
  type ListedObject,
  type ObjectPage,
  type ObjectStore,
  OBJECT_BYTES_MAX,
  ObjectStoreError,
  type PutCondition,
  type StoredObject,
} from './object-store.ts'

/** What R2 deletes at once. */
const DELETED_MAX = 1000

/**
 * What stays as it is until somebody changes something: no right, no such bucket, a name or a size that is
 * refused, a lock on the bucket (R2's documentation, "Error codes"). All else may pass, a lost connection too.
 */
const lastingCodes: ReadonlySet<number | undefined> = new Set([
  10_002, 10_003, 10_005, 10_006, 10_012, 10_018, 10_020, 10_035, 10_042, 10_069, 100_100,
])

/** A bucket of R2 that the Worker is bound to. */
export class R2Store implements ObjectStore {
  readonly name = 'R2'
  readonly #bucket: R2Bucket

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    checkKey(key)
    const bytes = Math.min(range?.length ?? OBJECT_BYTES_MAX, OBJECT_BYTES_MAX)
    return this.#asked(`get ${key}`, bytes, async () => {
      const object =
        range === undefined ? await this.#bucket.get(key) : await this.#getRange(key, range)
      if (object === null) {
        return undefined
      }
      const { size, etag } = object
      checkSize(key, range === undefined ? size : 0)
      return { bytes: await bytesOf(object), size, etag }
    })
  }

  async has(key: string): Promise<boolean> {
    checkKey(key)
    return this.#asked(`head ${key}`, 0, async () => (await this.#bucket.head(key)) !== null)
  }

  /** Without a body where the object has no byte of the range, which R2 refuses in several ways. */
  async #getRange(key: string, range: ByteRange): Promise<R2ObjectBody | R2Object | null> {
    if (range.length === 0) {
      return this.#bucket.head(key)
    }
    try {
      return await this.#bucket.get(key, { range })
    } catch (error) {
      const object = await this.#bucket.head(key)
      if (object === null || object.size <= range.offset) {
        return object
      }
      throw error
    }
  }

  async put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    checkKey(key)
    checkSize(key, bytes.length)
    return this.#asked(`put ${key}`, bytes.length, async () => {
      const options = condition === undefined ? {} : { onlyIf: conditionalOf(condition) }
      return (await this.#bucket.put(key, bytes, options)) !== null
    })
  }

  async list(
    prefix: string,
    { after = '', limit }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    checkPrefix(prefix)
    return this.#asked(`list ${prefix}`, 0, async () => {
      let options: R2ListOptions = { prefix, startAfter: after, limit: pageLimit(limit) }
      // What is not ours may fill whole pages, and a page of none would be the end.
      for (;;) {
        const page = await this.#bucket.list(options)
        const objects = page.objects.map(({ key, size }): ListedObject => ({ key, size }))
        const ours = objects.filter(({ key }) => isKey(key))
        if (ours.length > 0 || !page.truncated) {
          return { objects: ours, more: page.truncated }
        }
        options = { ...options, cursor: page.cursor }
      }
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey)
    for (let at = 0; at < keys.length; at += DELETED_MAX) {
      const some = keys.slice(at, at + DELETED_MAX)
      await this.#asked('delete', 0, () => this.#bucket.delete(some))
    }
  }

  #asked<T>(operation: string, bytes: number, work: () => Promise<T>): Promise<T> {
    const what = `${this.name}: ${operation}`
    return within({ answerMs: ANSWER_MS_MAX, bytes, what }, async () => {
      try {
        return await work()
      } catch (error) {
        throw error instanceof ObjectStoreError ? error : toldError(error, what)
      }
    })
  }
}

function hasBody(object: R2Object | R2ObjectBody): object is R2ObjectBody {
  return 'body' in object
}

async function bytesOf(object: R2Object | R2ObjectBody): Promise<Uint8Array<ArrayBuffer>> {
  return hasBody(object) ? new Uint8Array(await object.arrayBuffer()) : new Uint8Array(0)
}

function conditionalOf(condition: PutCondition): R2Conditional {
  return condition === 'absent' ? { etagDoesNotMatch: '*' } : { etagMatches: condition.etag }
}

function toldError(error: unknown, what: string): ObjectStoreError {
  return new ObjectStoreError(`${what}: ${messageOf(error)}`, {
    retryable: !lastingCodes.has(codeOf(error)),
    cause: error,
  })
}

/** An error of R2 ends with its code in brackets. */
function codeOf(error: unknown): number | undefined {
  const [, code] = /\((\d+)\)$/.exec(messageOf(error)) ?? []
  return code === undefined ? undefined : Number(code)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
