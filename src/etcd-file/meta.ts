import { fnv1a, HEAD_BYTES, MAGIC, META_SUM, VERSION } from '../snapshot/page.ts'
import { FileProblem } from './file-problem.ts'
import type { Source } from './source.ts'
import { uint32, uint64 } from './uint.ts'

/** What a file says of itself in the first two of its pages. */
export interface Meta {
  readonly pageBytes: number
  /** The page of the buckets' names. */
  readonly root: number
  readonly pages: number
  readonly transaction: number
}

const META_BYTES = META_SUM + 8
/** The sizes of pages by which bbolt looks for the second meta page when the first one is of no use. */
const PAGE_SIZES = Array.from({ length: 16 }, (_, power) => 1024 << power)

/**
 * The meta page of the last transaction that is whole, as bbolt finds it (db.go): a transaction that
 * was cut off while it wrote its own leaves the one before. Throws FileProblem.
 */
export function metaOf(source: Source): Meta {
  const first = readMeta(source, 0)
  const second = secondMeta(source, first)
  if (typeof first === 'string') {
    if (typeof second === 'string') {
      throw new FileProblem(first)
    }
    return second
  }
  return typeof second === 'string' || first.transaction > second.transaction ? first : second
}

function secondMeta(source: Source, first: Meta | string): Meta | string {
  if (typeof first !== 'string') {
    return readMeta(source, first.pageBytes)
  }
  const found = PAGE_SIZES.map((bytes) => readMeta(source, bytes))
  return found.find((meta) => typeof meta !== 'string') ?? first
}

/** A text is what is wrong with it. */
function readMeta(source: Source, offset: number): Meta | string {
  if (offset + META_BYTES > source.length) {
    return NO_BBOLT
  }
  const bytes = source.read(offset, META_BYTES)
  if (uint32(bytes, 16) !== MAGIC) {
    return NO_BBOLT
  }
  const version = uint32(bytes, 20)
  if (version !== VERSION) {
    return `is a bbolt file of version ${version}, and only ${VERSION} is known`
  }
  const sum = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(META_SUM, true)
  if (sum !== fnv1a(bytes.subarray(HEAD_BYTES, META_SUM))) {
    return 'is damaged: the checksums of its meta pages are wrong'
  }
  const pageBytes = uint32(bytes, 24)
  if (!PAGE_SIZES.includes(pageBytes)) {
    return `is damaged: its pages have ${pageBytes} bytes`
  }
  return {
    pageBytes,
    root: uint64(bytes, 32),
    pages: uint64(bytes, 56),
    transaction: uint64(bytes, 64),
  }
}

const NO_BBOLT = 'is no bbolt file, as snapshots and databases of etcd are'
