import { ArchiveDamage } from './archive-damage.ts'

/** Reads records of a section, in which numbers are varints. What is cut off or no number throws ArchiveDamage. */
export class RecordReader {
  readonly #section: Uint8Array
  #at = 0

  constructor(section: Uint8Array) {
    this.#section = section
  }

  get done(): boolean {
    return this.#at >= this.#section.length
  }

  byte(): number {
    const byte = this.#section[this.#at++]
    if (byte === undefined) {
      throw nonsense()
    }
    return byte
  }

  int(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte <= 0x7f) {
        break
      }
      factor *= 0x80
    }
    if (!Number.isSafeInteger(value)) {
      throw nonsense()
    }
    return value
  }

  int64(): bigint {
    const bytes = this.#take(8)
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0)
  }

  bytes(): Uint8Array {
    return this.#take(this.int())
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#section.length) {
      throw nonsense()
    }
    const bytes = this.#section.subarray(this.#at, end)
    this.#at = end
    return bytes
  }
}

export function nonsense(): ArchiveDamage {
  return new ArchiveDamage('content', 'makes no sense: its changes are none')
}
