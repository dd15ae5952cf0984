// The least that reads HTTP/1.1 answers: on two cores a full client would cost as much as a server.

/** What a connection's answers consist of, in the order in which it arrives. */
export interface AnswerParts {
  head(status: number): void
  /** A piece of the body, wherever the network cut it. */
  body(piece: Buffer): void
  end(): void
}

type State = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'

const NOTHING = Buffer.alloc(0)

/** Bodies with a length and chunked ones; an answer that is neither is refused. */
export class ResponseReader {
  readonly #parts: AnswerParts
  #state: State = 'head'
  /** Bytes still missing of the body or of the chunk. */
  #missing = 0
  #unread: Buffer = NOTHING

  constructor(parts: AnswerParts) {
    this.#parts = parts
  }

  push(received: Buffer): void {
    let data = this.#unread.length === 0 ? received : Buffer.concat([this.#unread, received])
    while (data.length > 0) {
      const used = this.#step(data)
      if (used === 0) {
        break
      }
      data = data.subarray(used)
    }
    this.#unread = data
  }

  /** Answers how many bytes were used, 0 when more are needed first. */
  #step(data: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(data)
      case 'body':
      case 'chunk':
        return this.#readBody(data)
      case 'chunk-size':
        return this.#readLine(data, (line) => {
          this.#missing = Number.parseInt(line, 16)
          this.#state = this.#missing === 0 ? 'trailer' : 'chunk'
        })
      case 'chunk-end':
        return this.#readLine(data, () => {
          this.#state = 'chunk-size'
        })
      case 'trailer':
        return this.#readLine(data, (line) => {
          if (line === '') {
            this.#end()
          }
        })
    }
  }

  #readHead(data: Buffer): number {
    const end = data.indexOf('\r\n\r\n')
    if (end === -1) {
      return 0
    }
    const head = data.toString('latin1', 0, end)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length === undefined && !/\r\ntransfer-encoding: *chunked/i.test(head)) {
      throw new Error(`an answer of unknown length: ${head}`)
    }
    this.#parts.head(Number(head.slice(9, 12)))
    this.#missing = Number(length ?? 0)
    this.#state = length === undefined ? 'chunk-size' : 'body'
    if (length === '0') {
      this.#end()
    }
    return end + 4
  }

  #readBody(data: Buffer): number {
    const piece = data.length > this.#missing ? data.subarray(0, this.#missing) : data
    this.#missing -= piece.length
    this.#parts.body(piece)
    if (this.#missing === 0) {
      if (this.#state === 'body') {
        this.#end()
      } else {
        this.#state = 'chunk-end'
      }
    }
    return piece.length
  }

  #readLine(data: Buffer, take: (line: string) => void): number {
    const end = data.indexOf('\r\n')
    if (end === -1) {
      return 0
    }
    take(data.toString('latin1', 0, end))
    return end + 2
  }

  #end(): void {
    this.#state = 'head'
    this.#parts.end()
  }
}
