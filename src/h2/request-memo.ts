import type { HeaderBlock, HpackDecoder } from './hpack-decoder.ts'

/** Clients repeat themselves: a block for each kind of call that they make. */
const BLOCKS_MAX = 8
/** Longer ones are not likely to come again. */
const BLOCK_BYTES_MAX = 256

interface Known<T> {
  readonly bytes: Buffer
  readonly version: number
  readonly meaning: T
}

/**
 * Remembers what the last header blocks of a connection were read as. The same bytes mean the same as
 * long as HPACK's table does not change, and they do not change it themselves.
 */
export class RequestMemo<T> {
  readonly #decoder: HpackDecoder
  readonly #read: (block: HeaderBlock) => T
  readonly #known: Known<T>[] = []
  #oldest = 0

  constructor(decoder: HpackDecoder, read: (block: HeaderBlock) => T) {
    this.#decoder = decoder
    this.#read = read
  }

  /** Throws ConnectionError. */
  decode(bytes: Buffer): T {
    const { version } = this.#decoder
    for (const known of this.#known) {
      if (known.version === version && isSame(known.bytes, bytes)) {
        return known.meaning
      }
    }
    const meaning = this.#read(this.#decoder.decode(bytes))
    if (version === this.#decoder.version && bytes.length <= BLOCK_BYTES_MAX) {
      // A copy: the bytes are a view of all that was received with them.
      this.#known[this.#oldest] = { bytes: Buffer.from(bytes), version, meaning }
      this.#oldest = (this.#oldest + 1) % BLOCKS_MAX
    }
    return meaning
  }
}

/** Of so few bytes sooner than by a call of Buffer's. */
function isSame(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) {
    return false
  }
  for (let place = 0; place < a.length; place++) {
    if (a[place] !== b[place]) {
      return false
    }
  }
  return true
}
