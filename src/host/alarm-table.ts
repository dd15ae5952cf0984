import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { DurableObjectId } from './durable-object-id.ts'
import type { AlarmKeeper } from './durable-object.ts'

const CREATE_TABLE = `
CREATE TABLE IF NOT EXISTS _cf_ALARM (
  actor_id TEXT PRIMARY KEY,
  scheduled_time INTEGER,
  actor_name TEXT
) WITHOUT ROWID`
const UPSERT = `
INSERT INTO _cf_ALARM (actor_id, scheduled_time, actor_name) VALUES (?, ?, ?)
ON CONFLICT (actor_id) DO UPDATE SET scheduled_time = excluded.scheduled_time`
const DELETE = 'DELETE FROM _cf_ALARM WHERE actor_id = ?'
const SELECT = 'SELECT actor_id, scheduled_time FROM _cf_ALARM'

const NS_PER_MS = 1_000_000n
/** Node's timers hold 31 bits. */
const TIMER_MS_MAX = 2 ** 31 - 1
/** https://developers.cloudflare.com/durable-objects/api/alarms/ */
const RETRY_MS = 2_000
const RETRIES_MAX = 6

/**
 * When the objects of a namespace want to be woken, in the file that workerd keeps for it. The objects'
 * own files decide: this table may know of an alarm that was not stored there in the end.
 */
export class AlarmTable implements AlarmKeeper {
  readonly #path: string
  readonly #goOff: (hex: string, retryCount: number) => Promise<void>
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #database: DatabaseSync | undefined
  #upsert: StatementSync | undefined
  #delete: StatementSync | undefined

  /** `goOff` rejects where the object's handler has failed. */
  constructor(path: string, goOff: (hex: string, retryCount: number) => Promise<void>) {
    this.#path = path
    this.#goOff = goOff
  }

  start(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(this.#path)
    this.#database = database
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    database.exec(CREATE_TABLE)
    this.#upsert = database.prepare(UPSERT)
    this.#delete = database.prepare(DELETE)
    const select = database.prepare(SELECT)
    select.setReadBigInts(true)
    for (const row of select.all() as unknown as { actor_id: string; scheduled_time: bigint }[]) {
      this.#arm(row.actor_id, Number(row.scheduled_time / NS_PER_MS), 0)
    }
  }

  set(id: DurableObjectId, time: number): void {
    this.#upsert?.run(id.toString(), BigInt(time) * NS_PER_MS, id.name ?? null)
    this.#arm(id.toString(), time, 0)
  }

  delete(id: DurableObjectId): void {
    const hex = id.toString()
    clearTimeout(this.#timers.get(hex))
    this.#timers.delete(hex)
    this.#delete?.run(hex)
  }

  stop(): void {
    this.#timers.forEach((timer) => clearTimeout(timer))
    this.#timers.clear()
    this.#database?.close()
    this.#database = undefined
    this.#upsert = undefined
    this.#delete = undefined
  }

  #arm(hex: string, time: number, retryCount: number): void {
    clearTimeout(this.#timers.get(hex))
    const wait = Math.min(Math.max(time - Date.now(), 0), TIMER_MS_MAX)
    const timer = setTimeout(() => {
      if (Date.now() < time) {
        this.#arm(hex, time, retryCount)
      } else {
        this.#timers.delete(hex)
        void this.#run(hex, retryCount)
      }
    }, wait)
    this.#timers.set(hex, timer)
  }

  async #run(hex: string, retryCount: number): Promise<void> {
    try {
      await this.#goOff(hex, retryCount)
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Worker's log is its console
      console.error(error)
      if (retryCount < RETRIES_MAX && !this.#timers.has(hex) && this.#database !== undefined) {
        this.#arm(hex, Date.now() + RETRY_MS * 2 ** retryCount, retryCount + 1)
      }
    }
  }
}
