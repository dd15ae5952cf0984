import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Code, RpcStatus } from '../protocol/status.ts'
import { gunzipped, gzipped } from './grpc-compression.ts'
import { frameMessage, type GrpcMessage, MessageReader } from './grpc-message.ts'
import { deadlineExceeded, type GrpcRequest } from './grpc-request.ts'
import { statusOfError, trailersOf } from './grpc-status.ts'
import { GrpcWriter } from './grpc-writer.ts'

/** Who answers a call. */
export interface CallHandler {
  /** A request of the client. Throws RpcStatus for one that ends what can be read. */
  message(request: Uint8Array): void
  /** The client sends no more; with a status where what it sent cannot be read on. */
  halfClosed(flaw: RpcStatus | undefined): void
  /** The client has taken responses of so many bytes. */
  taken?(bytes: number): void
  /** Nobody waits for the call: it was reset, its connection broke, its deadline has passed. */
  abandoned(): void
}

/** What a call is to its connection. */
export interface CallHost {
  /** Longer requests are refused, before and after decompression. */
  readonly messageBytesMax: number
  /** Memory that a call takes, or gives back where negative; false where that was too much. */
  hold(bytes: number): boolean
  /** Something goes out: pings of the client are fine again. */
  wrote(): void
  closed(call: GrpcCall): void
}

const TIMER_MS_MAX = 2 ** 31 - 1

/** Node sends a date unless told not to, by an option that its types do not know. */
const withTrailers = { waitForTrailers: true, sendDate: false }
const withoutBody = { endStream: true, sendDate: false }

/** One call on its HTTP/2 stream: messages and a status instead of frames. */
export class GrpcCall {
  readonly request: GrpcRequest
  readonly #stream: ServerHttp2Stream
  readonly #host: CallHost
  readonly #handler: CallHandler
  readonly #reader: MessageReader
  #writer: GrpcWriter | undefined
  readonly #deadline: NodeJS.Timeout | undefined
  #heldBytes = 0
  /** Of #heldBytes, what the reader has of a message that is not whole. */
  #readerBytes = 0
  #isReading = true
  #isHalfClosed = false
  #isEnded = false
  /** The stream is closed by us, in its time. */
  #isLetGo = false
  #trailers: OutgoingHttpHeaders = {}

  constructor(
    stream: ServerHttp2Stream,
    request: GrpcRequest,
    host: CallHost,
    open: (call: GrpcCall) => CallHandler,
  ) {
    this.request = request
    this.#stream = stream
    this.#host = host
    this.#reader = new MessageReader(host.messageBytesMax)
    this.#handler = open(this)
    stream.on('data', (chunk: Uint8Array) => this.#received(chunk))
    stream.on('end', () => this.#halfClosed())
    stream.on('wantTrailers', () => this.#sendTrailers())
    stream.on('close', () => this.#closed())
    const { timeoutMs } = request
    if (timeoutMs !== undefined && timeoutMs <= TIMER_MS_MAX) {
      this.#deadline = setTimeout(() => this.#expire(), timeoutMs)
    }
  }

  /** Sends one message, whose bytes the parts are in a row. */
  send(parts: readonly Uint8Array[]): void {
    if (!this.#isEnded && this.#respond()) {
      this.#write(this.#framed(parts), lengthOf(parts))
    }
  }

  /** Sends the only message of a response, and ends the call well. */
  answer(parts: readonly Uint8Array[]): void {
    if (this.#isEnded || !this.#respond()) {
      return
    }
    const pieces = this.#framed(parts)
    const [first] = pieces
    this.#finish(undefined)
    if (pieces.length === 1 && first !== undefined) {
      this.#stream.end(first)
    } else {
      this.#write(pieces, lengthOf(parts))
      this.#writer?.end()
    }
  }

  /** Ends the call, well without an error, behind what was sent. */
  end(error: unknown): void {
    if (this.#isEnded) {
      return
    }
    this.#finish(error)
    if (this.#stream.closed) {
      return
    }
    if (!this.#stream.headersSent) {
      this.#stream.respond(
        { ':status': 200, 'content-type': this.request.contentType, ...this.#trailers },
        withoutBody,
      )
      this.#letGo()
    } else if (this.#writer === undefined) {
      this.#stream.end()
    } else {
      this.#writer.end()
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
    this.#heldBytes += bytes
    return this.#host.hold(bytes)
  }

  /** Reads no more until `resume`, but for what has come already. */
  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  #received(chunk: Uint8Array): void {
    if (!this.#isReading) {
      return
    }
    if (!this.hold(chunk.length)) {
      const message = 'the calls of this connection hold too much memory'
      this.#stopReading(new RpcStatus(Code.RESOURCE_EXHAUSTED, message))
      return
    }
    this.#reader.add(chunk)
    try {
      let message = this.#reader.next()
      while (message !== undefined && this.#isReading) {
        this.#handler.message(this.#payload(message))
        message = this.#reader.next()
      }
    } catch (error) {
      this.#stopReading(statusOfError(error))
    }
    const { heldBytes } = this.#reader
    this.hold(heldBytes - this.#readerBytes - chunk.length)
    this.#readerBytes = heldBytes
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

  #halfClosed(): void {
    this.#isHalfClosed = true
    if (this.#stream.closed) {
      // This is the end of the call, not of what the client says.
      if (!this.#isLetGo) {
        this.#free()
      }
    } else if (this.#isReading) {
      const isCut = this.#reader.isInMessage
      this.#stopReading(isCut ? new RpcStatus(Code.INTERNAL, 'unexpected EOF') : undefined)
    }
  }

  #stopReading(flaw: RpcStatus | undefined): void {
    this.#isReading = false
    this.#handler.halfClosed(flaw)
  }

  /** Headers once; false where the stream is gone. */
  #respond(): boolean {
    if (this.#stream.closed) {
      return false
    }
    this.#host.wrote()
    if (!this.#stream.headersSent) {
      this.#stream.respond(headersOf(this.request), withTrailers)
    }
    return true
  }

  #framed(parts: readonly Uint8Array[]): Uint8Array[] {
    const small = this.request.isGzip ? gzipped(parts) : undefined
    return small === undefined ? frameMessage(0, parts) : frameMessage(1, [small])
  }

  #write(pieces: readonly Uint8Array[], messageBytes: number): void {
    this.#writer ??= new GrpcWriter(this.#stream, (bytes, takenBytes) => {
      this.hold(-bytes)
      this.#host.wrote()
      if (takenBytes > 0 && !this.#isEnded) {
        this.#handler.taken?.(takenBytes)
      }
    })
    this.hold(lengthOf(pieces))
    this.#writer.write(pieces, messageBytes)
  }

  #finish(error: unknown): void {
    this.#isEnded = true
    this.#isReading = false
    this.#trailers = trailersOf(error === undefined ? undefined : statusOfError(error))
    clearTimeout(this.#deadline)
    // What still comes is read and thrown away, so that the end is heard of.
    this.#stream.resume()
  }

  #sendTrailers(): void {
    this.#stream.sendTrailers(this.#trailers)
    this.#host.wrote()
    this.#letGo()
  }

  /** A client that has not ended its side is told that nobody listens (RFC 9113 §8.1). */
  #letGo(): void {
    if (!this.#isHalfClosed) {
      this.#isLetGo = true
      // Node hands trailers to the session in an immediate, and a reset would overtake them.
      setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR))
    }
  }

  /** A client that resets with NO_ERROR leaves Node with a stream that waits to be written. */
  #free(): void {
    setImmediate(() => this.#stream.destroy())
  }

  #expire(): void {
    this.#handler.abandoned()
    const isStuck = this.#writer?.isIdle === false
    this.end(deadlineExceeded())
    if (isStuck) {
      // The status would wait behind messages that nobody takes.
      this.#stream.close(constants.NGHTTP2_CANCEL)
    }
  }

  #closed(): void {
    this.#isReading = false
    clearTimeout(this.#deadline)
    this.#writer?.drop()
    this.#host.hold(-this.#heldBytes)
    if (!this.#isEnded) {
      this.#isEnded = true
      this.#handler.abandoned()
    }
    this.#host.closed(this)
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) {
    length += part.length
  }
  return length
}

/** Names and values by turns, which Node takes as they are: the same array for nearly all calls. */
const plainHeaders = [':status', '200', 'content-type', 'application/grpc']

function headersOf({ contentType, isGzip }: GrpcRequest): readonly string[] {
  if (!isGzip && contentType === 'application/grpc') {
    return plainHeaders
  }
  const encoding = isGzip ? ['grpc-encoding', 'gzip'] : []
  return [':status', '200', 'content-type', contentType, ...encoding]
}
