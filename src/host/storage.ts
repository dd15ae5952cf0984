import { SqlStorage } from './sql-storage.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** The nanoseconds since 1970 of a later alarm have no room in 63 bits, of which workerd uses less. */
const ALARM_MAX = Date.UTC(2189, 0)

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

  /** Alarms are of whole milliseconds since 1970; one of the past is due now. */
  async setAlarm(time: number | Date): Promise<void> {
    const ms = Math.floor(Number(time))
    if (!(ms > 0)) {
      throw new TypeError('setAlarm() cannot be called with an alarm time <= 0')
    }
    if (ms > ALARM_MAX) {
      throw new TypeError("This API doesn't support dates after 2189.")
    }
    this.#owner.setAlarm(Math.max(ms, Date.now()))
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
