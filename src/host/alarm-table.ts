import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { clearTimeout, setTimeout } from 'node:timers'
import type { DurableObjectId } from './durable-object-id.ts'
import type { AlarmKeeper } from './durable-object.ts'
import { runOutside } from './tasks.ts'

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
const SELECT = 'SELECT actor_id, scheduled_time, actor_name FROM _cf_ALARM'

const NS_PER_MS = 1_000_000n
/** Node's timers hold 31 bits. */
const TIMER_MS_MAX = 2 ** 31 - 1
/** https://developers.cloudflare.com/durable-objects/api/alarms/ */
const RETRY_MS = 2_000
const RETRIES_MAX = 6

/** Whose alarm it is; the name where it is known. */
export interface AlarmOwner {
  readonly hex: string
  readonly name: string | undefined
}

type GoOff = (owner: AlarmOwner, retryCount: number, isLast: boolean) => Promise<void>

interface Row {
  readonly actor_id: string
  readonly scheduled_time: bigint
  readonly actor_name: string | null
}

/** An alarm that has not gone off. */
interface Armed {
  readonly time: number
  readonly timer: NodeJS.Timeout
}

/**
 * When the objects of a namespace want to be woken, in the file that workerd keeps for it. The objects'
 * own files decide: this table may know of an alarm that was not stored there in the end.
 */
export class AlarmTable implements AlarmKeeper {
  readonly #path: string
  readonly #goOff: GoOff
  readonly #armed = new Map<string, Armed>()
  #database: DatabaseSync | undefined
  #upsert: StatementSync | undefined
  #delete: StatementSync | undefined

  /** `goOff` rejects where the object's handler has failed. */
  constructor(path: string, goOff: GoOff) {
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
    for (const row of select.all() as unknown as Row[]) {
      const owner = { hex: row.actor_id, name: row.actor_name ?? undefined }
      this.#arm(owner, Number(row.scheduled_time / NS_PER_MS), 0)
    }
  }

  set(id: DurableObjectId, time: number): void {
    const hex = id.toString()
    if (this.#armed.get(hex)?.time !== time) {
      this.#upsert?.run(hex, BigInt(time) * NS_PER_MS, id.name ?? null)
      this.#arm({ hex, name: id.name }, time, 0)
    }
  }

  delete(id: DurableObjectId): void {
    const hex = id.toString()
    clearTimeout(this.#armed.get(hex)?.timer)
    this.#armed.delete(hex)
    this.#delete?.run(hex)
  }

  stop(): void {
    this.#armed.forEach(({ timer }) => clearTimeout(timer))
    this.#armed.clear()
    this.#database?.close()
    this.#database = undefined
    this.#upsert = undefined
    this.#delete = undefined
  }

  #arm(owner: AlarmOwner, time: number, retryCount: number): void {
    clearTimeout(this.#armed.get(owner.hex)?.timer)
    const wait = Math.min(Math.max(time - Date.now(), 0), TIMER_MS_MAX)
    const goOff = (): void => {
      if (Date.now() < time) {
        this.#arm(owner, time, retryCount)
      } else {
        this.#armed.delete(owner.hex)
        void this.#run(owner, retryCount)
      }
    }
    const timer = runOutside(() => setTimeout(goOff, wait))
    this.#armed.set(owner.hex, { time, timer })
  }

  async #run(owner: AlarmOwner, retryCount: number): Promise<void> {
    try {
      await this.#goOff(owner, retryCount, retryCount === RETRIES_MAX)
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Worker's log is its console
      console.error(error)
      const isArmed = this.#armed.has(owner.hex) || this.#database === undefined
      if (retryCount < RETRIES_MAX && !isArmed) {
        this.#arm(owner, Date.now() + RETRY_MS * 2 ** retryCount, retryCount + 1)
      }
    }
  }
}
