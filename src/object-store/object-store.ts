/** What is stored under a key. */
export interface StoredObject {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Of the whole object, whatever range was asked for. */
  readonly size: number
  /** Differs between two contents of a key. */
  readonly etag: string
}

/** Of an object, `length` bytes from `offset` on, or those of them that it has. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

export interface ListedObject {
  readonly key: string
  readonly size: number
}

export interface ObjectPage {
  /** In the order of their keys' bytes. */
  readonly objects: readonly ListedObject[]
  /** Whether there are others behind the last. */
  readonly more: boolean
}

/** A put replaces what is there, unless it says what is to be there: nothing, or the content of that ETag. */
export type PutCondition = 'absent' | { readonly etag: string }

/**
 * Where snapshots are kept: R2, a directory, or what speaks S3. Keys are of `[a-z0-9/.-]`, at most 512 bytes
 * long; their parts are not empty, begin with no dot and have 255 bytes at most, and no key is the folder of
 * another. What was answered is durable; of what was rejected nobody knows whether it was done. All methods
 * reject with `ObjectStoreError`.
 */
export interface ObjectStore {
  /** Undefined where there is none. */
  get(key: string, range?: ByteRange): Promise<StoredObject | undefined>
  /** Whether there is one. None of its bytes is read. */
  has(key: string): Promise<boolean>
  /** `false` where the condition does not hold; nothing was changed then. */
  put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean>
  /** The objects whose keys begin with `prefix` and are behind `after`: at most `limit`, or 1,000. */
  list(
    prefix: string,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<ObjectPage>
  /** Those that are not there are passed over. */
  delete(keys: readonly string[]): Promise<void>
}

/** One object has at most so many bytes: what is longer is cut into several. */
export const OBJECT_BYTES_MAX = 32 * 1024 * 1024

/** A store that has not done what it was asked. The message is for an operator: it names store and key, no secret. */
export class ObjectStoreError extends Error {
  override readonly name = 'ObjectStoreError'
  /** Whether to try again may help: not where access is denied, or the store is none that can be used. */
  readonly retryable: boolean

  constructor(
    message: string,
    { retryable, cause }: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause })
    this.retryable = retryable
  }
}
