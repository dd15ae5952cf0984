import { assert } from '../mvcc/errors.ts'
import type { Length } from '../mvcc/types.ts'
import {
  BUCKET_BYTES,
  encodeBucket,
  encodeMeta,
  encodeNode,
  type LeafKind,
  PAGE_BYTES,
  type Part,
  partOf,
} from './page.ts'
import { type Entry, type Packed, Tree } from './tree.ts'

/** The entries of a bucket in the order of their keys: the same ones each time that they are asked for. */
export interface Bucket {
  readonly name: string
  entries(): Iterable<Entry<Part>>
  /** The lengths of what `entries` answers. */
  sizes(): Iterable<Entry<Length>>
}

/** Where everything in a file is to stand. */
export interface Layout {
  /** The page of each bucket's root, in the order of the buckets. */
  readonly roots: readonly number[]
  /** That of the root of all. */
  readonly root: number
  readonly pages: number
}

/** Entries that are counted between two pauses: a few milliseconds. */
const STEP_ENTRIES = 1000

/** The first two pages are those that bbolt opens a file by. */
const FIRST_PAGE = 2
/** bbolt writes them in turn, one for each transaction. */
const TRANSACTIONS = [2, 1] as const

/**
 * The first of two passes, which counts: the file begins with where its end is. It pauses after a
 * bounded number of entries.
 */
export function* layOut(buckets: readonly Bucket[]): Generator<void, Layout> {
  const roots: number[] = []
  let page = FIRST_PAGE
  let entries = 0
  for (const bucket of buckets) {
    const tree = new Tree<Length>(page, () => undefined)
    for (const entry of bucket.sizes()) {
      tree.add(entry)
      if (++entries % STEP_ENTRIES === 0) {
        yield
      }
    }
    const { root, end } = tree.finish()
    roots.push(root)
    page = end
  }
  const names = new Tree<Length>(page, () => undefined)
  for (const { name } of buckets) {
    names.add({ key: name, value: { length: BUCKET_BYTES } })
  }
  const { root, end: pages } = names.finish()
  return { roots, root, pages }
}

export function fileBytes({ pages }: Layout): number {
  return pages * PAGE_BYTES
}

/**
 * The second pass: the file itself, piece by piece from its beginning, each of which is a node. A
 * bucket whose entries are others than in the first pass ends it with an error before the last page,
 * so that no such file is ever whole.
 */
export function* fileOf(buckets: readonly Bucket[], layout: Layout): Generator<Uint8Array> {
  for (const page of [0, 1] as const) {
    yield encodeMeta(page, { ...layout, transaction: TRANSACTIONS[page] })
  }
  let page = FIRST_PAGE
  const names: Entry<Part>[] = []
  for (const [index, bucket] of buckets.entries()) {
    const { root, end } = yield* treeOf(bucket.entries(), page, 'entries')
    assert(root === layout.roots[index], `${bucket.name}: page ${root} was laid out otherwise`)
    names.push({ key: partOf(asciiOf(bucket.name)), value: partOf(encodeBucket(root)) })
    page = end
  }
  const { root, end } = yield* treeOf(names, page, 'buckets')
  assert(root === layout.root && end === layout.pages, `${end} pages, ${layout.pages} laid out`)
}

function* treeOf(
  entries: Iterable<Entry<Part>>,
  page: number,
  leaf: LeafKind,
): Generator<Uint8Array, { readonly root: number; readonly end: number }> {
  let ready: Packed<Part>[] = []
  const tree = new Tree<Part>(page, (packed) => ready.push(packed))
  const pieces = (): readonly Uint8Array[] => {
    const packed = ready
    ready = []
    return packed.map(({ node, ...place }) => encodeNode(node, { ...place, leaf }))
  }
  for (const entry of entries) {
    tree.add(entry)
    if (ready.length > 0) {
      yield* pieces()
    }
  }
  const place = tree.finish()
  yield* pieces()
  return place
}

function asciiOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0))
}
