import type { KeyText, TextRange } from './key-text.ts'

/** A part of the boundaries, in order. */
interface Block {
  readonly keys: KeyText[]
  /** By how many ranges more, or less, a key is covered than what comes before it; never zero. */
  readonly deltas: number[]
  sum: number
  /** The least that `deltas` come to from the first one on. */
  low: number
}

const BOUNDARIES_MAX = 256
/** What a boundary takes beside its text. */
const OVERHEAD_BYTES = 32

/**
 * How often each key is covered by ranges that come and go. It knows nothing but where that changes:
 *
 *     [a, c)  [b, d)  [d, ..)    are    a +1    b +1    c -1    (d -1 +1)
 *
 * so that a key is covered where the changes up to it come to more than zero, and a range where that
 * is so all along. The changes stand in blocks with sums, as in a tree of two levels: with 200,000 of
 * them a range comes, goes or is asked for in some microseconds.
 */
export class RangeCover {
  readonly #blocks: Block[] = []
  #boundaries = 0
  #bytes = 0

  constructor(ranges: readonly TextRange[]) {
    const starts = ranges.map(({ start }) => start).toSorted(byCodeUnits)
    const ends = ranges.flatMap(({ end }) => end ?? []).toSorted(byCodeUnits)
    const { keys, deltas } = boundariesOf(starts, ends)
    // Half full, so that the next ones find room.
    const step = BOUNDARIES_MAX / 2
    for (let at = 0; at < keys.length; at += step) {
      this.#blocks.push(blockOf(keys.slice(at, at + step), deltas.slice(at, at + step)))
    }
    this.#boundaries = keys.length
    this.#bytes = keys.reduce((sum, key) => sum + bytesOf(key), 0)
  }

  get boundaries(): number {
    return this.#boundaries
  }

  /** About what it takes of the memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** A range that has keys. */
  add(range: TextRange): void {
    this.#count(range, 1)
  }

  /** One that was added. */
  remove(range: TextRange): void {
    this.#count(range, -1)
  }

  /**
   * Whether every key of the range is covered. A range that ends before its start has no keys, and
   * is asked about as if it were its start alone.
   */
  covers(range: TextRange): boolean {
    const { start, end } = range
    const first = this.#blockWith(start)
    let count = 0
    for (let at = 0; at < first; at++) {
      count += this.#blocks[at]?.sum ?? 0
    }
    for (let at = first; at < this.#blocks.length; at++) {
      const block = this.#blocks[at] as Block
      const { keys, deltas, low, sum } = block
      if (at > first && (end === undefined || (keys.at(-1) ?? '') < end)) {
        if (count <= 0 || count + low <= 0) {
          return false
        }
        count += sum
        continue
      }
      const behind = at > first ? 0 : firstFrom(keys.length, (i) => (keys[i] ?? '') > start)
      for (let i = 0; i < behind; i++) {
        count += deltas[i] ?? 0
      }
      for (let i = behind; i < keys.length; i++) {
        if (count <= 0) {
          return false
        }
        if (end !== undefined && (keys[i] ?? '') >= end) {
          return true
        }
        count += deltas[i] ?? 0
      }
    }
    return count > 0
  }

  #count(range: TextRange, by: number): void {
    this.#change(range.start, by)
    if (range.end !== undefined) {
      this.#change(range.end, -by)
    }
  }

  #change(key: KeyText, by: number): void {
    const at = this.#blockWith(key)
    const block = this.#blocks[at]
    if (block === undefined) {
      this.#blocks.push(blockOf([key], [by]))
      this.#sized(key, 1)
      return
    }
    const { keys, deltas } = block
    const place = firstFrom(keys.length, (i) => (keys[i] ?? '') >= key)
    if (keys[place] !== key) {
      keys.splice(place, 0, key)
      deltas.splice(place, 0, by)
      this.#sized(key, 1)
    } else if (deltas[place] === -by) {
      keys.splice(place, 1)
      deltas.splice(place, 1)
      this.#sized(key, -1)
    } else {
      deltas[place] = (deltas[place] ?? 0) + by
    }
    if (keys.length === 0) {
      this.#blocks.splice(at, 1)
    } else if (keys.length > BOUNDARIES_MAX) {
      const half = keys.length >> 1
      this.#blocks.splice(at + 1, 0, blockOf(keys.splice(half), deltas.splice(half)))
      measure(block)
    } else {
      measure(block)
    }
  }

  #sized(key: KeyText, by: 1 | -1): void {
    this.#boundaries += by
    this.#bytes += by * bytesOf(key)
  }

  /** The last block that begins up to the key, or the first one. */
  #blockWith(key: KeyText): number {
    const blocks = this.#blocks
    return Math.max(firstFrom(blocks.length, (i) => (blocks[i]?.keys[0] ?? '') > key) - 1, 0)
  }
}

function bytesOf(key: KeyText): number {
  return key.length + OVERHEAD_BYTES
}

function blockOf(keys: KeyText[], deltas: number[]): Block {
  const block = { keys, deltas, sum: 0, low: 0 }
  measure(block)
  return block
}

function measure(block: Block): void {
  let sum = 0
  let low = Infinity
  for (const delta of block.deltas) {
    sum += delta
    low = Math.min(low, sum)
  }
  block.sum = sum
  block.low = low
}

/** The first index that satisfies a condition which all after it satisfy too, or `length`. */
function firstFrom(length: number, satisfies: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (satisfies(middle)) {
      high = middle
    } else {
      low = middle + 1
    }
  }
  return low
}

/** Of sorted texts, which come to the same boundary again and again. */
function boundariesOf(
  starts: readonly KeyText[],
  ends: readonly KeyText[],
): { readonly keys: KeyText[]; readonly deltas: number[] } {
  const keys: KeyText[] = []
  const deltas: number[] = []
  let [nextStart, nextEnd] = [0, 0]
  while (nextStart < starts.length || nextEnd < ends.length) {
    const [start, end] = [starts[nextStart], ends[nextEnd]]
    const key = end === undefined || (start !== undefined && start < end) ? start : end
    let delta = 0
    for (; starts[nextStart] === key && nextStart < starts.length; nextStart++) {
      delta++
    }
    for (; ends[nextEnd] === key && nextEnd < ends.length; nextEnd++) {
      delta--
    }
    if (key !== undefined && delta !== 0) {
      keys.push(key)
      deltas.push(delta)
    }
  }
  return { keys, deltas }
}

function byCodeUnits(a: KeyText, b: KeyText): number {
  return a < b ? -1 : 1
}
