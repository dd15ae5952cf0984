import { BUCKET, BUCKET_BYTES } from '../snapshot/page.ts'
import { FileProblem } from './file-problem.ts'
import { type Meta, metaOf } from './meta.ts'
import { damage, NodeReader, nodeIn } from './node-reader.ts'
import type { Source } from './source.ts'
import { entriesBelow } from './tree-walk.ts'
import { uint64 } from './uint.ts'

/** The SHA-256 that `etcdctl snapshot save` puts behind the pages. */
export const HASH_BYTES = 32
/** A page has a multiple of so many bytes, which is how etcd tells whether there is a hash. */
const SECTOR_BYTES = 512

/** No bucket of etcd's has a longer name. */
const NAME_BYTES_MAX = 64

/** An entry of one of etcd's buckets. */
export interface BucketEntry {
  readonly bucket: string
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface FileBucket {
  readonly name: string
  readonly entries: Iterable<BucketEntry>
}

/**
 * A file of etcd's, as `etcdctl snapshot save` writes it, or a member has it as `snap/db`. Everything
 * throws FileProblem where the file is damaged, cut off, or none of etcd's.
 */
export class EtcdFile {
  readonly #source: Source
  readonly #meta: Meta
  /** Whether the hash of all before it is the file's end. A member's own has none. */
  readonly hasHash: boolean

  constructor(source: Source) {
    this.#source = source
    this.#meta = metaOf(source)
    const { length } = source
    const rest = length % SECTOR_BYTES
    this.hasHash = rest === HASH_BYTES
    if (length - (this.hasHash ? HASH_BYTES : 0) < this.bytes) {
      throw new FileProblem(`is cut off: it has ${length} bytes, and its pages are ${this.bytes}`)
    }
    if (rest !== 0 && !this.hasHash) {
      throw new FileProblem('is cut off: part of a hash is behind its pages')
    }
  }

  /** Of all pages in use. */
  get bytes(): number {
    return this.#meta.pages * this.#meta.pageBytes
  }

  /**
   * All buckets in the order of their names, each with its entries in the order of their keys. Those of
   * one are to be read before the next one is asked for: each page of the file is read once.
   */
  *buckets(): Generator<FileBucket, void> {
    const nodes = new NodeReader(this.#source, this.#meta)
    let isEtcd = false
    for (const { name, value } of this.#named(nodes)) {
      isEtcd ||= name === 'key'
      yield { name, entries: entriesOf(nodes, name, value) }
    }
    if (!isEtcd) {
      throw new FileProblem('is a bbolt file, but none of etcd: it has no bucket "key"')
    }
  }

  /** Those of one bucket, and none where there is no such bucket. */
  *entries(wanted: string): Generator<BucketEntry, void> {
    const nodes = new NodeReader(this.#source, this.#meta)
    for (const { name, value } of this.#named(nodes)) {
      if (name === wanted) {
        yield* entriesOf(nodes, name, value)
      }
    }
  }

  *#named(nodes: NodeReader): Generator<{ readonly name: string; readonly value: Uint8Array }> {
    const root = nodes.read(this.#meta.root)
    for (const { key, value, flags } of entriesBelow(root, (page) => nodes.read(page))) {
      const name = asciiOf(key.subarray(0, NAME_BYTES_MAX))
      if (flags !== BUCKET || value.length < BUCKET_BYTES) {
        throw damage(`"${name}" is no bucket`)
      }
      yield { name, value }
    }
  }
}

function* entriesOf(
  nodes: NodeReader,
  bucket: string,
  told: Uint8Array,
): Generator<BucketEntry, void> {
  const page = uint64(told, 0)
  const root = page === 0 ? nodeIn(told.subarray(BUCKET_BYTES), 0) : nodes.read(page)
  for (const { key, value, flags } of entriesBelow(root, (below) => nodes.read(below))) {
    if (flags !== 0) {
      throw damage(`the bucket "${bucket}" has a bucket in it`)
    }
    yield { bucket, key, value }
  }
}

/** etcd's names are of ASCII. */
function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
