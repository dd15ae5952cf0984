import type { Field } from './field.ts'
import { ReceiveWindow, SendWindow } from './flow-control.ts'
import { ErrorCode, Flag, FRAME_BYTES_MAX, FrameType } from './frames.ts'
import type { HpackEncoder } from './hpack-encoder.ts'
import type { H2Output } from './output.ts'
import { SendQueue } from './send-queue.ts'

/** Who has to do with a stream. */
export interface StreamListener {
  /** A part of the request's body, which stays as it is. It counts as taken by `take` alone. */
  received(bytes: Uint8Array): void
  /** The client sends no more. */
  ended(): void
  /** Some of what was written has left, and with it messages that count for so much. */
  sent(messageBytes: number): void
  /** The last of all, however it came about. */
  over(): void
}

/** What a stream is to its connection. */
export interface StreamHost {
  readonly output: H2Output
  readonly encoder: HpackEncoder
  /** Of all streams together. */
  readonly sendWindow: SendWindow
  /** The stream has something to send, and the connection cannot take it now. */
  waits(stream: H2Stream): void
  gone(stream: H2Stream): void
  /** A stream was reset for what the client did. Throws ConnectionError for one too many. */
  countReset(): void
}

/** So much a stream sends in a row while others may wait. */
const TURN_BYTES_MAX = 64 * 1024

/** One stream: a request and its response (RFC 9113 §8.1). */
export class H2Stream {
  readonly id: number
  readonly sendWindow: SendWindow
  readonly #host: StreamHost
  readonly #receiveWindow: ReceiveWindow
  #listener: StreamListener | undefined
  #queue: SendQueue | undefined
  /** What comes last, once it is known. */
  #trailers: readonly Field[] | undefined
  #isEnding = false
  #hasClientEnded: boolean
  #hasSentHeaders = false
  #isClosed = false

  constructor(
    host: StreamHost,
    id: number,
    windows: { readonly receiveBytes: number; readonly sendBytes: number },
    hasClientEnded: boolean,
  ) {
    this.id = id
    this.#host = host
    this.#receiveWindow = new ReceiveWindow(windows.receiveBytes)
    this.sendWindow = new SendWindow(windows.sendBytes)
    this.#hasClientEnded = hasClientEnded
  }

  /** Must be there before the connection goes on to read. */
  set listener(listener: StreamListener) {
    this.#listener = listener
  }

  get hasClientEnded(): boolean {
    return this.#hasClientEnded
  }

  get hasSentHeaders(): boolean {
    return this.#hasSentHeaders
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Nothing that was written waits for the client to take it. */
  get isIdle(): boolean {
    return this.#queue === undefined || this.#queue.bytes === 0
  }

  /** Memory of what was written and has not left. */
  get heldBytes(): number {
    return this.#queue?.heldBytes ?? 0
  }

  /** Sends the headers of a response, and nothing more where they end it. */
  respond(fields: readonly Field[], end: boolean): void {
    if (!this.#isClosed) {
      this.#hasSentHeaders = true
      this.#sendHeaders(fields, end)
      if (end) {
        this.#end()
      }
    }
  }

  /** Sends a message, whose bytes the pieces are in a row, as the client takes it. */
  write(pieces: readonly Uint8Array[], messageBytes: number): void {
    if (this.#isClosed) {
      return
    }
    let length = 0
    for (const piece of pieces) {
      length += piece.length
    }
    if (this.isIdle && length <= this.#room()) {
      this.#begin(length, 0)
      for (const piece of pieces) {
        this.#host.output.add(piece)
      }
      this.#listener?.sent(messageBytes)
    } else {
      this.#queue ??= new SendQueue()
      this.#queue.add(pieces, messageBytes)
      this.pump()
    }
  }

  /** Ends the response behind what was written, with trailers or without. */
  end(trailers: readonly Field[] | undefined): void {
    if (!this.#isClosed) {
      this.#trailers = trailers
      this.#isEnding = true
      this.pump()
    }
  }

  /** Sends what can be sent now. */
  pump(): void {
    if (this.#sendQueued() > 0) {
      this.#listener?.sent(this.#queue?.takeEnded() ?? 0)
    }
    if (this.#isEnding && this.isIdle && !this.#isClosed) {
      if (this.#trailers === undefined) {
        this.#begin(0, Flag.END_STREAM)
      } else {
        this.#sendHeaders(this.#trailers, true)
      }
      this.#end()
    }
  }

  #sendQueued(): number {
    const queue = this.#queue
    if (queue === undefined || this.#isClosed) {
      return 0
    }
    const { output } = this.#host
    let sent = 0
    while (queue.bytes > 0) {
      const count = Math.min(queue.bytes, this.#room())
      if (count <= 0 || sent >= TURN_BYTES_MAX) {
        if (this.sendWindow.bytes > 0) {
          this.#host.waits(this)
        }
        break
      }
      this.#begin(count, 0)
      queue.take(count, (bytes) => output.add(bytes))
      sent += count
    }
    return sent
  }

  /** How long a DATA frame may be now; 0 or less for none. */
  #room(): number {
    const { output, sendWindow } = this.#host
    return output.isFull ? 0 : Math.min(FRAME_BYTES_MAX, this.sendWindow.bytes, sendWindow.bytes)
  }

  #begin(length: number, flags: number): void {
    const { output, sendWindow } = this.#host
    this.sendWindow.bytes -= length
    sendWindow.bytes -= length
    output.begin(FrameType.DATA, flags, this.id, length)
  }

  #sendHeaders(fields: readonly Field[], end: boolean): void {
    const { output, encoder } = this.#host
    const block = encoder.encode(fields)
    const endFlag = end ? Flag.END_STREAM : 0
    const isShort = block.length <= FRAME_BYTES_MAX
    const first = isShort ? block : block.subarray(0, FRAME_BYTES_MAX)
    const flags = endFlag | (isShort ? Flag.END_HEADERS : 0)
    output.begin(FrameType.HEADERS, flags, this.id, first.length)
    output.add(first)
    for (let at = FRAME_BYTES_MAX; at < block.length; at += FRAME_BYTES_MAX) {
      const part = block.subarray(at, at + FRAME_BYTES_MAX)
      const isLast = at + FRAME_BYTES_MAX >= block.length
      output.begin(FrameType.CONTINUATION, isLast ? Flag.END_HEADERS : 0, this.id, part.length)
      output.add(part)
    }
  }

  /** A client that has not ended its side is told that nobody listens (RFC 9113 §8.1). */
  #end(): void {
    if (this.#hasClientEnded) {
      this.close()
    } else {
      this.reset(ErrorCode.NO_ERROR)
    }
  }

  /** Ends both sides now. */
  reset(code: number): void {
    if (!this.#isClosed) {
      this.#host.output.short(FrameType.RST_STREAM, this.id, code)
      this.close()
    }
  }

  /**
   * Resets it for what the client did, which counts as if the client had: the work is begun and thrown
   * away either way (CVE-2025-8671). Throws ConnectionError. Only while a frame of the client is read.
   */
  refuse(code: number): void {
    this.reset(code)
    this.#host.countReset()
  }

  /** It is over, and the client knows. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#queue?.drop()
      this.#host.gone(this)
      this.#listener?.over()
    }
  }

  /**
   * A DATA frame of so many bytes, padding included, perhaps the last one. False where that is more
   * than the client may send.
   */
  receive(bytes: Uint8Array, flowBytes: number, isEnd: boolean): boolean {
    if (!this.#receiveWindow.receive(flowBytes)) {
      return false
    }
    this.#hasClientEnded = isEnd
    this.take(flowBytes - bytes.length)
    if (bytes.length > 0) {
      this.#listener?.received(bytes)
    }
    if (isEnd && !this.#isClosed) {
      this.#listener?.ended()
    }
    return true
  }

  /** Of what was received so much is taken: the client may send as much again. */
  take(bytes: number): void {
    const increment = this.#receiveWindow.take(bytes)
    if (increment > 0 && !this.#isClosed && !this.#hasClientEnded) {
      this.#host.output.short(FrameType.WINDOW_UPDATE, this.id, increment)
    }
  }

  /** The client has ended its side. */
  clientEnded(): void {
    this.#hasClientEnded = true
    this.#listener?.ended()
  }
}
