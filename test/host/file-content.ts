import type { FileEvent } from './file-trace.ts'

export type Change = Extract<FileEvent, { kind: 'write' | 'truncate' }>

/** The bytes of a file, which grows in place. */
export class FileContent {
  #bytes: Buffer
  #size: number

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = bytes
    this.#size = bytes.length
  }

  copy(): FileContent {
    return new FileContent(Buffer.from(this.bytes))
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  do(change: Change): void {
    if (change.kind === 'write') {
      this.write(change.offset, change.data)
    } else {
      this.#resize(change.size)
    }
  }

  write(offset: number, data: Uint8Array): void {
    this.#resize(Math.max(this.#size, offset + data.length))
    this.#bytes.set(data, offset)
  }

  /** What is cut off is zero when it comes back. */
  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(size * 2)
      this.bytes.copy(larger)
      this.#bytes = larger
    }
    if (size < this.#size) {
      this.#bytes.fill(0, size, this.#size)
    }
    this.#size = size
  }
}
