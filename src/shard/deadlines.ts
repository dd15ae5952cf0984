export type DeadlineName =
  | 'lease'
  | 'compaction'
  | 'watch-progress'
  | 'auto-compaction'
  | 'access'
  | 'replication'
  | 'feed'
  | 'v2'

/**
 * Named deadlines over the one alarm of a Durable Object. The names live in memory, because each
 * of them can be told again from the state after a start; only the earliest time is stored. A
 * stored alarm costs a row, so one that is too early is left to go off in vain.
 */
export class Deadlines {
  readonly #storage: DurableObjectStorage
  readonly #times = new Map<DeadlineName, number>()
  #stored: number | null = null
  /** The alarm that went off last. Storing it again is taken for not having stored any. */
  #fired = 0

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  /** To be awaited before the first `set`. */
  async load(): Promise<void> {
    this.#stored = await this.#storage.getAlarm()
  }

  has(name: DeadlineName): boolean {
    return this.#times.has(name)
  }

  /** Whether to set it would change nothing. */
  isAt(name: DeadlineName, time: number | undefined): boolean {
    return this.#times.get(name) === (time && Math.ceil(time))
  }

  /** Milliseconds since 1970; undefined for none. */
  async set(name: DeadlineName, time: number | undefined): Promise<void> {
    if (time === undefined) {
      this.#times.delete(name)
      return
    }
    // Alarms are of whole milliseconds, and one that is cut down to them goes off too early.
    this.#times.set(name, Math.ceil(time))
    await this.#store()
  }

  /** The names whose time has come. The alarm that went off is stored no more. */
  due(now: number): readonly DeadlineName[] {
    this.#fired = this.#stored ?? now
    this.#stored = null
    const due = [...this.#times].filter(([, time]) => time <= now).map(([name]) => name)
    for (const name of due) {
      this.#times.delete(name)
    }
    return due
  }

  /** Stores the alarm for what is left, at the end of the alarm's handler. */
  async rearm(): Promise<void> {
    await this.#store()
  }

  async #store(): Promise<void> {
    const earliest = Math.max(Math.min(...this.#times.values()), this.#fired + 1)
    if (earliest !== Infinity && (this.#stored === null || earliest < this.#stored)) {
      this.#stored = earliest
      await this.#storage.setAlarm(earliest)
    }
  }
}
