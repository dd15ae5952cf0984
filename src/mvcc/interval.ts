import { assert } from './errors.ts'
import { type Bounds, compareBytes } from './key-range.ts'

interface Node<T> {
  readonly start: Uint8Array
  /** Undefined is open. */
  readonly end: Uint8Array | undefined
  readonly values: Set<T>
  readonly priority: number
  left: Node<T> | undefined
  right: Node<T> | undefined
  /** The latest end in the subtree. */
  latest: Uint8Array | undefined
}

/**
 * Values by the ranges of keys that they belong to; it finds those whose range holds a key. Points,
 * which most ranges are, stand in a map. The others stand in a treap ordered by their start whose
 * nodes know the latest end below them, so that subtrees which end before the key are passed over;
 * equal ranges share a node. Priorities come from a hash of the range: no randomness, no rebalancing
 * code, and a height of O(log n) unless somebody crafts keys against the hash, whose cost he bears.
 */
export class IntervalIndex<T> {
  readonly #points = new Map<string, Set<T>>()
  #root: Node<T> | undefined

  add(bounds: Bounds, value: T): void {
    const point = pointOf(bounds)
    if (point === undefined) {
      this.#root = insert(this.#root, bounds, value)
      return
    }
    const values = this.#points.get(point)
    if (values === undefined) {
      this.#points.set(point, new Set([value]))
    } else {
      values.add(value)
    }
  }

  remove(bounds: Bounds, value: T): void {
    const point = pointOf(bounds)
    if (point === undefined) {
      this.#root = without(this.#root, bounds, value)
      return
    }
    const values = this.#points.get(point)
    if (values?.delete(value) === true && values.size === 0) {
      this.#points.delete(point)
    }
  }

  /** Each value once for each of its ranges. */
  *values(): Iterable<T> {
    for (const values of this.#points.values()) {
      yield* values
    }
    yield* valuesOf(this.#root)
  }

  /** Visits the values whose range holds the key. */
  visit(key: Uint8Array, visitor: (value: T) => void): void {
    const values = this.#points.get(nameOf(key, key.length))
    if (values !== undefined) {
      for (const value of values) {
        visitor(value)
      }
    }
    stab(this.#root, key, visitor)
  }
}

/** The key of a range [key, key + "\0"), as a string of its bytes. */
function pointOf({ start, end }: Bounds): string | undefined {
  if (end === undefined || end.length !== start.length + 1 || end[start.length] !== 0) {
    return undefined
  }
  return compareBytes(start, end.subarray(0, start.length)) === 0
    ? nameOf(start, start.length)
    : undefined
}

const ARGUMENTS_MAX = 4096

function nameOf(key: Uint8Array, length: number): string {
  let name = ''
  for (let i = 0; i < length; i += ARGUMENTS_MAX) {
    name += String.fromCharCode(...key.subarray(i, i + ARGUMENTS_MAX))
  }
  return name
}

function compareEnds(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined || b === undefined) {
    return a === b ? 0 : a === undefined ? 1 : -1
  }
  return compareBytes(a, b)
}

function compareRanges(a: Bounds, b: Bounds): number {
  return compareBytes(a.start, b.start) || compareEnds(a.end, b.end)
}

/** FNV-1a over both ends. */
function priorityOf({ start, end }: Bounds): number {
  let hash = 0x811c9dc5
  for (const bytes of [start, end ?? start]) {
    for (const byte of bytes) {
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
  }
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0
}

function insert<T>(node: Node<T> | undefined, bounds: Bounds, value: T): Node<T> {
  if (node === undefined) {
    const { start, end } = bounds
    const priority = priorityOf(bounds)
    const values = new Set([value])
    return { start, end, values, priority, left: undefined, right: undefined, latest: end }
  }
  const order = compareRanges(bounds, node)
  if (order === 0) {
    node.values.add(value)
    return node
  }
  if (order < 0) {
    node.left = insert(node.left, bounds, value)
    return measured(node.left.priority > node.priority ? rotateRight(node, node.left) : node)
  }
  node.right = insert(node.right, bounds, value)
  return measured(node.right.priority > node.priority ? rotateLeft(node, node.right) : node)
}

function without<T>(node: Node<T> | undefined, bounds: Bounds, value: T): Node<T> | undefined {
  assert(node !== undefined, 'the range is not in the index')
  const order = compareRanges(bounds, node)
  if (order < 0) {
    node.left = without(node.left, bounds, value)
  } else if (order > 0) {
    node.right = without(node.right, bounds, value)
  } else {
    node.values.delete(value)
    if (node.values.size === 0) {
      return joined(node.left, node.right)
    }
  }
  return measured(node)
}

/** Two subtrees, all of the first before all of the second, as one. */
function joined<T>(a: Node<T> | undefined, b: Node<T> | undefined): Node<T> | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b
  }
  if (a.priority > b.priority) {
    a.right = joined(a.right, b)
    return measured(a)
  }
  b.left = joined(a, b.left)
  return measured(b)
}

function rotateRight<T>(node: Node<T>, left: Node<T>): Node<T> {
  node.left = left.right
  left.right = measured(node)
  return left
}

function rotateLeft<T>(node: Node<T>, right: Node<T>): Node<T> {
  node.right = right.left
  right.left = measured(node)
  return right
}

function measured<T>(node: Node<T>): Node<T> {
  let latest = node.end
  for (const child of [node.left, node.right]) {
    if (child !== undefined && compareEnds(child.latest, latest) > 0) {
      latest = child.latest
    }
  }
  node.latest = latest
  return node
}

function stab<T>(node: Node<T> | undefined, key: Uint8Array, visitor: (value: T) => void): void {
  if (node === undefined || (node.latest !== undefined && compareBytes(node.latest, key) <= 0)) {
    return
  }
  stab(node.left, key, visitor)
  if (compareBytes(node.start, key) > 0) {
    return
  }
  if (node.end === undefined || compareBytes(key, node.end) < 0) {
    for (const value of node.values) {
      visitor(value)
    }
  }
  stab(node.right, key, visitor)
}

function* valuesOf<T>(node: Node<T> | undefined): Iterable<T> {
  if (node !== undefined) {
    yield* valuesOf(node.left)
    yield* node.values
    yield* valuesOf(node.right)
  }
}
