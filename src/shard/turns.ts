import { nextTurn, TURN_WORK_MAX } from './commit.ts'

/**
 * Long reads share the shard's one thread: each waits for a turn of the event loop of its own for each
 * of its pages, first come, first served. Writes, watches and short reads run between two turns,
 * however many wait.
 */
export class Turns {
  readonly #work: () => number
  readonly #waiting: (() => void)[] = []
  #begun = 0

  /** `work` says what was done so far. */
  constructor(work: () => number) {
    this.#work = work
  }

  /** A message or a batch of calls has come, which may have as much as any other. */
  begin(): void {
    this.#begun = this.#work()
  }

  /** Whether what came has had its part, so that a long read of it has to wait. */
  get spent(): boolean {
    return this.#work() - this.#begun > TURN_WORK_MAX
  }

  /** Resolves in a turn that no other long read has. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) {
        void this.#run()
      }
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await nextTurn()
      this.#waiting.shift()?.()
    }
  }
}
