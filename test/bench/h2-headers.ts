// Header blocks of HTTP/2 (RFC 7541) for gRPC's requests. As other clients do, a connection puts what
// repeats into the dynamic table: from its second call of a method on, a block is a few bytes.

/** Of the static table. */
const METHOD_POST = 0x83
const SCHEME_HTTP = 0x86
const SCHEME_HTTPS = 0x87
const NAME_AUTHORITY = 1
const NAME_PATH = 4
const NAME_CONTENT_TYPE = 31
const STATIC_ENTRIES = 61

const INDEXED = 0x80
const ADDED = 0x40
/** A string whose length fits into the seven bits of its first byte. */
const LENGTH_END = 127

/** What one connection has sent so far decides what the next block looks like. */
export class HeaderBlocks {
  readonly #scheme: number
  readonly #common: readonly (readonly [number | string, string])[]
  /** Fields in the order in which they were added to the table. */
  readonly #added: string[] = []
  /** Blocks that say nothing new, by method; right until something else is added. */
  readonly #repeated = new Map<string, Buffer>()

  constructor(authority: string, secure: boolean) {
    this.#scheme = secure ? SCHEME_HTTPS : SCHEME_HTTP
    this.#common = [
      [NAME_AUTHORITY, authority],
      [NAME_CONTENT_TYPE, 'application/grpc'],
      ['te', 'trailers'],
    ]
  }

  /** For a request of that method. */
  of(method: string): Buffer {
    return this.#repeated.get(method) ?? this.#make(method)
  }

  #make(method: string): Buffer {
    const known = this.#added.length
    const fields = [[NAME_PATH, method] as const, ...this.#common]
    const parts = fields.map(([name, value]) => this.#field(name, value))
    const block = Buffer.concat([Buffer.of(METHOD_POST, this.#scheme), ...parts])
    if (this.#added.length === known) {
      this.#repeated.set(method, block)
    } else {
      this.#repeated.clear()
    }
    return block
  }

  #field(name: number | string, value: string): Buffer {
    const place = this.#added.indexOf(value)
    if (place !== -1) {
      // The entry that was added last has the lowest index.
      return Buffer.of(INDEXED | (STATIC_ENTRIES + this.#added.length - place))
    }
    this.#added.push(value)
    return typeof name === 'number'
      ? Buffer.concat([Buffer.of(ADDED | name), string(value)])
      : Buffer.concat([Buffer.of(ADDED), string(name), string(value)])
  }
}

function string(text: string): Buffer {
  if (text.length >= LENGTH_END) {
    throw new Error(`too long a header: ${text}`)
  }
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')])
}
