/** After the first failure it is tried again after so many ms; that doubles from one to the next. */
const RETRY_MS = 50
/** While somebody waits for the leader or it was heard of, and else. */
const RETRY_SOON_MS_MAX = 1_000
const RETRY_MS_MAX = 10_000
/** From so many failures on the leader is not reachable. */
export const FAILURES_UNREACHABLE = 2

/** When to try again to reach a leader, in ms. */
export class Backoff {
  #failures = 0
  #failed = -Infinity
  /** It has pushed something since: it may be reached by now. */
  #isHeardOf = false

  get failures(): number {
    return this.#failures
  }

  get isUnreachable(): boolean {
    return this.#failures >= FAILURES_UNREACHABLE
  }

  /** What had left before the last failure was seen says nothing new. */
  failed(now: number, sent: number, count = 1): void {
    this.#isHeardOf = false
    if (this.#failures === 0 || sent >= this.#failed) {
      this.#failures += count
      this.#failed = now
    }
  }

  succeeded(): void {
    this.#failures = 0
  }

  heard(): void {
    this.#isHeardOf = true
  }

  nextTry(isWaitedFor: boolean): number {
    const max = isWaitedFor || this.#isHeardOf ? RETRY_SOON_MS_MAX : RETRY_MS_MAX
    return this.#failures === 0
      ? -Infinity
      : this.#failed + Math.min(max, RETRY_MS * 2 ** (this.#failures - 1))
  }
}
