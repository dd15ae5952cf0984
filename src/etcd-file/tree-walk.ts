import { compareBytes } from '../mvcc/key-range.ts'
import { damage, type FileNode } from './node-reader.ts'

/** An entry of a leaf. */
export interface LeafEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly flags: number
}

/** A node whose elements are still to come from `next` on; all of its keys are below `before`. */
interface OpenNode {
  readonly node: FileNode
  readonly from: Uint8Array | undefined
  readonly before: Uint8Array | undefined
  next: number
}

/**
 * The entries below a node in the order of their keys. One node of each level is in memory. Throws
 * FileProblem where a key is not behind the one before it, or outside of what the branches above say.
 */
export function* entriesBelow(
  root: FileNode,
  read: (page: number) => FileNode,
): Generator<LeafEntry, void> {
  const open: OpenNode[] = [{ node: root, from: undefined, before: undefined, next: 0 }]
  let last: Uint8Array | undefined
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { node, before } = top
    const element = node.elements[top.next++]
    if (element === undefined) {
      open.pop()
    } else if (node.isLeaf) {
      requireWithin(element.key, top)
      if (last !== undefined && compareBytes(last, element.key) >= 0) {
        throw damage(`the keys of page ${node.page} are out of order`)
      }
      last = element.key
      yield element
    } else {
      requireWithin(element.key, top)
      const end = node.elements[top.next]?.key ?? before
      open.push({ node: read(element.child), from: element.key, before: end, next: 0 })
    }
  }
}

function requireWithin(key: Uint8Array, { node, from, before }: OpenNode): void {
  const early = from !== undefined && compareBytes(key, from) < 0
  if (early || (before !== undefined && compareBytes(key, before) >= 0)) {
    throw damage(`the keys of page ${node.page} are not those that the page above it tells of`)
  }
}
