import { nextTurn } from './commit.ts'

/** What long reads do in a turn of the event loop, in the unit of `Store.work`: some milliseconds. */
const READ_WORK_MAX = 1500

/** A read that waits. It answers for itself: what it throws is a defect, and the log's. */
type Read = () => void

/**
 * Long reads share the shard's one thread: each waits until it may read a page, first come, first
 * served, and what a turn of the event loop reads is limited. Writes, watches and short reads run
 * between two turns, however many wait.
 */
export class Turns {
  readonly #work: () => number
  readonly #waiting: Read[] = []
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
    return this.#work() - this.#begun >= READ_WORK_MAX
  }

  /** Runs it in a later turn. */
  wait(read: Read): void {
    this.#waiting.push(read)
    if (this.#waiting.length === 1) {
      void this.#run()
    }
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await nextTurn()
      const enough = this.#work() + READ_WORK_MAX
      let count = 0
      for (const read of this.#waiting) {
        if (this.#work() >= enough) {
          break
        }
        count++
        tried(read)
      }
      this.#waiting.splice(0, count)
    }
  }
}

/** Others wait behind it. */
function tried(read: Read): void {
  try {
    read()
  } catch (error) {
    // oxlint-disable-next-line no-console -- a Durable Object's log is its console
    console.error(error)
  }
}
