import type { Length } from '../mvcc/types.ts'
import { ELEMENT_BYTES, HEAD_BYTES, type Node, PAGE_BYTES } from './page.ts'

/**
 * What goes into one node. An entry that does not fit leaves the rest of a node empty: of single pages
 * that may be half, of four at once it is less. An entry that is longer has a leaf to itself.
 */
export const NODE_BYTES = 4 * PAGE_BYTES

/** A branch with a single child would leave the level above it as long, and so would that one. */
const CHILDREN_MIN = 2

export interface Entry<B extends Length> {
  readonly key: B
  readonly value: B
}

/** A node that is complete, and the pages that it takes. */
export interface Packed<B extends Length> {
  readonly node: Node<B>
  readonly page: number
  readonly pages: number
}

/** A node that still fills. */
interface OpenNode<B extends Length> extends Node<B> {
  bytes: number
}

/**
 * Packs the entries of a bucket, which come in the order of their keys, into the nodes of a B+tree.
 *
 * A node is complete before anything is known of those behind it, and stands in the file behind all
 * of its children. So no more than one node of each level is in memory, and the root comes last:
 *
 *     leaf leaf leaf branch leaf leaf branch branch(root)
 *
 * What is packed where depends on lengths alone: entries of which only those are known are given
 * the same pages as the entries themselves.
 */
export class Tree<B extends Length> {
  readonly #packed: (packed: Packed<B>) => void
  readonly #levels: OpenNode<B>[] = []
  #page: number

  /** `page` is the first that is free; `packed` hears of each node, in the order of pages. */
  constructor(page: number, packed: (packed: Packed<B>) => void) {
    this.#page = page
    this.#packed = packed
  }

  add({ key, value }: Entry<B>): void {
    const leaf = this.#nodeFor(0, key.length + value.length)
    leaf.keys.push(key)
    leaf.values.push(value)
  }

  /** Answers the page of the root, and the first free one behind it. */
  finish(): { readonly root: number; readonly end: number } {
    this.#level(0)
    for (let level = 0; ; level++) {
      const root = this.#pack(level)
      // A level above that one node alone has come to is not needed.
      if (level === this.#levels.length - 2 && this.#levels[level + 1]?.children.length === 1) {
        return { root, end: this.#page }
      }
    }
  }

  #level(level: number): OpenNode<B> {
    let node = this.#levels[level]
    if (node === undefined) {
      node = emptyNode()
      this.#levels[level] = node
    }
    return node
  }

  /** The level's node, a new one where the element would not fit. */
  #nodeFor(level: number, bytes: number): OpenNode<B> {
    let node = this.#level(level)
    const keysMin = level === 0 ? 1 : CHILDREN_MIN
    const isFull = node.bytes + ELEMENT_BYTES + bytes > NODE_BYTES
    if (isFull && node.keys.length >= keysMin) {
      this.#pack(level)
      node = this.#level(level)
    }
    node.bytes += ELEMENT_BYTES + bytes
    return node
  }

  /** Completes the level's node, and tells the level above of it. */
  #pack(level: number): number {
    const node = this.#level(level)
    this.#levels[level] = emptyNode()
    const page = this.#page
    const pages = Math.ceil(node.bytes / PAGE_BYTES)
    this.#page += pages
    this.#packed({ node, page, pages })
    const [key] = node.keys
    const above = this.#nodeFor(level + 1, key?.length ?? 0)
    if (key !== undefined) {
      above.keys.push(key)
    }
    above.children.push(page)
    return page
  }
}

function emptyNode<B extends Length>(): OpenNode<B> {
  return { keys: [], values: [], children: [], bytes: HEAD_BYTES }
}
