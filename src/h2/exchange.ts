import type { OutgoingHttpHeaders } from 'node:http'
import { Duplex } from 'node:stream'
import type { Field } from './field.ts'
import { ErrorCode } from './frames.ts'
import { type H2Request, isHttpRequest, type RequestHeaders } from './request.ts'
import type { H2Stream, StreamListener } from './stream.ts'
import { UnreadBytes } from './unread-bytes.ts'

/** Counts memory, or gives it back where negative; false where that was too much. */
export type Hold = (bytes: number) => boolean

/**
 * Begins to serve a request, of whose body `hold` counts what is not read. Undefined where it is none
 * that HTTP has: its stream is reset.
 */
export function openExchange(
  stream: H2Stream,
  { fields }: H2Request,
  hold: Hold,
): H2Exchange | undefined {
  const headers = joined(fields)
  if (!isHttpRequest(headers)) {
    stream.refuse(ErrorCode.PROTOCOL_ERROR)
    return undefined
  }
  const exchange = new H2Exchange(stream, headers, hold)
  stream.listener = exchange
  // Whoever passes it on hears of its end by other ways.
  exchange.on('error', () => undefined)
  return exchange
}

/** A request and its response as Node's streams have them: for what is no gRPC. */
export class H2Exchange extends Duplex implements StreamListener {
  readonly headers: RequestHeaders
  readonly #stream: H2Stream
  /** What the client has announced and not sent yet; undefined where it announced nothing. */
  #missingBytes: number | undefined
  readonly #hold: Hold
  #heldBytes = 0
  readonly #unread = new UnreadBytes()
  /** Given to a reader that has not asked for more. */
  #given: Uint8Array = noBytes
  #isAsked = false
  #hasEnded = false
  #written: (() => void) | undefined

  constructor(stream: H2Stream, headers: RequestHeaders, hold: Hold) {
    // Node's own list of pieces is to have one at most.
    super({ readableHighWaterMark: 1 })
    this.#hold = hold
    this.#stream = stream
    this.headers = headers
    const length = this.headers['content-length']
    this.#missingBytes = length === undefined ? undefined : Number(length)
  }

  /** Whether the client has more to say than its headers. */
  get hasBody(): boolean {
    return !this.#stream.hasClientEnded
  }

  get headersSent(): boolean {
    return this.#stream.hasSentHeaders
  }

  respond(headers: OutgoingHttpHeaders): void {
    const fields: Field[] = []
    for (const [name, values] of Object.entries(headers)) {
      for (const value of [values ?? []].flat()) {
        fields.push({ name, value: String(value) })
      }
    }
    this.#stream.respond(fields, false)
  }

  /** A body of another length would be another request to whom it is passed on. */
  received(bytes: Uint8Array): void {
    if (this.#missingBytes !== undefined) {
      this.#missingBytes -= bytes.length
      if (this.#missingBytes < 0) {
        this.#break()
        return
      }
    }
    this.#unread.add(bytes)
    if (this.#count()) {
      this.#give()
    } else {
      this.#stream.refuse(ErrorCode.ENHANCE_YOUR_CALM)
    }
  }

  ended(): void {
    if (this.#missingBytes === undefined || this.#missingBytes === 0) {
      this.#hasEnded = true
      this.#give()
    } else {
      this.#break()
    }
  }

  /** All that is there, to a reader that has asked for more. */
  #give(): void {
    if (this.#isAsked && !this.#unread.isEmpty) {
      this.#isAsked = false
      this.#given = this.#unread.take()
      this.push(this.#given)
    }
    if (this.#hasEnded && this.#unread.isEmpty) {
      this.push(null)
    }
  }

  #count(): boolean {
    const heldBytes = this.#unread.heldBytes + this.#given.buffer.byteLength
    const more = heldBytes - this.#heldBytes
    this.#heldBytes = heldBytes
    return this.#hold(more)
  }

  #break(): void {
    this.#stream.refuse(ErrorCode.PROTOCOL_ERROR)
  }

  sent(): void {
    if (this.#stream.isIdle) {
      const written = this.#written
      this.#written = undefined
      written?.()
    }
  }

  /** Where that is the end of the response, Node is still to hear that it has said all. */
  over(): void {
    this.#unread.take()
    this.#given = noBytes
    this.#count()
    setImmediate(() => this.destroy())
  }

  override _read(): void {
    const { length } = this.#given
    this.#given = noBytes
    this.#isAsked = true
    this.#give()
    this.#count()
    this.#stream.take(length)
  }

  override _write(chunk: Uint8Array, _encoding: string, written: () => void): void {
    this.#written = written
    this.#stream.write([chunk], 0)
  }

  override _final(done: () => void): void {
    this.#stream.end(undefined)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Of a stream that is over nothing more is said.
    this.#stream.reset(ErrorCode.INTERNAL_ERROR)
    done(error)
  }
}

const noBytes = new Uint8Array(0)

/** Names that came more than once have their values joined (RFC 9110 §5.2, RFC 9113 §8.2.3). */
function joined(fields: readonly Field[]): RequestHeaders {
  const headers = Object.create(null) as Record<string, string>
  for (const { name, value } of fields) {
    const before = headers[name]
    const separator = name === 'cookie' ? '; ' : ', '
    headers[name] = before === undefined ? value : `${before}${separator}${value}`
  }
  return headers
}
