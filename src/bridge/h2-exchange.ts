import type { OutgoingHttpHeaders } from 'node:http'
import { Duplex } from 'node:stream'
import { ErrorCode } from './h2-frames.ts'
import type { Field } from './h2-hpack-table.ts'
import { type H2Request, isHttpRequest, type RequestHeaders } from './h2-request.ts'
import type { H2Stream, StreamListener } from './h2-stream.ts'

/** Begins to serve a request. Undefined where it is none that HTTP has: its stream is reset. */
export function openExchange(stream: H2Stream, { fields }: H2Request): H2Exchange | undefined {
  const headers = joined(fields)
  if (!isHttpRequest(headers)) {
    stream.refuse(ErrorCode.PROTOCOL_ERROR)
    return undefined
  }
  const exchange = new H2Exchange(stream, headers)
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
  /** Taken by a reader that has not asked for more. */
  #unreadBytes = 0
  #written: (() => void) | undefined

  constructor(stream: H2Stream, headers: RequestHeaders) {
    super()
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
    this.#unreadBytes += bytes.length
    this.push(bytes)
  }

  ended(): void {
    if (this.#missingBytes === undefined || this.#missingBytes === 0) {
      this.push(null)
    } else {
      this.#break()
    }
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
    setImmediate(() => this.destroy())
  }

  override _read(): void {
    const bytes = this.#unreadBytes
    this.#unreadBytes = 0
    this.#stream.take(bytes)
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
