import { type Field, isWellFormed, type RequestField } from './field.ts'

/** RFC 7541 appendix A, from index 1 on. */
// prettier-ignore
const staticEntries: readonly (readonly [name: string, value?: string])[] = [
  [':authority'], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'],
  [':scheme', 'http'], [':scheme', 'https'], [':status', '200'], [':status', '204'],
  [':status', '206'], [':status', '304'], [':status', '400'], [':status', '404'],
  [':status', '500'], ['accept-charset'], ['accept-encoding', 'gzip, deflate'],
  ['accept-language'], ['accept-ranges'], ['accept'], ['access-control-allow-origin'], ['age'],
  ['allow'], ['authorization'], ['cache-control'], ['content-disposition'], ['content-encoding'],
  ['content-language'], ['content-length'], ['content-location'], ['content-range'],
  ['content-type'], ['cookie'], ['date'], ['etag'], ['expect'], ['expires'], ['from'], ['host'],
  ['if-match'], ['if-modified-since'], ['if-none-match'], ['if-range'], ['if-unmodified-since'],
  ['last-modified'], ['link'], ['location'], ['max-forwards'], ['proxy-authenticate'],
  ['proxy-authorization'], ['range'], ['referer'], ['refresh'], ['retry-after'], ['server'],
  ['set-cookie'], ['strict-transport-security'], ['transfer-encoding'], ['user-agent'], ['vary'],
  ['via'], ['www-authenticate'],
]

export const staticTable: readonly RequestField[] = staticEntries.map(([name, value = '']) => ({
  name,
  value,
  isFine: isWellFormed(name, value),
}))

/** What an entry counts for beside its texts (RFC 7541 §4.1). */
const ENTRY_BYTES = 32

export function sizeOf({ name, value }: Field): number {
  return name.length + value.length + ENTRY_BYTES
}

/** Neither side has told the other to keep more or less (RFC 9113 §6.5.2). */
export const TABLE_BYTES = 4096

/** The newest entries, as many as fit (RFC 7541 §2.3.2). */
export class DynamicTable {
  /** A ring: it holds as many entries as fit, which have 32 bytes at the least. */
  readonly #entries: (RequestField | undefined)[] = Array.from({
    length: TABLE_BYTES / ENTRY_BYTES,
  })
  #newest = 0
  #count = 0
  #bytes = 0
  #bytesMax = TABLE_BYTES

  /** 0 is the newest. */
  at(place: number): RequestField | undefined {
    const size = this.#entries.length
    return place < this.#count ? this.#entries[(this.#newest - place + size) % size] : undefined
  }

  add(field: RequestField): void {
    const bytes = sizeOf(field)
    this.#evict(this.#bytesMax - bytes)
    // One that is larger than the table leaves it empty.
    if (bytes <= this.#bytesMax) {
      this.#newest = (this.#newest + 1) % this.#entries.length
      this.#entries[this.#newest] = field
      this.#count++
      this.#bytes += bytes
    }
  }

  /** At most TABLE_BYTES. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax
    this.#evict(bytesMax)
  }

  #evict(bytesMax: number): void {
    const size = this.#entries.length
    while (this.#bytes > bytesMax && this.#count > 0) {
      const oldest = (this.#newest - this.#count + 1 + size) % size
      const field = this.#entries[oldest]
      this.#entries[oldest] = undefined
      this.#bytes -= field === undefined ? 0 : sizeOf(field)
      this.#count--
    }
  }
}
