import { isWellFormed, type RequestField } from './field.ts'
import { ConnectionError, ErrorCode } from './frames.ts'
import { DynamicTable, sizeOf, staticTable, TABLE_BYTES } from './hpack-table.ts'
import { decodeHuffman } from './huffman.ts'

/** What a connection may send as the headers of one request, as told in SETTINGS. */
export const HEADER_LIST_BYTES_MAX = 64 * 1024
const FIELDS_MAX = 1000
/** Behind that an integer is longer than any that is of use (RFC 7541 §5.1). */
const INTEGER_SHIFT_MAX = 21

export interface HeaderBlock {
  readonly fields: readonly RequestField[]
  /** There was more than fits; `fields` is not all. */
  readonly isTooLong: boolean
}

/** Decodes the header blocks of a connection, in their order (RFC 7541). Throws ConnectionError. */
export class HpackDecoder {
  readonly #table = new DynamicTable()
  #block: Buffer = noBytes
  #at = 0
  /** Counts the changes of the table: what a block means depends on it. */
  version = 0

  decode(block: Buffer): HeaderBlock {
    this.#block = block
    this.#at = 0
    this.#resize()
    const fields: RequestField[] = []
    let bytes = 0
    let isTooLong = false
    while (this.#at < block.length) {
      const field = this.#field()
      bytes += sizeOf(field)
      isTooLong ||= bytes > HEADER_LIST_BYTES_MAX || fields.length === FIELDS_MAX
      // The rest is read for the sake of the table.
      if (!isTooLong) {
        fields.push(field)
      }
    }
    this.#block = noBytes
    return { fields, isTooLong }
  }

  /** The table's size may change at the beginning of a block (RFC 7541 §4.2). */
  #resize(): void {
    while ((this.#byte() & 0xe0) === 0x20) {
      const bytesMax = this.#integer(5)
      if (bytesMax > TABLE_BYTES) {
        throw malformed('a table larger than allowed')
      }
      this.#table.resize(bytesMax)
      this.version++
    }
  }

  #field(): RequestField {
    const first = this.#byte()
    if (first >= 0x80) {
      return this.#entry(this.#integer(7))
    }
    if (first >= 0x40) {
      const field = this.#literal(6)
      this.#table.add(field)
      this.version++
      return field
    }
    if (first >= 0x20) {
      throw malformed('a change of the table within a block')
    }
    return this.#literal(4)
  }

  #literal(prefixBits: number): RequestField {
    const index = this.#integer(prefixBits)
    const name = index === 0 ? this.#string() : this.#entry(index).name
    const value = this.#string()
    return { name, value, isFine: isWellFormed(name, value) }
  }

  #entry(index: number): RequestField {
    const field =
      index <= staticTable.length
        ? staticTable[index - 1]
        : this.#table.at(index - staticTable.length - 1)
    if (field === undefined) {
      throw malformed(`no entry ${index}`)
    }
    return field
  }

  #string(): string {
    const isHuffman = this.#byte() >= 0x80
    const start = this.#lengthOfString()
    const end = this.#at
    return isHuffman
      ? decodeHuffman(this.#block, start, end)
      : this.#block.toString('latin1', start, end)
  }

  /** Where it starts; it ends where the next thing is read. */
  #lengthOfString(): number {
    const length = this.#integer(7)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#block.length) {
      throw malformed('a string is cut off')
    }
    return start
  }

  #byte(): number {
    return this.#block[this.#at] ?? 0
  }

  /** An integer whose first byte has so many bits of it. */
  #integer(prefixBits: number): number {
    const prefixMax = 2 ** prefixBits - 1
    let value = this.#next() & prefixMax
    if (value < prefixMax) {
      return value
    }
    for (let shift = 0; shift <= INTEGER_SHIFT_MAX; shift += 7) {
      const byte = this.#next()
      value += (byte & 0x7f) << shift
      if (byte < 0x80) {
        return value
      }
    }
    throw malformed('an integer without an end')
  }

  #next(): number {
    const byte = this.#block[this.#at++]
    if (byte === undefined) {
      throw malformed('an integer is cut off')
    }
    return byte
  }
}

const noBytes = Buffer.alloc(0)

function malformed(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `header compression: ${what}`)
}
