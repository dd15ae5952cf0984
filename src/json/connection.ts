import type { Socket } from 'node:net'
import { type Shown, shownBy } from '../door/shown.ts'
import { mayEnter } from '../door/visitor.ts'
import { clientGone } from '../gateway-rules/call.ts'
import { type CorsHeaders, corsHeaders } from '../gateway-rules/cors.ts'
import { mayName } from '../gateway-rules/host-whitelist.ts'
import type { RequestHead } from '../gateway-rules/request-head.ts'
import { type WholeResponse, callHeaders } from '../gateway-rules/response.ts'
import type { V2Response } from '../gateway-rules/v2-keys-answer.ts'
import { statusOf } from '../protocol/status.ts'
import { type AnswerFrame, chunk, chunkedHead, lastChunk, wholeAnswer } from './answer.ts'
import { type ResponseOut, JsonExchange, type JsonServing } from './exchange.ts'
import { type PlainRequest, readRequest } from './request.ts'
import { V2Exchange } from './v2-exchange.ts'
import type { PlainV2Request } from './v2-request.ts'

/** Requests that have come while one is answered; behind that the client is not read. */
const PIPELINED_BYTES_MAX = 64 * 1024
/** A request that takes longer to arrive is for the gateway to wait for. */
const ARRIVAL_MS_MAX = 10_000
/** How long a client that has ended its side may take to read what is left for it. */
const LINGER_MS_MAX = 60_000

/** What a request's fields come to. */
interface Known {
  readonly headers: RequestHead['headers']
  readonly cors: CorsHeaders | undefined
  /** Undefined where the request is for the gateway. */
  readonly shown: Shown | undefined
}

/** Requests that are answered elsewhere. */
export interface Elsewhere {
  /** Takes a connection over from the first of them on, which `unread` begins with. */
  readonly others: (socket: Socket, isSecure: boolean, unread: Buffer) => void
  /** Whether only the gateway knows which origins may read an answer. */
  readonly othersHaveOrigins: boolean
}

export interface JsonConnectionOptions extends JsonServing, Elsewhere {
  readonly isSecure: boolean
  /** The connection is gone, or somebody else's. */
  readonly left: () => void
}

/**
 * A connection of HTTP/1.1, of which the plain unary calls are answered here, one after the other.
 * With the first request that is anything else it is handed over, and does not come back: so each
 * byte of it is read by one party only.
 */
export class JsonConnection implements ResponseOut {
  readonly #socket: Socket
  readonly #options: JsonConnectionOptions
  readonly #ofV2: JsonServing
  #unread: Buffer[] = []
  #unreadBytes = 0
  /** Looking at fewer bytes would find nothing new. */
  #awaitedBytes = 0
  /** Of which the body is yet to come. */
  #request: PlainRequest | PlainV2Request | undefined
  #call: JsonExchange | V2Exchange | undefined
  /** What the fields of the last request show, which are mostly those of the next one too. */
  #known: Known | undefined
  #partSent = false
  #arrival: NodeJS.Timeout | undefined
  #isServing = false
  #clientEnded = false
  #closing = false

  readonly #received = (bytes: Buffer): void => {
    this.#unread.push(bytes)
    this.#unreadBytes += bytes.length
    if (this.#unreadBytes < this.#awaitedBytes) {
      return
    }
    this.#serve()
    if (this.#unreadBytes > PIPELINED_BYTES_MAX && this.#request === undefined) {
      this.#socket.pause()
    }
  }

  readonly #drained = (): void => this.#serve()

  /** A client that ends its side still gets its answer, but not one that may be far off. */
  readonly #ended = (): void => {
    this.#clientEnded = true
    if (this.#call?.waits === true) {
      this.#call.giveUp(clientGone())
    } else {
      this.#serve()
    }
  }

  readonly #closed = (): void => {
    this.#leave()
    this.#call?.cancel()
  }

  constructor(socket: Socket, options: JsonConnectionOptions) {
    this.#socket = socket
    this.#options = options
    // In front of a Worker the gateway has the other requests, and knows of no certificate.
    this.#ofV2 = options.othersHaveOrigins ? { ...options, commonName: undefined } : options
    socket.on('data', this.#received)
    socket.on('drain', this.#drained)
    socket.on('end', this.#ended)
    socket.on('close', this.#closed)
  }

  /** Answers what is asked, if that is not to wait for long, and nothing else. */
  close(): void {
    this.#closing = true
    if (this.#call === undefined) {
      this.#finish()
    } else if (this.#call.waits) {
      this.#call.giveUp(statusOf('server-gone'))
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #serve(): void {
    // An answer that comes at once returns to this loop by itself.
    if (this.#isServing) {
      return
    }
    this.#isServing = true
    while (this.#isReady() && this.#next()) {
      // The request is under way or answered.
    }
    this.#isServing = false
  }

  #isReady(): boolean {
    return (
      this.#call === undefined &&
      (this.#unreadBytes > 0 || this.#clientEnded) &&
      !this.#closing &&
      !this.#socket.writableNeedDrain &&
      !this.#socket.destroyed
    )
  }

  /** Answers whether a request was taken. */
  #next(): boolean {
    if (this.#unreadBytes === 0) {
      this.#finish()
      return false
    }
    if (this.#socket.isPaused()) {
      this.#socket.resume()
    }
    const bytes = this.#takeUnread()
    const request = this.#request ?? readRequest(bytes)
    if (request === 'incomplete') {
      this.#awaitMore(bytes, undefined)
      return false
    }
    const shown = request === 'other' ? undefined : this.#shownBy(request)
    if (request === 'other' || shown === undefined) {
      this.#handOver(bytes)
      return false
    }
    if (bytes.length < request.end) {
      this.#awaitMore(bytes, request)
      return false
    }
    this.#request = undefined
    this.#awaitedBytes = 0
    clearTimeout(this.#arrival)
    this.#arrival = undefined
    this.#putBack(bytes.subarray(request.end))
    this.#start(request, shown, bytes.subarray(request.bodyStart, request.end))
    return true
  }

  #start(request: PlainRequest | PlainV2Request, shown: Shown, body: Uint8Array): void {
    if ('v2' in request) {
      const call = new V2Exchange(this.#ofV2, this)
      this.#call = call
      call.start(request, shown, body)
    } else {
      this.#options.counts.unary++
      const call = new JsonExchange(this.#options, request.method, this)
      this.#call = call
      call.start(request, shown, body)
    }
  }

  /** Undefined for a request that is the gateway's: to refuse in its own words, or to ask about. */
  #shownBy(request: PlainRequest | PlainV2Request): Shown | undefined {
    if (!('v2' in request) && !this.#options.settings.jsonGateway) {
      return undefined
    }
    if (this.#known?.headers !== request.headers) {
      const { headers } = request
      const cors = corsHeaders(request, this.#options.settings)
      this.#known = { headers, cors, shown: this.#shownAnew(request) }
    }
    return this.#known.shown
  }

  #shownAnew(request: PlainRequest | PlainV2Request): Shown | undefined {
    const { settings, isSecure, othersHaveOrigins } = this.#options
    const hasOrigin = request.headers.get('Origin') !== null
    if ((othersHaveOrigins && hasOrigin) || !(isSecure || mayName(request.host, settings))) {
      return undefined
    }
    const shown = shownBy(request, settings)
    return mayEnter(shown, settings) ? shown : undefined
  }

  #awaitMore(bytes: Buffer, request: PlainRequest | PlainV2Request | undefined): void {
    this.#putBack(bytes)
    if (this.#clientEnded) {
      this.#handOver(this.#takeUnread())
      return
    }
    this.#request = request
    this.#awaitedBytes = request?.end ?? bytes.length + 1
    this.#arrival ??= setTimeout(() => this.#handOver(this.#takeUnread()), ARRIVAL_MS_MAX)
  }

  #takeUnread(): Buffer {
    const [first] = this.#unread
    const bytes =
      first !== undefined && this.#unread.length === 1 ? first : Buffer.concat(this.#unread)
    this.#unread = []
    this.#unreadBytes = 0
    return bytes
  }

  #putBack(bytes: Buffer): void {
    if (bytes.length > 0) {
      this.#unread = [bytes]
      this.#unreadBytes = bytes.length
    }
  }

  #handOver(unread: Buffer): void {
    this.#leave()
    this.#options.others(this.#socket, this.#options.isSecure, unread)
  }

  #leave(): void {
    clearTimeout(this.#arrival)
    this.#socket.off('data', this.#received)
    this.#socket.off('drain', this.#drained)
    this.#socket.off('end', this.#ended)
    this.#socket.off('close', this.#closed)
    this.#options.left()
  }

  #frame(): AnswerFrame {
    return { cors: this.#known?.cors, isLast: this.#closing, nowMs: Date.now() }
  }

  whole(answer: WholeResponse | V2Response): void {
    const { text, encoding } = wholeAnswer(answer, this.#frame())
    this.#socket.write(text, encoding)
    this.#answered()
  }

  part(text: string, taken: () => void): void {
    const head = this.#partSent ? '' : chunkedHead(callHeaders, this.#frame())
    this.#partSent = true
    // A client that is gone is no news: the connection hears of its end.
    this.#socket.write(head + chunk(text), 'latin1', () => taken())
  }

  last(text: string): void {
    this.#socket.write(chunk(text) + lastChunk, 'latin1')
    this.#partSent = false
    this.#answered()
  }

  broken(): void {
    this.#socket.destroy()
  }

  #answered(): void {
    this.#call = undefined
    if (this.#closing) {
      this.#finish()
    } else {
      this.#serve()
    }
  }

  #finish(): void {
    this.#socket.setTimeout(LINGER_MS_MAX, () => this.#socket.destroy())
    this.#socket.destroySoon()
  }
}
