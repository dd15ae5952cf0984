/** Of a chunk's first line, and of all the lines behind the last chunk. */
const LINE_BYTES_MAX = 4096
const TRAILER_BYTES_MAX = 64 * 1024
const CRLF = '\r\n'

type Awaited = 'size' | 'bytes' | 'end of chunk' | 'trailer'

/** A body that comes in chunks, read as strictly as Go does (net/http/internal: chunked.go). */
export class ChunkedBody {
  #awaited: Awaited = 'size'
  /** Of the chunk, yet to come. */
  #bytesLeft = 0
  #line = ''
  #isOver = false

  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Hands what belongs to the body to `take`, and returns what is behind its end. Throws an Error
   * with Go's text where it is broken.
   */
  push(bytes: Buffer, take: (piece: Buffer) => void): Buffer {
    let rest = bytes
    while (rest.length > 0 && !this.#isOver) {
      if (this.#awaited === 'bytes') {
        const piece = rest.subarray(0, this.#bytesLeft)
        take(piece)
        this.#bytesLeft -= piece.length
        rest = rest.subarray(piece.length)
        this.#awaited = this.#bytesLeft === 0 ? 'end of chunk' : 'bytes'
      } else if (this.#awaited === 'end of chunk') {
        rest = this.#readEndOfChunk(rest)
      } else {
        rest = this.#readLine(rest)
      }
    }
    return rest
  }

  #readEndOfChunk(bytes: Buffer): Buffer {
    const missing = CRLF.length - this.#line.length
    this.#line += bytes.toString('latin1', 0, missing)
    if (!CRLF.startsWith(this.#line)) {
      throw new Error('malformed chunked encoding')
    }
    if (this.#line === CRLF) {
      this.#line = ''
      this.#awaited = 'size'
    }
    return bytes.subarray(missing)
  }

  #readLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\n')
    const taken = end === -1 ? bytes.length : end + 1
    this.#line += bytes.toString('latin1', 0, taken)
    const max = this.#awaited === 'size' ? LINE_BYTES_MAX : TRAILER_BYTES_MAX
    if (this.#line.length > max) {
      throw new Error('header line too long')
    }
    if (end !== -1) {
      this.#endLine()
    }
    return bytes.subarray(taken)
  }

  #endLine(): void {
    if (this.#awaited === 'trailer') {
      // The lines of a trailer count together. Nobody is interested in what they say.
      this.#isOver = ['\n', CRLF].some(
        (end) => this.#line === end || this.#line.endsWith(`\n${end}`),
      )
      return
    }
    this.#bytesLeft = sizeOf(this.#line)
    this.#line = ''
    this.#awaited = this.#bytesLeft === 0 ? 'trailer' : 'bytes'
  }
}

function sizeOf(line: string): number {
  const end = line.indexOf('\r')
  if (end === -1) {
    throw new Error('chunked line ends with bare LF')
  }
  if (end !== line.length - CRLF.length) {
    throw new Error('invalid CR in chunked line')
  }
  const [size = ''] = line.trimEnd().split(';')
  if (size === '') {
    throw new Error('empty hex number for chunk length')
  }
  if (!/^[\da-f]+$/i.test(size)) {
    throw new Error('invalid byte in chunk length')
  }
  if (size.length > 16) {
    throw new Error('http chunk length too large')
  }
  return Number.parseInt(size, 16)
}
