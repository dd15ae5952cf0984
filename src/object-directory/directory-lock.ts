import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { ObjectStoreError } from '../object-store/object-store.ts'

const WAIT_MS_MAX = 20_000
const RETRY_MS = 5

/**
 * A lock that one holds at a time, in this process and others. It is SQLite's lock of a file, which is
 * one of the kernel's: gone with the process, however that ends. Node has no other.
 */
export class DirectoryLock {
  readonly #file: string
  readonly #store: string
  #database: DatabaseSync | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(file: string, store: string) {
    this.#file = file
    this.#store = store
  }

  /** Runs `work` alone. The folder that the file is in has to be there. */
  during<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(async () => {
      const database = await this.#take()
      try {
        return await work()
      } finally {
        database.exec('ROLLBACK')
      }
    })
    this.#last = run.catch(() => undefined)
    return run
  }

  close(): void {
    this.#database?.close()
    this.#database = undefined
  }

  async #take(): Promise<DatabaseSync> {
    this.#database ??= new DatabaseSync(this.#file, { timeout: 0 })
    for (const until = performance.now() + WAIT_MS_MAX; ; await sleep(RETRY_MS)) {
      try {
        this.#database.exec('BEGIN EXCLUSIVE')
        return this.#database
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'database is locked') {
          throw error
        }
        if (performance.now() > until) {
          throw new ObjectStoreError(`${this.#store} is locked by another process`, {
            retryable: true,
            cause: error,
          })
        }
      }
    }
  }
}
