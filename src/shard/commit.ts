/** What waits for its turn. It answers for itself: it must not throw, for others share the turn. */
export interface Write {
  /** `now` is in milliseconds since 1970, the same for all writes of a turn. */
  apply(now: number): void
}

/**
 * Group commit. workerd commits once for each turn of the event loop, and a commit is an fsync or,
 * on Cloudflare, a round trip to other data centres. So writes do not run as they come: those of
 * all callers wait for the end of a bridge's message or the next macrotask, which runs them one after
 * the other, each in its own transaction, as one turn and hence one commit. Their answers leave when
 * that is durable.
 */
export class CommitQueue {
  #waiting: Write[] = []
  #closed = false
  #isHeld = false
  readonly #committed: () => void

  /** `committed` is called in the same turn, after the last of the writes. */
  constructor(committed: () => void) {
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

  #turn(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) {
      return
    }
    this.#waiting = []
    const now = Date.now()
    for (const write of waiting) {
      write.apply(now)
    }
    this.#committed()
  }
}

/** Lets other events in. */
export function nextTurn(): Promise<void> {
  return scheduler.wait(0)
}
