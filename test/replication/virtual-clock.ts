interface Timer {
  readonly at: number
  readonly done: () => void
}

/** Time that passes only when it is told to. */
export class VirtualClock {
  #now = 1_800_000_000_000
  #timers: Timer[] = []

  now(): number {
    return this.#now
  }

  wait(ms: number): Promise<void> {
    return new Promise((done) => this.at(this.#now + ms, done))
  }

  at(time: number, done: () => void): void {
    this.#timers.push({ at: Math.ceil(time), done })
  }

  /** All that is due meanwhile happens in its order, and what that sets off. */
  async pass(ms: number): Promise<void> {
    const end = Math.round(this.#now + ms)
    for (;;) {
      await settled()
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) {
        this.#now = end
        return
      }
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#now = Math.max(this.#now, next.at)
      next.done()
    }
  }
}

/** When all has run that can run now. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Numbers below 1 that are the same for a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
