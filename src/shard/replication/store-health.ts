const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 60_000

/**
 * Whether the object store does what it is asked. The log has a line when it begins to fail and one when it
 * works again, and none for each try.
 */
export class StoreHealth {
  readonly #log: (line: string) => void
  #failed = 0
  #since = 0
  /** What it has failed by last; undefined while it works. */
  reason: string | undefined
  /** Before that time nothing is tried, in ms since 1970. */
  retryAt = 0
  /** Since the object came into memory. */
  failures = 0

  constructor(log: (line: string) => void) {
    this.#log = log
  }

  /** Where `mayHelp` is false, to try again helps only when somebody has changed something. */
  failed(reason: string, now: number, mayHelp: boolean): void {
    this.failures++
    if (this.#failed === 0) {
      this.#since = now
      this.#log(`snapshots are not sent: ${reason}`)
    }
    this.reason = reason
    const backoff = mayHelp ? BACKOFF_MS_MIN * 2 ** this.#failed : BACKOFF_MS_MAX
    this.retryAt = now + Math.min(backoff, BACKOFF_MS_MAX)
    this.#failed++
  }

  /** Something was sent. */
  worked(now: number): void {
    if (this.#failed > 0) {
      const seconds = Math.round((now - this.#since) / 1000)
      this.#log(`snapshots are sent again, after ${seconds} s and ${this.#failed} failures`)
    }
    this.#failed = 0
    this.reason = undefined
    this.retryAt = 0
  }
}
