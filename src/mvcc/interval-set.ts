import { type Bounds, compareBytes } from './key-range.ts'

/** Ranges of keys, kept sorted and merged, so that asking for a key is a binary search. */
export class IntervalSet {
  readonly #ranges: Bounds[] = []

  add(bounds: Bounds): void {
    if (bounds.end !== undefined && compareBytes(bounds.start, bounds.end) >= 0) {
      return
    }
    let start = bounds.start
    let end = bounds.end
    const first = this.#firstEndingFrom(start)
    let last = first
    for (let range = this.#ranges[last]; range !== undefined; range = this.#ranges[++last]) {
      if (end !== undefined && compareBytes(range.start, end) > 0) {
        break
      }
      start = compareBytes(range.start, start) < 0 ? range.start : start
      end = laterEnd(range.end, end)
    }
    this.#ranges.splice(first, last - first, { start, end })
  }

  addAll(other: IntervalSet): void {
    for (const range of other.#ranges) {
      this.add(range)
    }
  }

  has(key: Uint8Array): boolean {
    for (let i = this.#firstEndingFrom(key); i < this.#ranges.length; i++) {
      const range = this.#ranges[i]
      if (range === undefined || compareBytes(range.start, key) > 0) {
        return false
      }
      if (range.end === undefined || compareBytes(key, range.end) < 0) {
        return true
      }
    }
    return false
  }

  /** The index of the first range whose end is not before the key. */
  #firstEndingFrom(key: Uint8Array): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      const end = this.#ranges[middle]?.end
      if (end !== undefined && compareBytes(end, key) < 0) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}

function laterEnd(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined || b === undefined) {
    return undefined
  }
  return compareBytes(a, b) >= 0 ? a : b
}
