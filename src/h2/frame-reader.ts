import { ConnectionError, ErrorCode, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, PREFACE } from './frames.ts'

/** `payload` is a view of what was received, or memory of its own. */
export type TakeFrame = (type: number, flags: number, stream: number, payload: Buffer) => void

/** Cuts what a client sends into frames, behind its preface. Holds no more than a frame. */
export class FrameReader {
  readonly #take: TakeFrame
  #PREFACEBytes = 0
  /** A frame of which the beginning has come, once its head tells how long it is. */
  #partial: Buffer | undefined
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES)
  #filled = 0

  constructor(take: TakeFrame) {
    this.#take = take
  }

  /** Throws ConnectionError; nothing can be read behind that. */
  read(chunk: Buffer): void {
    let at = this.#PREFACEBytes < PREFACE.length ? this.#skipPreface(chunk) : 0
    while (at < chunk.length) {
      if (this.#filled > 0) {
        at = this.#fill(chunk, at)
        continue
      }
      const rest = chunk.length - at
      const size = rest < FRAME_HEAD_BYTES ? rest + 1 : sizeAt(chunk, at)
      if (size > rest) {
        at = this.#fill(chunk, at)
        continue
      }
      this.#deliver(chunk, at, size)
      at += size
    }
  }

  #skipPreface(chunk: Buffer): number {
    const start = this.#PREFACEBytes
    const count = Math.min(chunk.length, PREFACE.length - start)
    if (chunk.compare(PREFACE, start, start + count, 0, count) !== 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'this is no HTTP/2')
    }
    this.#PREFACEBytes += count
    return count
  }

  /** Takes from the chunk what the partial frame lacks; answers where to go on. */
  #fill(chunk: Buffer, at: number): number {
    const target = this.#partial ?? this.#head
    const copied = chunk.copy(target, this.#filled, at)
    this.#filled += copied
    if (this.#filled < target.length) {
      return at + copied
    }
    if (this.#partial === undefined) {
      this.#partial = Buffer.allocUnsafeSlow(sizeAt(target, 0))
      target.copy(this.#partial)
    }
    const frame = this.#partial
    if (this.#filled === frame.length) {
      this.#partial = undefined
      this.#filled = 0
      this.#deliver(frame, 0, frame.length)
    }
    return at + copied
  }

  #deliver(bytes: Buffer, at: number, size: number): void {
    const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
    const payload = bytes.subarray(at + FRAME_HEAD_BYTES, at + size)
    this.#take(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, stream, payload)
  }
}

/** Of the whole frame whose head is there. */
function sizeAt(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3)
  if (length > FRAME_BYTES_MAX) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${length} bytes`)
  }
  return FRAME_HEAD_BYTES + length
}
