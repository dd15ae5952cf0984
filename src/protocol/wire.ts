/**
 * The varints, lengths and tags that protobuf messages are made of
 * (https://protobuf.dev/programming-guides/encoding/).
 *
 * 64-bit values go through two 32-bit halves, because a `number` holds 53 bits and `bigint`
 * arithmetic is an order of magnitude slower.
 */

export const WireType = {
  VARINT: 0,
  FIXED64: 1,
  BYTES: 2,
  GROUP_START: 3,
  GROUP_END: 4,
  FIXED32: 5,
} as const

/** Bytes that are no message of the type they were read as. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

const two32 = 4_294_967_296
const two63 = 9_223_372_036_854_775_808
const two64 = 18_446_744_073_709_551_616

/** The halves of the last 64-bit value that was split or read. */
let low = 0
let high = 0

/** `value` as an int64. What a `number` cannot hold exactly and rounds to 2^63 is the maximum. */
function splitSigned(value: number): void {
  if (value >= two63) {
    low = 0xffff_ffff
    high = 0x7fff_ffff
  } else {
    low = value >>> 0
    high = Math.floor(value / two32) >>> 0
  }
}

function splitUnsigned(value: number): void {
  if (value >= two64) {
    low = 0xffff_ffff
    high = 0xffff_ffff
  } else {
    low = value >>> 0
    high = Math.floor(value / two32) >>> 0
  }
}

function splitBigint(value: bigint): void {
  const small = Number(value)
  if (Number.isSafeInteger(small)) {
    splitSigned(small)
  } else {
    low = Number(BigInt.asUintN(32, value))
    high = Number(BigInt.asUintN(32, value >> 32n))
  }
}

function splitSize(): number {
  if (high === 0) {
    return uint32Size(low)
  }
  // 28 bits are in the first four bytes, then seven more in each.
  if (high < 0x8) {
    return 5
  }
  let size = 6
  for (let above = high >>> 10; above !== 0; above >>>= 7) {
    size++
  }
  return size
}

export function uint32Size(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

export function int64Size(value: number): number {
  if (value >= 0 && value < two32) {
    return uint32Size(value)
  }
  splitSigned(value)
  return splitSize()
}

export function uint64Size(value: number): number {
  if (value >= 0 && value < two32) {
    return uint32Size(value)
  }
  splitUnsigned(value)
  return splitSize()
}

export function bigintSize(value: bigint): number {
  splitBigint(value)
  return splitSize()
}

/** Writes into an array that is known to be long enough: sizes are computed first. */
export class WireWriter {
  readonly bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes
    this.position = position
  }

  uint32(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.position++] = rest
  }

  int64(value: number): void {
    if (value >= 0 && value < two32) {
      this.uint32(value)
    } else {
      splitSigned(value)
      this.#split()
    }
  }

  uint64(value: number): void {
    if (value >= 0 && value < two32) {
      this.uint32(value)
    } else {
      splitUnsigned(value)
      this.#split()
    }
  }

  bigint(value: bigint): void {
    splitBigint(value)
    this.#split()
  }

  /** The length, then the bytes. */
  lengthAndBytes(value: Uint8Array): void {
    this.uint32(value.length)
    if (value.length > 32) {
      this.bytes.set(value, this.position)
      this.position += value.length
    } else {
      // The call of set() costs more than such a short loop.
      for (const byte of value) {
        this.bytes[this.position++] = byte
      }
    }
  }

  /** The length of a part of `source`, then its bytes. */
  part(source: Uint8Array, at: number, length: number): void {
    this.uint32(length)
    if (length > 32) {
      this.bytes.set(source.subarray(at, at + length), this.position)
      this.position += length
    } else {
      for (let i = at; i < at + length; i++) {
        this.bytes[this.position++] = source[i] ?? 0
      }
    }
  }

  /** Bytes that are encoded already. */
  raw(value: Uint8Array): void {
    this.bytes.set(value, this.position)
    this.position += value.length
  }

  #split(): void {
    let rest = low
    let above = high
    while (above !== 0) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80
      rest = ((rest >>> 7) | (above << 25)) >>> 0
      above >>>= 7
    }
    this.uint32(rest)
  }
}

export class WireReader {
  readonly bytes: Uint8Array
  /** Where the innermost message under way ends. */
  end: number
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.end = bytes.length
  }

  /** Field number × 8 + wire type. */
  tag(): number {
    const first = this.position < this.end ? (this.bytes[this.position] ?? 0) : 0x80
    if (first < 0x80) {
      this.position++
      return first
    }
    this.#varint()
    if (high !== 0) {
      throw new WireError('a field number is out of range')
    }
    return low
  }

  /** A length that what is left of the message under way has room for. */
  length(): number {
    this.#varint()
    if (high !== 0 || low > this.end - this.position) {
      throw new WireError('the message is truncated')
    }
    return low
  }

  bool(): boolean {
    this.#varint()
    return low !== 0 || high !== 0
  }

  uint32(): number {
    this.#varint()
    return low
  }

  enum(): number {
    this.#varint()
    return low | 0
  }

  int64(): number {
    this.#varint()
    return high === 0 ? low : (high | 0) * two32 + low
  }

  uint64(): number {
    this.#varint()
    return high * two32 + low
  }

  int64Bigint(): bigint {
    this.#varint()
    return high === 0 ? BigInt(low) : (BigInt(high | 0) << 32n) | BigInt(low)
  }

  /** A bigint only where a number would not be exact. */
  int64Wide(): number | bigint {
    const value = this.int64()
    return Number.isSafeInteger(value) ? value : (BigInt(high | 0) << 32n) | BigInt(low)
  }

  uint64Bigint(): bigint {
    this.#varint()
    return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low)
  }

  /** A view of the input, not a copy. */
  view(): Uint8Array {
    const length = this.length()
    const start = this.position
    this.position = start + length
    return this.bytes.subarray(start, this.position)
  }

  /** Passes over the value of an unknown field, a group with all that is in it. */
  skip(tag: number): void {
    const open: number[] = []
    for (let current = tag; ; current = this.tag()) {
      const number = current >>> 3
      const wireType = current & 7
      if (number === 0) {
        throw new WireError('a field number is zero')
      }
      if (wireType === WireType.GROUP_START) {
        open.push(number)
      } else if (wireType !== WireType.GROUP_END) {
        this.#skipValue(wireType)
      } else if (open.pop() !== number) {
        throw new WireError('a group ends that did not begin')
      }
      if (open.length === 0) {
        return
      }
    }
  }

  #skipValue(wireType: number): void {
    if (wireType === WireType.VARINT) {
      this.#varint()
    } else if (wireType === WireType.BYTES) {
      const length = this.length()
      this.position += length
    } else if (wireType === WireType.FIXED64) {
      this.#advance(8)
    } else if (wireType === WireType.FIXED32) {
      this.#advance(4)
    } else {
      throw new WireError(`there is no wire type ${wireType}`)
    }
  }

  #advance(count: number): void {
    if (count > this.end - this.position) {
      throw new WireError('the message is truncated')
    }
    this.position += count
  }

  /** Leaves the value in `low` and `high`; bits above the 64th are a mistake of the sender. */
  #varint(): void {
    low = 0
    high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) {
        throw new WireError('the message is truncated')
      }
      const byte = this.bytes[this.position++] ?? 0
      const bits = byte & 0x7f
      if (shift < 28) {
        low |= bits << shift
      } else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else {
        high |= bits << (shift - 32)
      }
      if (byte < 0x80) {
        if (shift === 63 && byte > 1) {
          break
        }
        low >>>= 0
        high >>>= 0
        return
      }
    }
    throw new WireError('a varint is longer than 64 bits')
  }
}
