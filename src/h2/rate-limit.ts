/** Counts what a client does more often than there is reason to: a burst, then so many a second. */
export class RateLimit {
  readonly #burst: number
  readonly #perMs: number
  #left: number
  #last = -Infinity

  constructor(burst: number, perSecond: number) {
    this.#burst = burst
    this.#left = burst
    this.#perMs = perSecond / 1000
  }

  /** `now` is in milliseconds of any clock. False where it was one too many. */
  allows(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#last) * this.#perMs)
    this.#last = now
    if (this.#left < 1) {
      return false
    }
    this.#left--
    return true
  }
}
