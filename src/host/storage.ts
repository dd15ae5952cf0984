import { SqlStorage } from './sql-storage.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** What storage needs of the life of the object that it is of. */
export interface StorageOwner {
  /** Resolves when all that was written is on disk. */
  durable(): Promise<void>
  /** The alarm that is stored for the object, in ms since 1970. */
  alarm(): number | null
  setAlarm(time: number | null): void
  deleteAll(): void
}

/** `ctx.storage` of an object that is in memory. */
export class DurableObjectStorage {
  readonly sql: SqlStorage
  readonly #file: SqliteFile
  readonly #owner: StorageOwner

  constructor(file: SqliteFile, owner: StorageOwner) {
    this.sql = new SqlStorage(file)
    this.#file = file
    this.#owner = owner
  }

  /** All or nothing; may be nested. */
  transactionSync<T>(body: () => T): T {
    return this.#file.transaction(body)
  }

  async getAlarm(): Promise<number | null> {
    return this.#owner.alarm()
  }

  /** Alarms are of whole milliseconds since 1970. */
  async setAlarm(time: number | Date): Promise<void> {
    this.#owner.setAlarm(Math.floor(Number(time)))
  }

  async deleteAlarm(): Promise<void> {
    this.#owner.setAlarm(null)
  }

  async deleteAll(): Promise<void> {
    this.#owner.deleteAll()
  }

  sync(): Promise<void> {
    return this.#owner.durable()
  }
}
