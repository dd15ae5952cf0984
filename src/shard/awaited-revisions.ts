import type { Revision } from '../mvcc/types.ts'

/** How long somebody waits for a revision that is still to come, in ms. */
const WAIT_MS = 5_000
/** So many may wait. Whoever is more is told at once. */
const WAITING_MAX = 10_000

interface Waiting {
  readonly revision: Revision
  readonly resolve: (isThere: boolean) => void
  readonly timer: number
}

/** Those who wait for a revision that the store has not got yet. */
export class AwaitedRevisions {
  readonly #waiting = new Set<Waiting>()

  /** Resolves with whether it has come. */
  wait(revision: Revision): Promise<boolean> {
    if (this.#waiting.size >= WAITING_MAX) {
      return Promise.resolve(false)
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting)
        resolve(false)
      }, WAIT_MS)
      const waiting: Waiting = { revision, resolve, timer }
      this.#waiting.add(waiting)
    })
  }

  /** The store has come so far. */
  reached(revision: Revision): void {
    for (const waiting of this.#waiting) {
      if (waiting.revision <= revision) {
        this.#waiting.delete(waiting)
        clearTimeout(waiting.timer)
        waiting.resolve(true)
      }
    }
  }
}
