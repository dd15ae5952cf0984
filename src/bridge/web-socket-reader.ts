import { type FrameHead, headBytes, Opcode, readHead, WebSocketError } from './web-socket-frames.ts'

/** RFC 6455 §5.5. */
const CONTROL_BYTES_MAX = 125
/** Of a server, which does not mask. */
const SERVER_HEAD_BYTES_MAX = 10

export interface WebSocketMessages {
  /** Memory of its own. */
  message(payload: Buffer, isBinary: boolean): void
  control(opcode: number, payload: Buffer): void
}

/** A frame whose payload has come up to `filled`. */
interface PartialFrame {
  readonly head: FrameHead
  readonly payload: Buffer
  filled: number
}

/** Cuts what a server sends into messages. Holds no more than one. */
export class WebSocketReader {
  readonly #messages: WebSocketMessages
  readonly #messageBytesMax: number
  /** Where the beginning of a head waits for the rest. */
  readonly #partialHead = Buffer.alloc(SERVER_HEAD_BYTES_MAX)
  #partialHeadBytes = 0
  #partialFrame: PartialFrame | undefined
  /** Of a message in fragments: those that are there, their bytes, and what the first one said. */
  #fragments: Buffer[] = []
  #fragmentBytes = 0
  #opcode: number | undefined
  #stopped = false

  constructor(messages: WebSocketMessages, messageBytesMax: number) {
    this.#messages = messages
    this.#messageBytesMax = messageBytesMax
  }

  /** Delivers nothing more, not even of what is being read. */
  stop(): void {
    this.#stopped = true
  }

  /**
   * The chunk's memory may be used again afterwards. Throws WebSocketError; nothing can be read behind
   * that.
   */
  read(chunk: Buffer, length: number): void {
    let at = 0
    while (at < length && !this.#stopped) {
      at =
        this.#partialFrame === undefined
          ? this.#begin(chunk, at, length)
          : this.#fill(this.#partialFrame, chunk.subarray(at, length)) + at
    }
  }

  /** Reads a head, and a payload that is all there. Answers where to go on. */
  #begin(chunk: Buffer, at: number, length: number): number {
    const rest = length - at
    const isWhole =
      this.#partialHeadBytes === 0 && rest >= 2 && rest >= headBytes(chunk[at + 1] ?? 0)
    if (!isWhole) {
      return this.#beginInPieces(chunk, at, length)
    }
    const head = this.#headAt(chunk, at)
    const start = at + head.headBytes
    const end = start + head.payloadBytes
    if (end > length) {
      this.#await(head)
      return start
    }
    this.#deliver(head, copyOf(chunk, start, end))
    return end
  }

  /** Byte by byte: it is rare that a head is cut. */
  #beginInPieces(chunk: Buffer, at: number, length: number): number {
    const partial = this.#partialHead
    let next = at
    while (next < length) {
      partial[this.#partialHeadBytes++] = chunk[next++] ?? 0
      if (this.#partialHeadBytes >= 2 && this.#partialHeadBytes === headBytes(partial[1] ?? 0)) {
        this.#partialHeadBytes = 0
        this.#await(this.#headAt(partial, 0))
        return next
      }
    }
    return next
  }

  /** The payload of this frame comes next. */
  #await(head: FrameHead): void {
    if (head.payloadBytes === 0) {
      this.#deliver(head, Buffer.alloc(0))
      return
    }
    const payload = Buffer.allocUnsafeSlow(head.payloadBytes)
    this.#partialFrame = { head, payload, filled: 0 }
  }

  /** Answers how many of the bytes belong to the payload. */
  #fill(partial: PartialFrame, bytes: Buffer): number {
    const copied = bytes.copy(partial.payload, partial.filled)
    partial.filled += copied
    if (partial.filled === partial.payload.length) {
      this.#partialFrame = undefined
      this.#deliver(partial.head, partial.payload)
    }
    return copied
  }

  #headAt(bytes: Buffer, at: number): FrameHead {
    const head = readHead(bytes, at)
    const { isFinal, opcode, payloadBytes } = head
    if (opcode >= Opcode.CLOSE) {
      if (opcode > Opcode.PONG) {
        throw new WebSocketError(`a frame of opcode ${opcode}`)
      }
      if (!isFinal || payloadBytes > CONTROL_BYTES_MAX) {
        throw new WebSocketError('a control frame that is too long or in fragments')
      }
      return head
    }
    if (opcode > Opcode.BINARY) {
      throw new WebSocketError(`a frame of opcode ${opcode}`)
    }
    if ((opcode === Opcode.CONTINUATION) !== (this.#opcode !== undefined)) {
      throw new WebSocketError('a fragment out of order')
    }
    const left = this.#messageBytesMax - this.#fragmentBytes
    if (payloadBytes > left) {
      throw new WebSocketError(`a frame of ${payloadBytes} bytes, more than ${left}`)
    }
    return head
  }

  #deliver({ opcode, isFinal }: FrameHead, payload: Buffer): void {
    if (opcode >= Opcode.CLOSE) {
      this.#messages.control(opcode, payload)
    } else if (isFinal && this.#opcode === undefined) {
      this.#messages.message(payload, opcode === Opcode.BINARY)
    } else {
      this.#addFragment(opcode, isFinal, payload)
    }
  }

  #addFragment(opcode: number, isFinal: boolean, payload: Buffer): void {
    this.#opcode ??= opcode
    this.#fragments.push(payload)
    this.#fragmentBytes += payload.length
    if (isFinal) {
      const message = Buffer.concat(this.#fragments)
      const isBinary = this.#opcode === Opcode.BINARY
      this.#fragments = []
      this.#fragmentBytes = 0
      this.#opcode = undefined
      this.#messages.message(message, isBinary)
    }
  }
}

function copyOf(chunk: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  chunk.copy(copy, 0, start, end)
  return copy
}
