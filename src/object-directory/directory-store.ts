import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkKey, checkPrefix, checkSize, pageLimit } from '../object-store/object-checks.ts'
import {
  type ByteRange,
  type ListedObject,
  type ObjectPage,
  type ObjectStore,
  ObjectStoreError,
  type PutCondition,
  type StoredObject,
} from '../object-store/object-store.ts'
import { DirectoryLock } from './directory-lock.ts'
import { keysBehind, TEMPORARY } from './directory-walk.ts'
import { absent, create, isFolder, isThere, present, remove, sizeOf } from './file-calls.ts'
import { codeOf, toldProblem } from './file-problem.ts'
import { flushFolder, makeOuter, writeFlushed } from './flush.ts'

/** Folders known to be there, so that most puts need not look: no more than so many. */
const FOLDERS_KNOWN_MAX = 1024
/** A folder may be taken away, being empty, before there is a file in it. */
const FOLDER_TRIES_MAX = 10

/**
 * Objects as files below a folder, by the names of their keys. Several processes may use it at once.
 * An object is written under another name and gets its own when it is on disk, so that it is there
 * whole or not at all; then its folder is flushed. Nobody but this user may read what is there.
 */
export class DirectoryStore implements ObjectStore {
  readonly name: string
  readonly #root: string
  readonly #lock: DirectoryLock
  readonly #folders = new Set<string>()

  /** `root` is an absolute path; the folder is made where it is missing. */
  constructor(root: string) {
    this.#root = resolve(root)
    this.name = pathToFileURL(this.#root).href
    this.#lock = new DirectoryLock(join(this.#root, '~lock'), this.name)
  }

  close(): void {
    this.#lock.close()
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    checkKey(key)
    return this.#told(`cannot read ${key}`, async () => {
      const bytes = await this.#read(key)
      if (bytes === undefined) {
        return undefined
      }
      const { offset, length } = range ?? { offset: 0, length: bytes.length }
      // A copy: what was not asked for is not kept in memory.
      const asked = range === undefined ? bytes : bytes.slice(offset, offset + length)
      return { bytes: asked, size: bytes.length, etag: await etagOf(bytes) }
    })
  }

  async has(key: string): Promise<boolean> {
    checkKey(key)
    return this.#told(
      `cannot look for ${key}`,
      async () => (await sizeOf(this.#path(key))) !== undefined,
    )
  }

  async put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    checkKey(key)
    checkSize(key, bytes.length)
    return this.#told(`cannot write ${key}`, async () => {
      const path = this.#path(key)
      if (await isFolder(path)) {
        const problem = `${this.name}: ${key} is a folder`
        throw new ObjectStoreError(problem, { retryable: false })
      }
      if (condition === 'absent' && (await isThere(path))) {
        return false
      }
      const temporary = await this.#writeTemporary(dirname(path), bytes)
      try {
        const isPut =
          condition === 'absent'
            ? await create(temporary, path)
            : await this.#lock.during(() => this.#replace(key, temporary, condition))
        if (!isPut) {
          return false
        }
      } finally {
        await rm(temporary, { force: true })
      }
      await flushFolder(dirname(path))
      return true
    })
  }

  async list(
    prefix: string,
    { after = '', limit }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    checkPrefix(prefix)
    return this.#told(`cannot list ${prefix}`, async () => {
      const most = pageLimit(limit)
      const objects: ListedObject[] = []
      for await (const key of keysBehind(this.#root, { prefix, after })) {
        const size = await sizeOf(this.#path(key))
        if (size !== undefined) {
          if (objects.length === most) {
            return { objects, more: true }
          }
          objects.push({ key, size })
        }
      }
      return { objects, more: false }
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey)
    await this.#told('cannot delete', async () => {
      await this.#makeFolder(this.#root)
      await this.#lock.during(async () => {
        const folders = new Set<string>()
        for (const key of keys) {
          const path = this.#path(key)
          if (await remove(path)) {
            folders.add(dirname(path))
          }
        }
        for (const folder of folders) {
          await flushFolder(folder)
        }
        for (const folder of folders) {
          await this.#removeEmpty(folder)
        }
      })
    })
  }

  #path(key: string): string {
    return join(this.#root, key)
  }

  /** Undefined where there is no such file. */
  async #read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await absent(open(this.#path(key), 'r'))
    if (file === undefined) {
      return undefined
    }
    try {
      const found = await file.stat()
      if (!found.isFile()) {
        return undefined
      }
      checkSize(key, found.size)
      const bytes = new Uint8Array(found.size)
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await file.read(bytes, at)
        if (bytesRead === 0) {
          throw new ObjectStoreError(`${this.name}: ${key} was cut while it was read`, {
            retryable: true,
          })
        }
        at += bytesRead
      }
      return bytes
    } finally {
      await file.close()
    }
  }

  /** Under the lock: nobody else replaces or deletes meanwhile. */
  async #replace(
    key: string,
    temporary: string,
    condition: Exclude<PutCondition, 'absent'> | undefined,
  ): Promise<boolean> {
    if (condition !== undefined) {
      const bytes = await this.#read(key)
      if (bytes === undefined || (await etagOf(bytes)) !== condition.etag) {
        return false
      }
    }
    await rename(temporary, this.#path(key))
    return true
  }

  async #writeTemporary(folder: string, bytes: Uint8Array): Promise<string> {
    for (let tries = 1; ; tries++) {
      const path = join(folder, `${TEMPORARY}${randomUUID()}`)
      try {
        await this.#makeFolder(folder)
        await writeFlushed(path, bytes)
        return path
      } catch (error) {
        await rm(path, { force: true })
        if (codeOf(error) !== 'ENOENT' || tries === FOLDER_TRIES_MAX) {
          throw error
        }
        this.#folders.clear()
      }
    }
  }

  /** Makes it and those above it, each flushed into the one that it is in. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) {
      return
    }
    const above = dirname(folder)
    if (folder === this.#root) {
      // What is above the root may be hidden from this user.
      if (!(await isThere(folder))) {
        await makeOuter(folder)
      }
    } else {
      await this.#makeFolder(above)
      await present(mkdir(folder, { mode: 0o700 }))
      await flushFolder(above)
    }
    if (this.#folders.size === FOLDERS_KNOWN_MAX) {
      this.#folders.clear()
    }
    this.#folders.add(folder)
  }

  /** Takes away a folder that nothing is in any more, and those above it. */
  async #removeEmpty(folder: string): Promise<void> {
    for (let emptied = folder; emptied !== this.#root; emptied = dirname(emptied)) {
      this.#folders.delete(emptied)
      try {
        await rmdir(emptied)
      } catch (error) {
        if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') {
          return
        }
        if (codeOf(error) !== 'ENOENT') {
          throw error
        }
      }
    }
  }

  async #told<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw toldProblem(error, `${this.name}: ${what}`)
    }
  }
}

/** Of the content, so that it stays what it is when a folder is copied. */
async function etagOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex', 0, 16)
}
