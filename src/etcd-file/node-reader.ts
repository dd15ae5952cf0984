import { BRANCH, ELEMENT_BYTES, HEAD_BYTES, LEAF, META } from '../snapshot/page.ts'
import { FileProblem } from './file-problem.ts'
import type { Meta } from './meta.ts'
import type { Source } from './source.ts'
import { uint16, uint32, uint64 } from './uint.ts'

/** A page and those behind it that belong to it, taken apart. */
export interface FileNode {
  readonly page: number
  readonly isLeaf: boolean
  /** In the order of the page. */
  readonly elements: readonly Element[]
}

interface Element {
  readonly key: Uint8Array
  /** No bytes in a branch. */
  readonly value: Uint8Array
  /** A leaf's: whether the value tells of a bucket (`BUCKET`). */
  readonly flags: number
  /** A branch's: the page of what is below. */
  readonly child: number
}

const FIRST_PAGE = 2

/** Reads the nodes of one file, each of them once: a page that is reached twice is damage. */
export class NodeReader {
  readonly #source: Source
  readonly #meta: Meta
  readonly #reached: Uint8Array

  constructor(source: Source, meta: Meta) {
    this.#source = source
    this.#meta = meta
    this.#reached = new Uint8Array(Math.ceil(meta.pages / 8))
  }

  /** Throws FileProblem. */
  read(page: number): FileNode {
    const { pageBytes, pages } = this.#meta
    if (page < FIRST_PAGE || page >= pages) {
      throw damage(`page ${page} is outside of its ${pages} pages`)
    }
    const first = this.#source.read(page * pageBytes, pageBytes)
    const number = uint64(first, 0)
    if (number !== page) {
      throw damage(`page ${page} says that it is page ${number}`)
    }
    const more = uint32(first, 12)
    if (page + more >= pages) {
      throw damage(`page ${page} goes on beyond its ${pages} pages`)
    }
    for (let each = page; each <= page + more; each++) {
      this.#reach(each)
    }
    const bytes = more === 0 ? first : this.#source.read(page * pageBytes, (more + 1) * pageBytes)
    return nodeIn(bytes, page)
  }

  #reach(page: number): void {
    const bit = 1 << (page & 7)
    const before = this.#reached[page >> 3] ?? 0
    if ((before & bit) !== 0) {
      throw damage(`page ${page} is reached twice`)
    }
    this.#reached[page >> 3] = before | bit
  }
}

/** `page` is 0 for the node of a small bucket, which stands in the value that tells of the bucket. */
export function nodeIn(bytes: Uint8Array, page: number): FileNode {
  const kind = uint16(bytes, 8)
  if (kind !== LEAF && kind !== BRANCH) {
    throw damage(`page ${page} is ${shownKind(kind)} where keys are looked for`)
  }
  const isLeaf = kind === LEAF
  const count = uint16(bytes, 10)
  const table = HEAD_BYTES + count * ELEMENT_BYTES
  const elements: Element[] = []
  for (let place = HEAD_BYTES; place < table; place += ELEMENT_BYTES) {
    const [flags, position, keyBytes, valueBytes] = isLeaf
      ? [0, 4, 8, 12].map((at) => uint32(bytes, place + at))
      : [0, uint32(bytes, place), uint32(bytes, place + 4), 0]
    const start = place + (position ?? 0)
    const middle = start + (keyBytes ?? 0)
    const end = middle + (valueBytes ?? 0)
    if (start < table || end > bytes.length) {
      throw damage(`a key of page ${page} is outside of the page`)
    }
    elements.push({
      key: bytes.subarray(start, middle),
      value: bytes.subarray(middle, end),
      flags: flags ?? 0,
      child: isLeaf ? 0 : uint64(bytes, place + 8),
    })
  }
  if (!isLeaf && count === 0) {
    throw damage(`page ${page} is a branch without any below it`)
  }
  return { page, isLeaf, elements }
}

function shownKind(kind: number): string {
  const freeList = 0x10
  const names = new Map([
    [META, 'a meta page'],
    [freeList, 'a list of free pages'],
  ])
  return names.get(kind) ?? `of the unknown kind ${kind}`
}

export function damage(what: string): FileProblem {
  return new FileProblem(`is damaged: ${what}`)
}
