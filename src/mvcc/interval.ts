import { assert } from './errors.ts'
import { type Bounds, compareBytes, equalBytes } from './key-range.ts'

/**
 * What is of interest to which key: items filed under ranges of keys, found again by a key that
 * they cover (as etcd's watcher_group.go does with pkg/adt/interval_tree.go). Ranges of one key
 * stand in a hash map, because most watches are on one key and a map finds it among any number; the
 * others stand in a balanced tree. Items of equal ranges share one entry.
 */
export class IntervalIndex<T> {
  readonly #points = new Map<number, Entry<T>[]>()
  #root: Node<T> | undefined

  add(bounds: Bounds, item: T): void {
    if (isPoint(bounds)) {
      this.#addPoint(bounds, item)
    } else {
      this.#root = insert(this.#root, bounds, item)
    }
  }

  /** The item must be filed under just these bounds. */
  remove(bounds: Bounds, item: T): void {
    if (isPoint(bounds)) {
      this.#removePoint(bounds, item)
    } else {
      this.#root = remove(this.#root, bounds, item)
    }
  }

  /** Calls `found` with each item whose range covers the key. */
  visit(key: Uint8Array, found: (item: T) => void): void {
    if (this.#points.size > 0) {
      const bucket = this.#points.get(hash(key))
      bucket?.find((entry) => equalBytes(entry.bounds.start, key))?.items.forEach(found)
    }
    visit(this.#root, key, found)
  }

  /** Every item, in no order to rely on. */
  *items(): Iterable<T> {
    for (const bucket of this.#points.values()) {
      for (const entry of bucket) {
        yield* entry.items
      }
    }
    yield* itemsOf(this.#root)
  }

  #addPoint(bounds: Bounds, item: T): void {
    const name = hash(bounds.start)
    const bucket = this.#points.get(name)
    const entry = bucket?.find((other) => equalBytes(other.bounds.start, bounds.start))
    if (entry !== undefined) {
      entry.items.add(item)
    } else if (bucket !== undefined) {
      bucket.push({ bounds, items: new Set([item]) })
    } else {
      this.#points.set(name, [{ bounds, items: new Set([item]) }])
    }
  }

  #removePoint(bounds: Bounds, item: T): void {
    const name = hash(bounds.start)
    const bucket = this.#points.get(name) ?? []
    const at = bucket.findIndex((entry) => equalBytes(entry.bounds.start, bounds.start))
    const items = bucket[at]?.items
    assert(items?.delete(item) === true, 'an item that is not at this key')
    if (items.size === 0) {
      bucket.splice(at, 1)
    }
    if (bucket.length === 0) {
      this.#points.delete(name)
    }
  }
}

interface Entry<T> {
  readonly bounds: Bounds
  readonly items: Set<T>
}

/**
 * An AVL tree in the order of starts, then ends. Each node knows the greatest end below it, so that
 * a search passes by whole subtrees whose ranges all end before the key:
 *
 *              [b, f) ..z             a search for "h" finds that [b, f) ends before it, leaves
 *             /          \            out the left side, where nothing goes beyond "c", and ends
 *      [a, c) ..c     [g, z) ..z      at [g, z), which covers it.
 */
interface Node<T> extends Entry<T> {
  left: Node<T> | undefined
  right: Node<T> | undefined
  height: number
  /** The greatest end of the subtree; undefined is open and greater than all. */
  endMax: Uint8Array | undefined
}

function isPoint({ start, end }: Bounds): boolean {
  return (
    end !== undefined &&
    end.length === start.length + 1 &&
    end[start.length] === 0 &&
    equalBytes(start, end.subarray(0, start.length))
  )
}

/** FNV-1a, 32 bits. */
function hash(key: Uint8Array): number {
  let value = 0x811c9dc5
  for (const byte of key) {
    value = Math.imul(value ^ byte, 0x01000193)
  }
  return value
}

function compareEnds(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined || b === undefined) {
    return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0)
  }
  return compareBytes(a, b)
}

function compareBounds(a: Bounds, b: Bounds): number {
  return compareBytes(a.start, b.start) || compareEnds(a.end, b.end)
}

function visit<T>(node: Node<T> | undefined, key: Uint8Array, found: (item: T) => void): void {
  if (node === undefined || (node.endMax !== undefined && compareBytes(key, node.endMax) >= 0)) {
    return
  }
  visit(node.left, key, found)
  const { start, end } = node.bounds
  if (compareBytes(start, key) <= 0) {
    if (end === undefined || compareBytes(key, end) < 0) {
      node.items.forEach(found)
    }
    visit(node.right, key, found)
  }
}

function* itemsOf<T>(node: Node<T> | undefined): Iterable<T> {
  if (node !== undefined) {
    yield* itemsOf(node.left)
    yield* node.items
    yield* itemsOf(node.right)
  }
}

function insert<T>(node: Node<T> | undefined, bounds: Bounds, item: T): Node<T> {
  if (node === undefined) {
    const items = new Set([item])
    return { bounds, items, left: undefined, right: undefined, height: 1, endMax: bounds.end }
  }
  const order = compareBounds(bounds, node.bounds)
  if (order === 0) {
    node.items.add(item)
    return node
  }
  if (order < 0) {
    node.left = insert(node.left, bounds, item)
  } else {
    node.right = insert(node.right, bounds, item)
  }
  return balanced(node)
}

function remove<T>(node: Node<T> | undefined, bounds: Bounds, item: T): Node<T> | undefined {
  assert(node !== undefined, 'an item of no such range')
  const order = compareBounds(bounds, node.bounds)
  if (order < 0) {
    node.left = remove(node.left, bounds, item)
  } else if (order > 0) {
    node.right = remove(node.right, bounds, item)
  } else {
    assert(node.items.delete(item), 'an item that is not of this range')
    return node.items.size > 0 ? node : joined(node.left, node.right)
  }
  return balanced(node)
}

/** One tree of the two that a removed node leaves, all of `left` before all of `right`. */
function joined<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined || right === undefined) {
    return left ?? right
  }
  let first = right
  while (first.left !== undefined) {
    first = first.left
  }
  first.right = withoutFirst(right)
  first.left = left
  return balanced(first)
}

function withoutFirst<T>(node: Node<T>): Node<T> | undefined {
  if (node.left === undefined) {
    return node.right
  }
  node.left = withoutFirst(node.left)
  return balanced(node)
}

function heightOf<T>(node: Node<T> | undefined): number {
  return node?.height ?? 0
}

/** The subtree put right again: its two sides are balanced and differ in height by at most two. */
function balanced<T>(node: Node<T>): Node<T> {
  const lean = heightOf(node.left) - heightOf(node.right)
  if (lean > 1 && node.left !== undefined) {
    if (heightOf(node.left.left) < heightOf(node.left.right)) {
      node.left = rotatedLeft(node.left)
    }
    return rotatedRight(node)
  }
  if (lean < -1 && node.right !== undefined) {
    if (heightOf(node.right.right) < heightOf(node.right.left)) {
      node.right = rotatedRight(node.right)
    }
    return rotatedLeft(node)
  }
  return measured(node)
}

function rotatedLeft<T>(node: Node<T>): Node<T> {
  const top = node.right
  assert(top !== undefined, 'a rotation to the left needs a right side')
  node.right = top.left
  top.left = measured(node)
  return measured(top)
}

function rotatedRight<T>(node: Node<T>): Node<T> {
  const top = node.left
  assert(top !== undefined, 'a rotation to the right needs a left side')
  node.left = top.right
  top.right = measured(node)
  return measured(top)
}

function measured<T>(node: Node<T>): Node<T> {
  node.height = 1 + Math.max(heightOf(node.left), heightOf(node.right))
  let endMax = node.bounds.end
  for (const side of [node.left, node.right]) {
    if (side !== undefined && compareEnds(side.endMax, endMax) > 0) {
      endMax = side.endMax
    }
  }
  node.endMax = endMax
  return node
}
