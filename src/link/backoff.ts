const FIRST_MS = 50
const LAST_MS = 5_000

/** How long to wait before each further try: twice as long each time, and never all at once. */
export class Backoff {
  #tries = 0

  /** In milliseconds. */
  next(): number {
    const longest = Math.min(LAST_MS, FIRST_MS * 2 ** this.#tries)
    this.#tries++
    return (longest * (1 + Math.random())) / 2
  }

  reset(): void {
    this.#tries = 0
  }
}
