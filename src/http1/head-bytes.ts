const FIRST_BYTES = 1024

/** The bytes of a head that comes in pieces, of whatever size: each is copied a few times at most. */
export class HeadBytes {
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0
  /** Before this there is no end of a head. */
  #seen = 0

  get length(): number {
    return this.#length
  }

  append(bytes: Buffer): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(length, this.#buffer.length * 2, FIRST_BYTES))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = length
  }

  /** Takes a head with the empty line that ends it; undefined where that is yet to come. */
  take(): string | undefined {
    const all = this.#buffer.subarray(0, this.#length)
    for (
      let line = all.indexOf('\n', this.#seen);
      line !== -1;
      line = all.indexOf('\n', line + 1)
    ) {
      const next = all[line + 1] === CR ? line + 2 : line + 1
      if (all[next] === LF) {
        const head = all.toString('latin1', 0, line)
        this.#drop(next + 1)
        return head
      }
      // The line that ends here may be the last one, if an empty one follows.
      this.#seen = line
    }
    return undefined
  }

  /** Takes what is there, whatever it is. */
  takeAll(): Buffer {
    const all = Buffer.from(this.#buffer.subarray(0, this.#length))
    this.#drop(this.#length)
    return all
  }

  /** Drops the empty lines that some clients send behind a body (RFC 9112 §2.2). */
  dropEmptyLines(): void {
    let start = 0
    while (start < this.#length && (this.#buffer[start] === CR || this.#buffer[start] === LF)) {
      start++
    }
    if (start > 0) {
      this.#drop(start)
    }
  }

  #drop(bytes: number): void {
    this.#buffer = this.#buffer.subarray(bytes)
    this.#length -= bytes
    this.#seen = 0
  }
}

const CR = 0x0d
const LF = 0x0a
