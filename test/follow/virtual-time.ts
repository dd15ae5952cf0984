/** The same numbers from 0 to 1 for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Due {
  readonly time: number
  readonly order: number
  readonly act: () => void
}

/** A clock that stands still while something happens, and goes on to what happens next. In ms. */
export class VirtualTime {
  now = 0
  #order = 0
  /** A heap: none is due before its parent. */
  readonly #due: Due[] = []

  after(ms: number, act: () => void): void {
    const due = { time: this.now + ms, order: this.#order++, act }
    let at = this.#due.length
    this.#due.push(due)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = this.#due[parent]
      if (above === undefined || isBefore(above, due)) {
        break
      }
      this.#due[at] = above
      at = parent
    }
    this.#due[at] = due
  }

  /** Runs what is due until then. Answers how much that was. */
  runUntil(time: number): number {
    let count = 0
    for (let next = this.#due[0]; next !== undefined && next.time <= time; next = this.#due[0]) {
      this.#takeFirst()
      this.now = next.time
      next.act()
      count++
    }
    this.now = time
    return count
  }

  #takeFirst(): void {
    const last = this.#due.pop()
    const { length } = this.#due
    if (last === undefined || length === 0) {
      return
    }
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [one, other] = [this.#due[left], this.#due[left + 1]]
      const child =
        other !== undefined && one !== undefined && isBefore(other, one) ? left + 1 : left
      const below = this.#due[child]
      if (below === undefined || isBefore(last, below)) {
        break
      }
      this.#due[at] = below
      at = child
    }
    this.#due[at] = last
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order)
}
