import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { headTooLate, type Refusal } from './refusal.ts'
import { RequestReader, type RequestRules } from './request-reader.ts'

/** That of Node's server. */
const HEAD_MS_MAX = 60_000
/** How long a client may take to read what is left for it. */
const LINGER_MS_MAX = 60_000
/** How long a client that is let go may take to ask for something more. */
const LAST_REQUEST_MS = 500
/** What a client still says then is read, since a system drops an answer that crosses it (as Go). */
const LAST_WORDS_MS = 500

export interface StrictConnectionOptions extends RequestRules {
  /**
   * Whoever serves this connection emits `answered` on it for each request. Otherwise it answers all
   * that it was asked when it hears of the end, and ends then.
   */
  readonly isCounted: boolean
}

/**
 * A client's connection as a server behind sees it: only requests that a `RequestReader` passes on
 * come in. What that refuses is answered behind all that was asked before, and the connection ends.
 */
export class StrictConnection extends Duplex {
  readonly #socket: Socket
  readonly #isCounted: boolean
  readonly #reader: RequestReader
  /** What has been read, for the server to have at once. */
  #passed: (Buffer | string)[] = []
  #unanswered = 0
  #isFinishing = false
  #lastCall: NodeJS.Timeout | undefined
  #refusal: Refusal | undefined
  #headTimer: NodeJS.Timeout | undefined

  /** `unread` is what the client has said already. */
  constructor(socket: Socket, unread: Buffer, options: StrictConnectionOptions) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#isCounted = options.isCounted
    this.#reader = new RequestReader(options, {
      pass: (bytes) => this.#passed.push(bytes),
      begun: () => this.#unanswered++,
      refuse: (refusal) => this.#refuse(refusal),
      breakOff: () => this.#endRequests(),
    })
    this.on('answered', () => this.#answered())
    socket.on('close', () => this.destroy())
    this.#received(unread)
    if (socket.readableEnded) {
      this.#ended()
    } else {
      socket.on('data', (bytes: Buffer) => this.#received(bytes))
      socket.on('end', () => this.#ended())
    }
  }

  /**
   * Passes one request on at most, which asks for the end, so that its client sends no other. Whoever serves this
   * answers all that it was asked when it hears of the end, and ends then.
   */
  finish(): void {
    this.#reader.finish()
    this.#isFinishing = true
    this.#lastCall = setTimeout(() => {
      this.#lastCall = undefined
      this.#endIfFinished()
    }, LAST_REQUEST_MS)
  }

  #endIfFinished(): void {
    const { isOver, isBetween } = this.#reader
    const isDue = isOver || (isBetween && this.#lastCall === undefined)
    if (this.#isFinishing && isDue && this.#refusal === undefined) {
      this.#isFinishing = false
      this.#endRequests()
    }
  }

  #received(bytes: Buffer): void {
    this.#reader.push(bytes)
    this.#pass()
    this.#endIfFinished()
    if (!this.#reader.isInHead) {
      clearTimeout(this.#headTimer)
      this.#headTimer = undefined
    } else {
      this.#headTimer ??= setTimeout(() => this.#reader.refuse(headTooLate), HEAD_MS_MAX)
    }
  }

  #ended(): void {
    this.#reader.end()
    if (this.#refusal === undefined) {
      this.#endRequests()
    }
  }

  #pass(): void {
    const pieces = this.#passed.map((one) => (typeof one === 'string' ? latin1(one) : one))
    this.#passed = []
    const [first] = pieces
    const bytes = first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces)
    if (bytes.length > 0 && !this.push(bytes)) {
      this.#socket.pause()
    }
  }

  #endRequests(): void {
    this.#pass()
    clearTimeout(this.#headTimer)
    this.push(null)
  }

  #refuse(refusal: Refusal): void {
    this.#refusal = refusal
    if (!this.#isCounted) {
      this.#endRequests()
    } else if (this.#unanswered === 0) {
      this.end()
    }
  }

  #answered(): void {
    this.#unanswered--
    if (this.#refusal !== undefined && this.#unanswered === 0) {
      this.end()
    }
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#written(this.#socket.write(bytes), done)
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork()
    const isTaken = chunks.map(({ chunk }) => this.#socket.write(chunk)).every(Boolean)
    this.#socket.uncork()
    this.#written(isTaken, done)
  }

  #written(isTaken: boolean, done: () => void): void {
    if (isTaken) {
      done()
    } else {
      this.#socket.once('drain', done)
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    const socket = this.#socket
    socket.setTimeout(LINGER_MS_MAX, () => socket.destroy())
    // Whoever has served this may not read any more.
    socket.removeAllListeners('data').resume()
    socket.end(this.#refusal?.answer ?? '', 'latin1', () => {
      setTimeout(() => socket.destroy(), LAST_WORDS_MS)
    })
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#headTimer)
    clearTimeout(this.#lastCall)
    if (!this.#socket.writableEnded) {
      this.#socket.destroy()
    }
    done(error)
  }

  destroySoon(): void {
    this.end()
  }

  setTimeout(ms: number, late: () => void): this {
    this.#socket.setTimeout(ms, late)
    return this
  }
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
