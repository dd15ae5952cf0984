import type { Duplex } from 'node:stream'
import { FRAME_BYTES_MAX, FRAME_HEAD_BYTES } from './frames.ts'

/** Holds any frame, or the small ones of a turn. */
const BUFFER_BYTES = 2 * (FRAME_BYTES_MAX + FRAME_HEAD_BYTES)
/** Buffers that are kept for the next turn: as many as there are busy connections on a large host. */
const FREE_MAX = 256

/** The system takes so much at once, unless the client is slow. */
const AT_ONCE_BYTES_MAX = FRAME_BYTES_MAX

const free: Buffer[] = []
let waiting: H2Output[] = []

/**
 * What goes out on a connection: the frames of a turn of the event loop, copied into one buffer and
 * written at its end by one call of the system.
 */
export class H2Output {
  readonly #socket: Duplex
  #buffer: Buffer | undefined
  #length = 0
  #isWaiting = false

  constructor(socket: Duplex) {
    this.#socket = socket
  }

  /** The client does not take what was written: whatever can wait is to wait for 'drain'. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Bytes that the system has not taken. */
  get queuedBytes(): number {
    return this.#socket.writableLength + this.#length
  }

  /** Begins a frame whose payload follows by `add`. */
  begin(type: number, flags: number, stream: number, payloadBytes: number): void {
    this.#reserve(FRAME_HEAD_BYTES + payloadBytes)
    const buffer = this.#buffer ?? noBytes
    const at = this.#length
    buffer[at] = payloadBytes >> 16
    buffer[at + 1] = payloadBytes >> 8
    buffer[at + 2] = payloadBytes
    buffer[at + 3] = type
    buffer[at + 4] = flags
    buffer[at + 5] = stream >>> 24
    buffer[at + 6] = stream >> 16
    buffer[at + 7] = stream >> 8
    buffer[at + 8] = stream
    this.#length = at + FRAME_HEAD_BYTES
  }

  /** A frame whose payload is a number: RST_STREAM, WINDOW_UPDATE. */
  short(type: number, stream: number, value: number): void {
    this.begin(type, 0, stream, 4)
    this.addUint32(value)
  }

  /** Of the frame that was begun last. */
  add(bytes: Uint8Array): void {
    this.#buffer?.set(bytes, this.#length)
    this.#length += bytes.length
  }

  addUint32(value: number): void {
    this.#buffer?.writeUInt32BE(value, this.#length)
    this.#length += 4
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes > BUFFER_BYTES) {
      this.flush()
    }
    this.#buffer ??= free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    if (!this.#isWaiting) {
      this.#isWaiting = true
      waiting.push(this)
      if (waiting.length === 1) {
        process.nextTick(flushAll)
      }
    }
  }

  /** Hands everything to the system. */
  flush(): void {
    const buffer = this.#buffer
    if (buffer === undefined || this.#length === 0) {
      return
    }
    const bytes = buffer.subarray(0, this.#length)
    this.#buffer = undefined
    this.#length = 0
    if (!this.#socket.writable) {
      return
    }
    if (bytes.length > AT_ONCE_BYTES_MAX) {
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) {
          release(buffer)
        }
      })
      return
    }
    this.#socket.write(bytes)
    // Nearly always it was taken at once; where not, it is not worth to wait for.
    if (this.#socket.writableLength === 0) {
      release(buffer)
    }
  }

  /** For the turn's end. */
  flushInTurn(): void {
    this.#isWaiting = false
    this.flush()
  }
}

const noBytes = Buffer.alloc(0)

function release(buffer: Buffer): void {
  if (free.length < FREE_MAX) {
    free.push(buffer)
  }
}

/** All connections that have something to say. */
function flushAll(): void {
  const outputs = waiting
  waiting = []
  for (const output of outputs) {
    output.flushInTurn()
  }
}
