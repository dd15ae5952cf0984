/** When to try again what fails, in ms. */
export class Backoff {
  readonly #first: number
  #failures = 0
  #failed = -Infinity

  /** What is waited for after the first failure; it doubles from one to the next. */
  constructor(first: number) {
    this.#first = first
  }

  get failures(): number {
    return this.#failures
  }

  /** What had left before the last failure was seen says nothing new. */
  failed(now: number, sent: number, count = 1): void {
    if (this.#failures === 0 || sent >= this.#failed) {
      this.#failures += count
      this.#failed = now
    }
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** No time to wait is longer than `max`. */
  nextTry(max: number): number {
    return this.#failures === 0
      ? -Infinity
      : this.#failed + Math.min(max, this.#first * 2 ** (this.#failures - 1))
  }
}
