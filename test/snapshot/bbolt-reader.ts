// A reader of bbolt files that shares nothing with their writer, and looks for what bbolt's own
// `tx.Check` looks for: each page reached once, keys in order, flags and lengths that fit.

const PAGE_BYTES = 4096
const NO_FREELIST = 0xffffffffffffffffn

interface Meta {
  readonly root: number
  readonly pages: number
  readonly transaction: bigint
}

/** By name; the entries are in the file's order, which is that of their keys. */
export type BoltFile = ReadonlyMap<string, readonly BoltEntry[]>

interface BoltEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The content of a file; throws for what bbolt would complain of. */
export function readBolt(file: Uint8Array): BoltFile {
  return new Reader(file).buckets()
}

class Reader {
  readonly #file: Uint8Array
  readonly #reached = new Set<number>()

  constructor(file: Uint8Array) {
    this.#file = file
  }

  buckets(): BoltFile {
    const metas = [this.#meta(0), this.#meta(1)]
    const [meta] = metas.toSorted((a, b) => Number(b.transaction - a.transaction))
    check(meta !== undefined && metas[0]?.transaction !== metas[1]?.transaction, 'two metas')
    check(this.#file.length === meta.pages * PAGE_BYTES, `${meta.pages} pages, not the length`)
    const buckets = new Map<string, readonly BoltEntry[]>()
    for (const { flags, key, value } of this.#tree(meta.root)) {
      const name = utf8.decode(key)
      check(flags === 1 && value.length === 16, `${name} is no bucket`)
      check(uint64(value, 8) === 0n, `${name} has a sequence`)
      const entries = this.#tree(Number(uint64(value, 0)))
      check(
        entries.every((entry) => entry.flags === 0),
        'a bucket in a bucket',
      )
      buckets.set(name, entries)
    }
    check(this.#reached.size === meta.pages, `${this.#reached.size} pages of ${meta.pages} reached`)
    return buckets
  }

  #meta(page: number): Meta {
    const bytes = this.#page(page, 0x04)
    check(uint32(bytes, 16) === 0xed0cdaed, 'the magic number')
    check(uint32(bytes, 20) === 2, 'the version')
    check(uint32(bytes, 24) === PAGE_BYTES, 'the size of pages')
    check(uint64(bytes, 48) === NO_FREELIST, 'a list of free pages')
    let sum = 0xcbf29ce484222325n
    for (const byte of bytes.subarray(16, 72)) {
      sum = ((sum ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n
    }
    check(uint64(bytes, 72) === sum, 'the checksum')
    return {
      root: Number(uint64(bytes, 32)),
      pages: Number(uint64(bytes, 56)),
      transaction: uint64(bytes, 64),
    }
  }

  /** A page with what follows it, reached for the first time. */
  #page(page: number, ...kinds: readonly number[]): Uint8Array {
    const start = page * PAGE_BYTES
    check(start < this.#file.length, `page ${page} is outside of the file`)
    check(Number(uint64(this.#file, start)) === page, `page ${page} has another number`)
    check(kinds.includes(uint16(this.#file, start + 8)), `page ${page} is of another kind`)
    const pages = 1 + uint32(this.#file, start + 12)
    for (let each = page; each < page + pages; each++) {
      check(!this.#reached.has(each), `page ${each} is reached twice`)
      this.#reached.add(each)
    }
    check(start + pages * PAGE_BYTES <= this.#file.length, `page ${page} is cut off`)
    return this.#file.subarray(start, start + pages * PAGE_BYTES)
  }

  /** The entries below a page, all within the bounds that its parents give. */
  #tree(
    page: number,
    from?: Uint8Array,
    before?: Uint8Array,
  ): (BoltEntry & { readonly flags: number })[] {
    const bytes = this.#page(page, 0x01, 0x02)
    const leaf = uint16(bytes, 8) === 0x02
    const places = Array.from({ length: uint16(bytes, 10) }, (_, i) => 16 + 16 * i)
    let end = 16 + 16 * places.length
    const elements = places.map((place) => {
      const [position, keyBytes] = leaf
        ? [uint32(bytes, place + 4), uint32(bytes, place + 8)]
        : [uint32(bytes, place), uint32(bytes, place + 4)]
      const valueBytes = leaf ? uint32(bytes, place + 12) : 0
      const start = place + position
      check(start === end, `an element of page ${page} is not behind the one before it`)
      end = start + keyBytes + valueBytes
      check(end <= bytes.length, `an element of page ${page} is cut off`)
      const key = bytes.subarray(start, start + keyBytes)
      const value = bytes.subarray(start + keyBytes, end)
      const flags = leaf ? uint32(bytes, place) : 0
      return { place, key, value, flags }
    })
    check(
      bytes.subarray(end).every((byte) => byte === 0),
      `what is behind page ${page}`,
    )
    elements.forEach(({ key }, i) => {
      const previous = elements[i - 1]?.key
      check(previous === undefined || compare(previous, key) < 0, `the order in page ${page}`)
      check(from === undefined || compare(from, key) <= 0, `page ${page} begins too early`)
      check(before === undefined || compare(key, before) < 0, `page ${page} ends too late`)
    })
    if (leaf) {
      return elements
    }
    check(elements.length > 1 || from !== undefined, `page ${page} has one child and is a root`)
    return elements.flatMap(({ place, key }, i) => {
      const child = Number(uint64(bytes, place + 8))
      return this.#tree(child, key, elements[i + 1]?.key ?? before)
    })
  }
}

const utf8 = new TextDecoder()

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const uint16 = (bytes: Uint8Array, at: number): number => view(bytes).getUint16(at, true)
const uint32 = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, true)
const uint64 = (bytes: Uint8Array, at: number): bigint => view(bytes).getBigUint64(at, true)

/** As of texts in the order of their bytes. */
function compare(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, i) => byte !== b[i])
  return differs === -1 || b[differs] === undefined
    ? a.length - b.length
    : (a[differs] ?? 0) - b[differs]
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) {
    throw new Error(`bbolt: ${what}`)
  }
}
