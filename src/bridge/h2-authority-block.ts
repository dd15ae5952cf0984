import { huffmanBits, packBits } from './h2-authority-huffman.ts'
import { rewriteLiteral } from './h2-authority-literal.ts'

/** A string where it is in a block of headers. */
interface Literal {
  readonly bytes: Buffer
  readonly isHuffman: boolean
}

/** A field of a block: of those without a literal value nothing is told. */
interface Field {
  readonly nameIndex: number
  readonly name?: Literal | undefined
  readonly value?: Literal | undefined
}

const NAME = ':authority'
/** Its place in HPACK's static table (RFC 7541 appendix A). */
const NAME_INDEX = 1
const rawName = Buffer.from(NAME)
const huffmanName = packBits(huffmanBits(NAME))

/**
 * Rewrites the literal `:authority` of a block, in place; true when that was needed. Lengths stay, and
 * so do the sizes of the client's and the server's dynamic tables. A reference to a former literal is
 * none of ours: the table has that one rewritten. A block that cannot be read stays as it is.
 */
export function rewriteAuthority(block: Buffer): boolean {
  const reader = new FieldReader(block)
  for (;;) {
    const field = reader.next()
    if (field === undefined) {
      return false
    }
    if (field.value !== undefined && isAuthority(field)) {
      return rewriteLiteral(field.value.bytes, field.value.isHuffman)
    }
  }
}

function isAuthority({ nameIndex, name }: Field): boolean {
  return name === undefined
    ? nameIndex === NAME_INDEX
    : name.bytes.equals(name.isHuffman ? huffmanName : rawName)
}

/** The representations of RFC 7541 §6, one by one. */
class FieldReader {
  readonly #block: Buffer
  #at = 0

  constructor(block: Buffer) {
    this.#block = block
  }

  /** Undefined at the end, and where the block is malformed. */
  next(): Field | undefined {
    const first = this.#block[this.#at]
    if (first === undefined) {
      return undefined
    }
    const isIndexed = first >= 0x80
    const isSizeUpdate = first >> 5 === 1
    if (isIndexed || isSizeUpdate) {
      const nameIndex = this.#integer(isIndexed ? 7 : 5)
      return nameIndex === undefined ? undefined : { nameIndex }
    }
    const nameIndex = this.#integer(first >> 6 === 1 ? 6 : 4)
    const name = nameIndex === 0 ? this.#literal() : undefined
    const value = this.#literal()
    return nameIndex === undefined || value === undefined ? undefined : { nameIndex, name, value }
  }

  #literal(): Literal | undefined {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80
    const length = this.#integer(7)
    if (length === undefined || this.#at + length > this.#block.length) {
      this.#at = this.#block.length
      return undefined
    }
    const start = this.#at
    this.#at += length
    return { bytes: this.#block.subarray(start, this.#at), isHuffman }
  }

  /** An integer whose first byte has so many bits of it (RFC 7541 §5.1). */
  #integer(prefixBits: number): number | undefined {
    const prefixMax = 2 ** prefixBits - 1
    let value = (this.#block[this.#at++] ?? 0) & prefixMax
    if (value < prefixMax) {
      return value
    }
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#block[this.#at++]
      if (byte === undefined) {
        return undefined
      }
      value += (byte & 0x7f) << shift
      if (byte < 0x80) {
        return value
      }
    }
    return undefined
  }
}
