/**
 * The pages of a bbolt file (go.etcd.io/bbolt, internal/common). All numbers are little-endian. A page
 * begins with 16 bytes: its number (8), what it is (2), how many elements it has (2), and how many pages
 * behind it belong to it (4).
 */
import type { Length } from '../mvcc/types.ts'

/** Any power of two would do, as the file tells it; this is what etcd's own files have. */
export const PAGE_BYTES = 4096
export const HEAD_BYTES = 16
/** Of an element in the table behind a page's head, before the keys and values. */
export const ELEMENT_BYTES = 16

export const BRANCH = 0x01
export const LEAF = 0x02
export const META = 0x04
/** An element's flag: the value tells of a bucket. */
export const BUCKET = 0x01

export const MAGIC = 0xed0cdaed
export const VERSION = 2
/** In place of the page of free pages, of which there are none: bbolt finds that out itself. */
const NO_FREELIST = [0xffffffff, 0xffffffff] as const

/** Bytes that are made when it is known where they stand: no copy of them is needed. */
export interface Part extends Length {
  /** What it passes over is zero. */
  writeTo(bytes: Uint8Array, offset: number): void
}

/** Bytes that there are already. */
export function partOf(content: Uint8Array): Part {
  return { length: content.length, writeTo: (bytes, offset) => bytes.set(content, offset) }
}

/** A leaf has values, a branch has children: the pages where the keys below each of its own begin. */
export interface Node<B extends Length> {
  readonly keys: B[]
  readonly values: B[]
  readonly children: number[]
}

export type LeafKind = 'entries' | 'buckets'

/** A node as the pages that begin with number `page`. */
export function encodeNode(
  { keys, values, children }: Node<Part>,
  { page, pages, leaf }: { readonly page: number; readonly pages: number; readonly leaf: LeafKind },
): Uint8Array {
  const bytes = new Uint8Array(pages * PAGE_BYTES)
  const view = new DataView(bytes.buffer)
  const branch = children.length > 0
  writeHead(view, page, branch ? BRANCH : LEAF, keys.length)
  view.setUint32(12, pages - 1, true)
  let offset = HEAD_BYTES + keys.length * ELEMENT_BYTES
  keys.forEach((key, index) => {
    const element = HEAD_BYTES + index * ELEMENT_BYTES
    // Counted from the element.
    const position = offset - element
    key.writeTo(bytes, offset)
    offset += key.length
    const child = children[index]
    if (child !== undefined) {
      view.setUint32(element, position, true)
      view.setUint32(element + 4, key.length, true)
      setUint64(view, element + 8, child)
      return
    }
    const value = values[index] ?? NOTHING
    view.setUint32(element, leaf === 'buckets' ? BUCKET : 0, true)
    view.setUint32(element + 4, position, true)
    view.setUint32(element + 8, key.length, true)
    view.setUint32(element + 12, value.length, true)
    value.writeTo(bytes, offset)
    offset += value.length
  })
  return bytes
}

const NOTHING = partOf(new Uint8Array(0))

/** What the root says of a bucket: its root page, and a sequence that etcd does not use. */
export function encodeBucket(root: number): Uint8Array {
  const bytes = new Uint8Array(BUCKET_BYTES)
  setUint64(new DataView(bytes.buffer), 0, root)
  return bytes
}

export const BUCKET_BYTES = 16

/**
 * One of the two pages that a file begins with, of which the sound one with the higher transaction
 * counts. `root` is the page of the buckets' names, `pages` how many pages there are.
 */
export function encodeMeta(
  page: 0 | 1,
  { root, pages, transaction }: { root: number; pages: number; transaction: number },
): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES)
  const view = new DataView(bytes.buffer)
  writeHead(view, page, META, 0)
  view.setUint32(16, MAGIC, true)
  view.setUint32(20, VERSION, true)
  view.setUint32(24, PAGE_BYTES, true)
  setUint64(view, 32, root)
  NO_FREELIST.forEach((half, index) => view.setUint32(48 + 4 * index, half, true))
  setUint64(view, 56, pages)
  setUint64(view, 64, transaction)
  view.setBigUint64(META_SUM, fnv1a(bytes.subarray(HEAD_BYTES, META_SUM)), true)
  return bytes
}

export const META_SUM = 72

function writeHead(view: DataView, page: number, kind: number, elements: number): void {
  setUint64(view, 0, page)
  view.setUint16(8, kind, true)
  view.setUint16(10, elements, true)
}

function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true)
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true)
}

/** FNV-1a of 64 bits. */
export function fnv1a(bytes: Uint8Array): bigint {
  return bytes.reduce(
    (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  )
}
