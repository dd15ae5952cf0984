/**
 * The requests of a streaming call over HTTP or WebSocket: JSON values one after another, with or
 * without space between them, cut into chunks anywhere. Values are found as Go's json.Decoder
 * finds them.
 */
import { JsonScanner, skipSpace } from './json-scanner.ts'
import { Code, RpcStatus } from './status.ts'

export class JsonSplitter {
  readonly #valueBytesMax: number
  #scanner = new JsonScanner()
  /** What has come of the value under way, without the space before it. */
  #pieces: Uint8Array[] = []
  #size = 0

  constructor(valueBytesMax: number) {
    this.#valueBytesMax = valueBytesMax
  }

  /**
   * Yields the values that end in the chunk; one that lies in it as a whole is a view of it. Then
   * throws an RpcStatus if what follows is no JSON, or is longer than allowed: the rest of the
   * stream has no meaning then.
   *
   * A number, string or literal at top level is yielded once the byte after it has come.
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = this.#size === 0 ? skipSpace(chunk, 0) : 0
    while (start < chunk.length) {
      const end = this.#scanner.scan(chunk, start)
      this.#keep(chunk.subarray(start, end < 0 ? chunk.length : end))
      if (end < 0) {
        return
      }
      yield this.#take()
      start = skipSpace(chunk, end)
    }
  }

  /** Yields the value that the end of the input ends. Throws as `push` does if one is cut off. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#size === 0) {
      return
    }
    if (!this.#scanner.endsHere()) {
      throw new RpcStatus(Code.INVALID_ARGUMENT, 'unexpected EOF')
    }
    yield this.#take()
  }

  #keep(piece: Uint8Array): void {
    this.#size += piece.length
    if (this.#size > this.#valueBytesMax) {
      const sizes = `${this.#size} vs. ${this.#valueBytesMax}`
      const text = `grpc: received message larger than max (${sizes})`
      throw new RpcStatus(Code.RESOURCE_EXHAUSTED, text)
    }
    this.#pieces.push(piece)
  }

  #take(): Uint8Array {
    const [first = new Uint8Array(0), ...rest] = this.#pieces
    const value = rest.length === 0 ? first : join(this.#pieces, this.#size)
    this.#scanner = new JsonScanner()
    this.#pieces = []
    this.#size = 0
    return value
  }
}

function join(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let position = 0
  for (const piece of pieces) {
    bytes.set(piece, position)
    position += piece.length
  }
  return bytes
}
