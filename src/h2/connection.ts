import type { Socket } from 'node:net'
import { Ending } from './ending.ts'
import { ReceiveWindow, SendWindow } from './flow-control.ts'
import { FrameReader } from './frame-reader.ts'
import {
  ConnectionError,
  ErrorCode,
  expectConnection,
  expectLength,
  Flag,
  FrameType,
  protocolError,
} from './frames.ts'
import { HeaderBlocks, withoutPadding } from './header-blocks.ts'
import { HEADER_LIST_BYTES_MAX, type HeaderBlock, HpackDecoder } from './hpack-decoder.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import { H2Output } from './output.ts'
import { RateLimit } from './rate-limit.ts'
import { RequestMemo } from './request-memo.ts'
import { areTrailers, type H2Request, readRequest } from './request.ts'
import { encodeSettings, type PeerSettings, readSettings } from './settings.ts'
import { H2Stream, type StreamHost } from './stream.ts'
import { H2Streams } from './streams.ts'

/** What a connection is served with. */
export interface H2Service<T> {
  readonly streamsMax: number
  /** How long a client may take to say that it speaks HTTP/2. */
  readonly openingMsMax: number
  /** Whatever of a request's headers is worth to be remembered for others that have the same. */
  prepare(request: H2Request): T
  /** A request; the stream is to be given a listener, unless it is closed at once. */
  request(stream: H2Stream, prepared: T): void
  /** The client asks for an answer, which it has got; false ends the connection. */
  pinged(): boolean
  /** A fault on our side: a request, or the connection, was ended for it. */
  failed(error: unknown): void
  /** The last of all. `error` says why where that was no one's wish. */
  closed(error: Error | undefined): void
}

/** The last stream and a code; a text may follow (RFC 9113 §6.8). */
const GOAWAY_BYTES_MIN = 8
/** Of a stream and of all together: what a client may send before it is taken. */
const WINDOW_BYTES = 1024 * 1024
/** Without settings (RFC 9113 §6.9.2). */
const WINDOW_BYTES_AT_FIRST = 65_535
/** Resets of a client, and those that it brings about: a burst, then so many a second. Deadlines of many calls pass at once. */
const RESETS_BURST = 10_000
const RESETS_PER_SECOND = 1_000
/** Frames that carry nothing: settings, priorities, empty ones, those of unknown types. */
const IDLE_FRAMES_BURST = 10_000
const IDLE_FRAMES_PER_SECOND = 1_000
/** A client that does not read what it asked for, such as answers to settings, is not read either. */
const UNREAD_BYTES_MAX = 1024 * 1024
/** Changes of the windows of all streams at once; grpc-go makes some when it measures the way. */
const WINDOW_CHANGES_BURST = 100
const WINDOW_CHANGES_PER_SECOND = 10

/** What a block of headers was read as. */
type Head<T> =
  | { readonly flaw: number; readonly areTrailers: boolean }
  | { readonly flaw: undefined; readonly prepared: T }

/**
 * The server's side of an HTTP/2 connection (RFC 9113): frames in, frames out, in place and without a
 * stream of Node's. Errors of a stream reset it, errors of the connection end it with GOAWAY.
 */
export class H2Connection<T> implements StreamHost {
  readonly output: H2Output
  readonly encoder = new HpackEncoder()
  readonly sendWindow = new SendWindow(WINDOW_BYTES_AT_FIRST)
  readonly #socket: Socket
  readonly #service: H2Service<T>
  readonly #reader: FrameReader
  readonly #blocks: HeaderBlocks
  readonly #memo: RequestMemo<Head<T>>
  readonly #receiveWindow = new ReceiveWindow(WINDOW_BYTES)
  readonly #peer: PeerSettings = {
    headerTableBytes: 4096,
    initialWindowBytes: WINDOW_BYTES_AT_FIRST,
  }
  readonly #streams: H2Streams
  readonly #ending: Ending
  readonly #resets = new RateLimit(RESETS_BURST, RESETS_PER_SECOND)
  readonly #idleFrames = new RateLimit(IDLE_FRAMES_BURST, IDLE_FRAMES_PER_SECOND)
  readonly #windowChanges = new RateLimit(WINDOW_CHANGES_BURST, WINDOW_CHANGES_PER_SECOND)
  #hasSettings = false
  readonly #opening: NodeJS.Timeout
  #isGoing = false
  #isOver = false
  readonly #pings: (() => void)[] = []
  #error: Error | undefined

  constructor(socket: Socket, service: H2Service<T>) {
    this.#socket = socket
    this.#service = service
    this.output = new H2Output(socket)
    this.#streams = new H2Streams(this.output, this.sendWindow)
    this.#ending = new Ending(socket, this.output)
    this.#reader = new FrameReader((type, flags, stream, payload) =>
      this.#frame(type, flags, stream, payload),
    )
    this.#blocks = new HeaderBlocks((stream, flags, block) => this.#headers(stream, flags, block))
    this.#memo = new RequestMemo(new HpackDecoder(), (block) => this.#readHead(block))
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('drain', () => this.#drained())
    // A client that ends its side is gone, as to grpc-go; a socket that may be half open stays.
    socket.once('end', () => this.destroy())
    socket.on('error', (error) => (this.#error ??= error))
    socket.once('close', () => this.#closed())
    this.#opening = setTimeout(() => this.destroy(), service.openingMsMax)
    this.#introduce()
  }

  get bytesRead(): number {
    return this.#socket.bytesRead
  }

  get streamCount(): number {
    return this.#streams.count
  }

  /** Takes no more requests (GOAWAY), and ends when those under way have ended. */
  close(): void {
    if (!this.#isGoing && !this.#isOver) {
      this.#isGoing = true
      this.#ending.announce(this.#streams.last, ErrorCode.NO_ERROR, '')
      this.#endIfEmpty()
    }
  }

  /** Breaks off what is under way. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Asks the client whether it is there. */
  ping(answered: () => void): void {
    this.#pings.push(answered)
    this.output.begin(FrameType.PING, 0, 0, 8)
    this.output.add(pingPayload)
  }

  waits(stream: H2Stream): void {
    this.#streams.wait(stream)
  }

  gone(stream: H2Stream): void {
    this.#streams.remove(stream)
    this.#endIfEmpty()
  }

  countReset(): void {
    if (!this.#resets.allows(performance.now())) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many resets')
    }
  }

  #introduce(): void {
    const settings = encodeSettings({
      maxConcurrentStreams: this.#service.streamsMax,
      initialWindowBytes: WINDOW_BYTES,
      headerListBytesMax: HEADER_LIST_BYTES_MAX,
    })
    this.output.begin(FrameType.SETTINGS, 0, 0, settings.length)
    this.output.add(settings)
    this.output.short(FrameType.WINDOW_UPDATE, 0, WINDOW_BYTES - WINDOW_BYTES_AT_FIRST)
  }

  #received(chunk: Buffer): void {
    if (this.#isOver) {
      return
    }
    try {
      this.#reader.read(chunk)
    } catch (error) {
      this.#fail(error instanceof ConnectionError ? error : this.#faultOf(error))
    }
    if (this.output.queuedBytes > UNREAD_BYTES_MAX) {
      this.#socket.pause()
    }
  }

  /** No request may end the process, with all the connections of others. */
  #faultOf(error: unknown): ConnectionError {
    this.#service.failed(error)
    return new ConnectionError(ErrorCode.INTERNAL_ERROR, 'internal error')
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (this.#isOver) {
      return
    }
    if (!this.#hasSettings && type !== FrameType.SETTINGS) {
      throw protocolError('the first frame is not SETTINGS')
    }
    if (this.#blocks.isOpen && type !== FrameType.CONTINUATION) {
      throw protocolError('a header block is interrupted')
    }
    switch (type) {
      case FrameType.DATA:
        return this.#data(flags, stream, payload)
      case FrameType.HEADERS:
        return this.#blocks.begin(flags, stream, payload)
      case FrameType.CONTINUATION:
        return this.#blocks.goOn(flags, stream, payload)
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(stream, payload)
      case FrameType.RST_STREAM:
        return this.#reset(stream, payload)
      case FrameType.PING:
        return this.#ping(flags, stream, payload)
      case FrameType.SETTINGS:
        return this.#settings(flags, stream, payload)
      case FrameType.PUSH_PROMISE:
        throw protocolError('PUSH_PROMISE of a client')
      case FrameType.PRIORITY:
        expectLength(payload, 5, 'PRIORITY')
        if (stream === 0) {
          throw protocolError('PRIORITY on stream 0')
        }
        return this.#countIdle()
      case FrameType.GOAWAY:
        return this.#goaway(stream, payload)
      default:
        this.#countIdle()
    }
  }

  #data(flags: number, id: number, payload: Buffer): void {
    const stream = this.#streams.begun(id)
    const body = withoutPadding(flags, payload)
    if (!this.#receiveWindow.receive(payload.length)) {
      throw new ConnectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        'the window of the connection is closed',
      )
    }
    const increment = this.#receiveWindow.take(payload.length)
    if (increment > 0) {
      this.output.short(FrameType.WINDOW_UPDATE, 0, increment)
    }
    const isEnd = (flags & Flag.END_STREAM) !== 0
    if (payload.length === 0 && !isEnd) {
      this.#countIdle()
    }
    if (stream === undefined) {
      return
    }
    if (stream.hasClientEnded) {
      stream.refuse(ErrorCode.STREAM_CLOSED)
    } else if (!stream.receive(body, payload.length, isEnd)) {
      stream.refuse(ErrorCode.FLOW_CONTROL_ERROR)
    }
  }

  #headers(id: number, flags: number, block: Buffer): void {
    if (id % 2 === 0) {
      throw protocolError(`a request on stream ${id}`)
    }
    // Read whatever becomes of it: later blocks may refer to what it says.
    const head = this.#memo.decode(block)
    const isEnd = (flags & Flag.END_STREAM) !== 0
    if (id <= this.#streams.last) {
      this.#trailers(id, isEnd, head)
      return
    }
    this.#streams.last = id
    if (this.#isGoing || this.#streams.count >= this.#service.streamsMax) {
      this.output.short(FrameType.RST_STREAM, id, ErrorCode.REFUSED_STREAM)
    } else if (head.flaw !== undefined) {
      this.output.short(FrameType.RST_STREAM, id, head.flaw)
      this.countReset()
    } else {
      const windows = { receiveBytes: WINDOW_BYTES, sendBytes: this.#peer.initialWindowBytes }
      const stream = new H2Stream(this, id, windows, isEnd)
      this.#streams.add(stream)
      this.#serve(stream, head.prepared)
      if (isEnd && !stream.isClosed) {
        stream.clientEnded()
      }
    }
  }

  #serve(stream: H2Stream, prepared: T): void {
    try {
      this.#service.request(stream, prepared)
    } catch (error) {
      if (error instanceof ConnectionError) {
        throw error
      }
      this.#service.failed(error)
      stream.reset(ErrorCode.INTERNAL_ERROR)
    }
  }

  #readHead({ fields, isTooLong }: HeaderBlock): Head<T> {
    if (isTooLong) {
      return { flaw: ErrorCode.ENHANCE_YOUR_CALM, areTrailers: false }
    }
    const request = readRequest(fields)
    return request === undefined
      ? { flaw: ErrorCode.PROTOCOL_ERROR, areTrailers: areTrailers(fields) }
      : { flaw: undefined, prepared: this.#service.prepare(request) }
  }

  /** What a client says behind its request; nobody has use for it. */
  #trailers(id: number, isEnd: boolean, head: Head<T>): void {
    const stream = this.#streams.begun(id)
    if (stream?.hasClientEnded === true) {
      stream.refuse(ErrorCode.STREAM_CLOSED)
    } else if (!isEnd || this.#streams.isPassedOver(id)) {
      throw protocolError(`a request on stream ${id}, which is not the next`)
    } else if (head.flaw === undefined || !head.areTrailers) {
      stream?.refuse(head.flaw ?? ErrorCode.PROTOCOL_ERROR)
    } else {
      stream?.clientEnded()
    }
  }

  #windowUpdate(id: number, payload: Buffer): void {
    expectLength(payload, 4, 'WINDOW_UPDATE')
    const increment = payload.readUInt32BE(0) & 0x7fff_ffff
    if (id === 0) {
      if (increment === 0) {
        throw protocolError('WINDOW_UPDATE of nothing')
      }
      if (!this.sendWindow.widen(increment)) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the window is too large')
      }
      this.#streams.pump()
      return
    }
    const stream = this.#streams.begun(id)
    if (increment === 0) {
      stream?.refuse(ErrorCode.PROTOCOL_ERROR)
    } else if (stream?.sendWindow.widen(increment) === false) {
      stream.refuse(ErrorCode.FLOW_CONTROL_ERROR)
    } else {
      stream?.pump()
    }
  }

  #reset(id: number, payload: Buffer): void {
    expectLength(payload, 4, 'RST_STREAM')
    const stream = this.#streams.begun(id)
    stream?.close()
    this.countReset()
  }

  #ping(flags: number, id: number, payload: Buffer): void {
    expectConnection(id, 'PING')
    expectLength(payload, 8, 'PING')
    if ((flags & Flag.ACK) !== 0) {
      const answered = this.#pings.shift()
      if (answered === undefined) {
        this.#countIdle()
      }
      answered?.()
      return
    }
    this.output.begin(FrameType.PING, Flag.ACK, 0, 8)
    this.output.add(payload)
    if (!this.#service.pinged()) {
      // Clients of grpc-go ping half as often once they have read this word.
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too_many_pings')
    }
  }

  #settings(flags: number, id: number, payload: Buffer): void {
    expectConnection(id, 'SETTINGS')
    this.#countIdle()
    if ((flags & Flag.ACK) !== 0) {
      expectLength(payload, 0, 'an acknowledgment of SETTINGS')
      return
    }
    this.#hasSettings = true
    clearTimeout(this.#opening)
    const { initialWindowBytes } = this.#peer
    readSettings(payload, this.#peer)
    this.encoder.resize(this.#peer.headerTableBytes)
    this.output.begin(FrameType.SETTINGS, Flag.ACK, 0, 0)
    const difference = this.#peer.initialWindowBytes - initialWindowBytes
    if (difference !== 0) {
      if (!this.#windowChanges.allows(performance.now())) {
        throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many changes of the window')
      }
      this.#streams.moveWindows(difference)
    }
  }

  /** A client that goes has nothing to say that matters. */
  #goaway(id: number, payload: Buffer): void {
    expectConnection(id, 'GOAWAY')
    if (payload.length < GOAWAY_BYTES_MIN) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `GOAWAY of ${payload.length} bytes`)
    }
    this.#countIdle()
  }

  #countIdle(): void {
    if (!this.#idleFrames.allows(performance.now())) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'too many frames that carry nothing')
    }
  }

  #drained(): void {
    if (this.#socket.isPaused() && this.output.queuedBytes <= UNREAD_BYTES_MAX) {
      this.#socket.resume()
    }
    this.#streams.pump()
  }

  #fail(error: ConnectionError): void {
    this.#error = error
    this.#ending.announce(this.#streams.last, error.code, error.message)
    this.#end()
    this.#ending.linger()
  }

  #endIfEmpty(): void {
    if (this.#isGoing && this.#streams.count === 0 && !this.#isOver) {
      this.#end()
    }
  }

  #end(): void {
    this.#isOver = true
    this.#ending.end()
    this.#streams.close()
  }

  #closed(): void {
    this.#isOver = true
    clearTimeout(this.#opening)
    this.#streams.close()
    this.#service.closed(this.#error)
  }
}

const pingPayload = Buffer.from('etcdping')
