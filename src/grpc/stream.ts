import type { Field } from '../h2/field.ts'
import { ErrorCode } from '../h2/frames.ts'
import type { H2Stream, StreamListener } from '../h2/stream.ts'
import { UnreadBytes } from '../h2/unread-bytes.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { gunzipped, gzipped } from './compression.ts'
import { frameMessage, type GrpcMessage, MessageReader, messagePrefix } from './message.ts'
import type { PortMethod } from './port-metrics.ts'
import { deadlineExceeded, type GrpcRequest } from './request.ts'
import { statusOfError, trailersOf } from './status.ts'

/** Who answers a call. */
export interface GrpcHandler {
  /** A request of the client. Throws RpcStatus for one that ends what can be read. */
  message(request: Uint8Array): void
  /** The client sends no more; with a status where what it sent cannot be read on. */
  halfClosed(flaw: RpcStatus | undefined): void
  /** The client has taken responses of so many bytes. */
  taken?(bytes: number): void
  /** Nobody waits for the call: it was reset, its connection broke, its deadline has passed. */
  abandoned(): void
}

/** How a method's calls are answered, and counted where the port counts them. */
export interface GrpcOpening {
  open(call: GrpcStream): GrpcHandler
  readonly counts?: PortMethod
  /** Which replica answers; undefined for the leader. */
  readonly replica?: () => string | undefined
}

/** What a call is to its connection. */
export interface GrpcHost {
  /** Longer requests are refused, before and after decompression. */
  readonly messageBytesMax: number
  /** Memory that a call takes, or gives back where negative; false where that was too much. */
  hold(bytes: number): boolean
  /** Something goes out: pings of the client are fine again. */
  wrote(): void
  ended(call: GrpcStream): void
}

const TIMER_MS_MAX = 2 ** 31 - 1

/** One call on its HTTP/2 stream: messages and a status instead of frames. */
export class GrpcStream implements StreamListener {
  readonly request: GrpcRequest
  readonly #stream: H2Stream
  readonly #host: GrpcHost
  readonly #handler: GrpcHandler
  readonly #counts: PortMethod | undefined
  readonly #replica: GrpcOpening['replica']
  readonly #reader: MessageReader
  readonly #deadline: NodeJS.Timeout | undefined
  /** Whoever is asked has the leader answer it. */
  isPassedOn = false
  #heldBytes = 0
  /** Of #heldBytes, what is not read or not sent. */
  #waitingBytes = 0
  #isReading = true
  #isPaused = false
  /** What has come since `pause`. */
  readonly #unread = new UnreadBytes()
  #isEnded = false
  #code: Code = Code.CANCELED

  constructor(stream: H2Stream, request: GrpcRequest, host: GrpcHost, method: GrpcOpening) {
    this.request = request
    this.#stream = stream
    this.#host = host
    this.#reader = new MessageReader(host.messageBytesMax)
    this.#handler = method.open(this)
    this.#counts = method.counts
    this.#replica = method.replica
    if (this.#counts !== undefined) {
      this.#counts.started++
    }
    const { timeoutMs } = request
    if (timeoutMs !== undefined && timeoutMs <= TIMER_MS_MAX) {
      this.#deadline = setTimeout(() => this.#expire(), timeoutMs)
    }
    stream.listener = this
  }

  /** Sends one message, whose bytes the parts are in a row. */
  send(parts: readonly Uint8Array[]): void {
    if (!this.#isEnded && !this.#stream.isClosed) {
      this.#respond()
      this.#counts?.send(lengthOf(parts))
      this.#write(parts)
    }
  }

  /** Begins a message of that length, whose bytes `sendPart` sends as they come. */
  begin(messageBytes: number): void {
    if (!this.#isEnded && !this.#stream.isClosed) {
      this.#respond()
      this.#stream.write([messagePrefix(0, messageBytes)], 0)
    }
  }

  sendPart(bytes: Uint8Array): void {
    if (!this.#isEnded && !this.#stream.isClosed) {
      this.#stream.write([bytes], bytes.length)
      this.#countWaiting()
    }
  }

  /** Ends the call in the middle of a message: the client learns of it by the code of HTTP/2. */
  breakOff(errorCode: number): void {
    if (!this.#isEnded) {
      this.#finish()
      this.#code = Code.INTERNAL
      this.#stream.reset(errorCode)
    }
  }

  /** Sends the only message of a response, and ends the call well. */
  answer(parts: readonly Uint8Array[]): void {
    this.send(parts)
    this.end(undefined)
  }

  /** Ends the call, well without an error, behind what was sent. */
  end(error: unknown): void {
    if (this.#isEnded) {
      return
    }
    this.#finish()
    const status = error === undefined ? undefined : statusOfError(error)
    this.#code = status?.code ?? Code.OK
    const trailers = trailersOf(status)
    if (this.#stream.hasSentHeaders) {
      this.#stream.end(trailers)
    } else {
      this.#stream.respond([httpStatus, typeOf(this.request), ...trailers], true)
    }
    this.#host.wrote()
  }

  /** The server goes: whoever answers the call hears of it, and then the client. */
  stop(status: RpcStatus): void {
    if (!this.#isEnded) {
      this.#handler.abandoned()
      this.end(status)
    }
  }

  /** Counts memory to the call until it is closed. */
  hold(bytes: number): boolean {
    if (this.#stream.isClosed) {
      return true
    }
    this.#heldBytes += bytes
    return this.#host.hold(bytes)
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) {
      return
    }
    this.#isPaused = false
    this.#readMessages()
    if (!this.#isPaused && !this.#unread.isEmpty) {
      this.received(this.#unread.take())
    }
    this.#countWaiting()
    if (!this.#isPaused && this.#stream.hasClientEnded) {
      this.ended()
    }
  }

  received(chunk: Uint8Array): void {
    if (this.#isPaused) {
      // The client may send a window of it.
      this.#unread.add(chunk)
      if (!this.#countWaiting()) {
        this.stop(tooMuch())
      }
      return
    }
    this.#stream.take(chunk.length)
    if (this.#isReading) {
      this.#read(chunk)
    }
  }

  #read(chunk: Uint8Array): void {
    if (!this.hold(chunk.length)) {
      this.#stopReading(tooMuch())
      return
    }
    this.#reader.add(chunk)
    this.#readMessages()
    this.hold(-chunk.length)
    this.#countWaiting()
  }

  #countWaiting(): boolean {
    const waitingBytes = this.#reader.heldBytes + this.#unread.heldBytes + this.#stream.heldBytes
    const more = waitingBytes - this.#waitingBytes
    this.#waitingBytes = waitingBytes
    return this.hold(more)
  }

  #readMessages(): void {
    try {
      while (this.#isReading && !this.#isPaused) {
        const message = this.#reader.next()
        if (message === undefined) {
          break
        }
        const payload = this.#payload(message)
        this.#counts?.receive(payload.length)
        this.#handler.message(payload)
      }
      this.#reader.keep()
    } catch (error) {
      this.#stopReading(statusOfError(error))
    }
  }

  #payload({ flag, payload }: GrpcMessage): Uint8Array {
    if (flag === 0) {
      return payload
    }
    if (flag !== 1) {
      throw new RpcStatus(Code.INTERNAL, `grpc: received unexpected payload format ${flag}`)
    }
    if (!this.request.isGzip) {
      const message = 'grpc: compressed flag set with identity or empty encoding'
      throw new RpcStatus(Code.INTERNAL, message)
    }
    return gunzipped(payload, this.#host.messageBytesMax)
  }

  ended(): void {
    if (this.#isReading && !this.#isPaused) {
      const isCut = this.#reader.isInMessage
      this.#stopReading(isCut ? new RpcStatus(Code.INTERNAL, 'unexpected EOF') : undefined)
    }
  }

  #stopReading(flaw: RpcStatus | undefined): void {
    this.#isReading = false
    this.#reader.drop()
    this.#handler.halfClosed(flaw)
  }

  /** Headers, once. */
  #respond(): void {
    this.#host.wrote()
    if (!this.#stream.hasSentHeaders) {
      const headers = headersOf(this.request)
      const replica = this.isPassedOn ? undefined : this.#replica?.()
      this.#stream.respond(
        replica === undefined ? headers : [...headers, { name: REPLICA_HEADER, value: replica }],
        false,
      )
    }
  }

  #write(parts: readonly Uint8Array[]): void {
    const small = this.request.isGzip ? gzipped(parts) : undefined
    const pieces = small === undefined ? frameMessage(0, parts) : frameMessage(1, [small])
    this.#stream.write(pieces, lengthOf(parts))
    this.#countWaiting()
  }

  sent(messageBytes: number): void {
    this.#countWaiting()
    this.#host.wrote()
    if (messageBytes > 0 && !this.#isEnded) {
      this.#handler.taken?.(messageBytes)
    }
  }

  #finish(): void {
    this.#isEnded = true
    this.#isReading = false
    clearTimeout(this.#deadline)
    this.#reader.drop()
    // What still comes is thrown away.
    this.resume()
  }

  #expire(): void {
    this.#handler.abandoned()
    this.end(deadlineExceeded())
    // Where the status waits behind messages that nobody takes.
    this.#stream.reset(ErrorCode.CANCEL)
  }

  over(): void {
    this.#isReading = false
    clearTimeout(this.#deadline)
    this.#host.hold(-this.#heldBytes)
    this.#heldBytes = 0
    if (!this.#isEnded) {
      this.#isEnded = true
      this.#handler.abandoned()
    }
    this.#counts?.ended(this.#code)
    this.#host.ended(this)
  }
}

function tooMuch(): RpcStatus {
  const message = 'the calls of this connection hold too much memory'
  return new RpcStatus(Code.RESOURCE_EXHAUSTED, message)
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) {
    length += part.length
  }
  return length
}

const httpStatus = { name: ':status', value: '200' }
/** The same list for nearly all calls. */
const plainHeaders: readonly Field[] = [
  httpStatus,
  { name: 'content-type', value: 'application/grpc' },
]
const gzipEncoding: Field = { name: 'grpc-encoding', value: 'gzip' }

function headersOf(request: GrpcRequest): readonly Field[] {
  if (request.isGzip) {
    return [httpStatus, typeOf(request), gzipEncoding]
  }
  return request.contentType === 'application/grpc' ? plainHeaders : [httpStatus, typeOf(request)]
}

function typeOf({ contentType }: GrpcRequest): Field {
  return { name: 'content-type', value: contentType }
}
