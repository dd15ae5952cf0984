/** What waits for its turn. It answers for itself: what it throws is a defect, and the log's. */
export interface Write {
  /** `now` is in milliseconds since 1970, the same for all writes of a turn. */
  apply(now: number): void
}

/**
 * Group commit. workerd commits once for each turn of the event loop, and a commit is an fsync or,
 * on Cloudflare, a round trip to other data centres. So writes do not run as they come: those of
 * all callers wait for the end of a bridge's message or the next macrotask, which runs them one after
 * the other, each in its own transaction, as one turn and hence one commit. Their answers leave when
 * that is durable. What is more than a turn may do waits for the next one.
 */
export class CommitQueue {
  #waiting: Write[] = []
  #closed = false
  #isHeld = false
  readonly #work: () => number
  readonly #committed: () => void

  /**
   * `work` says what was done so far, in the unit of `Store.work`. `committed` is called in the same
   * turn, after the last of the writes.
   */
  constructor(work: () => number, committed: () => void) {
    this.#work = work
    this.#committed = committed
  }

  enqueue(write: Write): void {
    if (this.#closed) {
      return
    }
    this.#waiting.push(write)
    if (this.#waiting.length === 1 && !this.#isHeld) {
      void nextTurn().then(() => this.#turn())
    }
  }

  /** Until `run`, which must come in this turn, writes wait without a timer, which costs workerd as much as a small put. */
  hold(): void {
    this.#isHeld = true
  }

  /** Resolves with the write's result, or rejects with what it threw; others are not touched. */
  submit<T>(write: (now: number) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.enqueue({
        apply: (now) => {
          try {
            resolve(write(now))
          } catch (error) {
            reject(error)
          }
        },
      })
    })
  }

  /** How many writes wait for their turn. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** There is nothing any more to write to: what waits is not run, nor what comes. */
  close(): void {
    this.#closed = true
    this.#waiting = []
  }

  /** Runs the writes at hand without waiting for more. Answers whether there were any. */
  run(): boolean {
    this.#isHeld = false
    const any = this.#waiting.length > 0
    this.#turn()
    return any
  }

  /** Whoever waits with others for this turn must hear of their own writes, whatever becomes of this one. */
  #apply(write: Write, now: number): void {
    try {
      write.apply(now)
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.error(error)
    }
  }

  #turn(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) {
      return
    }
    this.#waiting = []
    const now = Date.now()
    const enough = this.#work() + TURN_WORK_MAX
    let applied = 0
    for (const write of waiting) {
      if (this.#work() > enough) {
        break
      }
      applied++
      this.#apply(write, now)
    }
    if (applied < waiting.length) {
      this.#waiting = [...waiting.slice(applied), ...this.#waiting]
      void nextTurn().then(() => this.#turn())
    }
    this.#committed()
  }
}

/**
 * What a turn of the event loop does before others are let in, in the unit of `Store.work`: some
 * milliseconds. What has begun is finished, so that a turn may do as much more as one request may.
 */
export const TURN_WORK_MAX = 4000

/** Lets other events in. */
export function nextTurn(): Promise<void> {
  return scheduler.wait(0)
}
