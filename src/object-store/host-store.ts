import * as z from 'zod'
import { conditionHeaders } from './condition-headers.ts'
import { ANSWER_MS_MAX, within } from './deadline.ts'
import { DELETED_MAX, OBJECTS_PATH, SIZE_HEADER, storeProblem } from './object-answer.ts'
import { checkKey, checkPrefix, checkSize } from './object-checks.ts'
import {
  type ByteRange,
  type ObjectPage,
  type ObjectStore,
  OBJECT_BYTES_MAX,
  ObjectStoreError,
  type PutCondition,
  type StoredObject,
} from './object-store.ts'

/** What answers by `answerForStore`: the Worker's binding HOST. */
export interface StoreHost {
  fetch(url: string, init: RequestInit): Promise<Response>
}

interface Asked extends RequestInit {
  readonly method: string
}

const objectPage = z.object({
  objects: z.array(z.object({ key: z.string(), size: z.number() })),
  more: z.boolean(),
})

/** A store that the process has which started the Worker: it can write files, and flush them. */
export class HostStore implements ObjectStore {
  readonly name: string
  readonly #host: StoreHost

  constructor(host: StoreHost, name: string) {
    this.#host = host
    this.name = name
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    checkKey(key)
    const asked =
      range === undefined
        ? {}
        : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }
    const most = Math.min(range?.length ?? OBJECT_BYTES_MAX, OBJECT_BYTES_MAX)
    return this.#ask(`/${key}`, { method: 'GET', headers: asked }, most, async (response) => {
      if (response.status === 404) {
        return undefined
      }
      return {
        bytes: new Uint8Array(await response.arrayBuffer()),
        size: Number(response.headers.get(SIZE_HEADER)),
        etag: (response.headers.get('ETag') ?? '').slice(1, -1),
      }
    })
  }

  async has(key: string): Promise<boolean> {
    checkKey(key)
    return this.#ask(`/${key}`, { method: 'HEAD' }, 0, async ({ status }) => status !== 404)
  }

  async put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    checkKey(key)
    checkSize(key, bytes.length)
    // A request that goes nowhere has no Content-Length.
    const headers = { ...conditionHeaders(condition), [SIZE_HEADER]: String(bytes.length) }
    const asked = { method: 'PUT', headers, body: bytes }
    return this.#ask(`/${key}`, asked, bytes.length, async ({ status }) => status !== 412)
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    checkPrefix(prefix)
    const query = new URLSearchParams({
      prefix,
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit: String(limit) }),
    })
    return this.#ask(`?${query.toString()}`, { method: 'GET' }, 0, async (response) =>
      objectPage.parse(await response.json()),
    )
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey)
    for (let at = 0; at < keys.length; at += DELETED_MAX) {
      const asked = { method: 'POST', body: JSON.stringify(keys.slice(at, at + DELETED_MAX)) }
      await this.#ask('', asked, 0, async () => undefined)
    }
  }

  /** What it answers, an error of the store aside; `bytes` go there or come at most. */
  #ask<T>(
    path: string,
    asked: Asked,
    bytes: number,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const what = `${this.name}: ${asked.method} ${path}`
    return within({ answerMs: ANSWER_MS_MAX, bytes, what }, async (signal) => {
      try {
        const url = `http://host${OBJECTS_PATH}${path}`
        const response = await this.#host.fetch(url, { ...asked, signal })
        if (response.status < 500) {
          return await read(response)
        }
        const { message, retryable } = storeProblem.parse(await response.json())
        throw new ObjectStoreError(message, { retryable })
      } catch (error) {
        throw error instanceof ObjectStoreError
          ? error
          : new ObjectStoreError(`${what}: ${String(error)}`, { retryable: true, cause: error })
      }
    })
  }
}
