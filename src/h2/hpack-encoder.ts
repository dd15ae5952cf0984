import type { Field } from './field.ts'
import { sizeOf, staticTable, TABLE_BYTES } from './hpack-table.ts'

/** Fields that nearly all responses have: a byte each, once the client has them in its table. */
const stockFields: readonly Field[] = [
  { name: 'content-type', value: 'application/grpc' },
  { name: 'grpc-status', value: '0' },
  { name: 'grpc-message', value: '' },
  { name: 'grpc-encoding', value: 'gzip' },
]
const STOCK_BYTES = stockFields.reduce((sum, field) => sum + sizeOf(field), 0)

const staticNames = new Map<string, number>()
const staticFields = new Map<string, number>()
for (const [place, { name, value }] of staticTable.entries()) {
  if (!staticNames.has(name)) {
    staticNames.set(name, place + 1)
  }
  if (value !== '') {
    staticFields.set(`${name}\n${value}`, place + 1)
  }
}

/**
 * Encodes the header blocks of a connection, which are to be sent in this order (RFC 7541). Only stock
 * fields get into the client's table, where they stay; all others are literals.
 */
export class HpackEncoder {
  /** Those that the client has, in the order in which it got them. */
  readonly #known: Field[] = []
  /** Of the client's table, as far as it is used: the smallest size that it ever asked for. */
  #tableBytes = TABLE_BYTES
  /** That is new to it, and the next block is to say so. */
  #isSmaller = false
  /** Of constant lists the blocks that will be the same for ever: an index for each field. */
  #blocks = new WeakMap<readonly Field[], Buffer>()

  /** SETTINGS_HEADER_TABLE_SIZE of the client, in bytes. */
  resize(bytesMax: number): void {
    const bytes = bytesMax < STOCK_BYTES ? 0 : bytesMax
    if (bytes < this.#tableBytes) {
      this.#tableBytes = bytes
      this.#isSmaller = true
      this.#blocks = new WeakMap()
    }
  }

  encode(fields: readonly Field[]): Buffer {
    const same = this.#blocks.get(fields)
    if (same !== undefined) {
      return same
    }
    const parts: number[] = []
    if (this.#isSmaller) {
      integer(parts, 0x20, 5, this.#tableBytes)
      this.#isSmaller = false
    }
    for (const field of fields) {
      this.#field(parts, field)
    }
    const block = Buffer.from(parts)
    if (block.length === fields.length) {
      this.#blocks.set(fields, block)
    }
    return block
  }

  #field(parts: number[], field: Field): void {
    const { name, value } = field
    const index = staticFields.get(`${name}\n${value}`)
    if (index !== undefined) {
      integer(parts, 0x80, 7, index)
      return
    }
    const known = this.#known.findIndex((each) => each.name === name && each.value === value)
    if (known >= 0 && this.#tableBytes > 0) {
      integer(parts, 0x80, 7, staticTable.length + this.#known.length - known)
      return
    }
    const isStock = stockFields.some((each) => each.name === name && each.value === value)
    const isAdded = isStock && this.#tableBytes > 0
    const nameIndex = staticNames.get(name) ?? 0
    integer(parts, isAdded ? 0x40 : 0, isAdded ? 6 : 4, nameIndex)
    if (nameIndex === 0) {
      string(parts, name)
    }
    string(parts, value)
    if (isAdded) {
      this.#known.push(field)
      this.#blocks = new WeakMap()
    }
  }
}

function integer(parts: number[], pattern: number, prefixBits: number, value: number): void {
  const prefixMax = 2 ** prefixBits - 1
  if (value < prefixMax) {
    parts.push(pattern | value)
    return
  }
  parts.push(pattern | prefixMax)
  let rest = value - prefixMax
  for (; rest >= 0x80; rest >>>= 7) {
    parts.push((rest & 0x7f) | 0x80)
  }
  parts.push(rest)
}

/** A character for each byte. */
function string(parts: number[], text: string): void {
  integer(parts, 0, 7, text.length)
  for (let place = 0; place < text.length; place++) {
    parts.push(text.charCodeAt(place) & 0xff)
  }
}
