import { ConnectionError, ErrorCode, Flag } from './frames.ts'

/** Longer blocks are not put together: twice what the headers of a request may have. */
const BLOCK_BYTES_MAX = 128 * 1024
/** Clients cut blocks into frames of 16 KiB. */
const CONTINUATIONS_MAX = 64
/** A dependency and a weight, which are of no meaning any more (RFC 9113 §5.3.2). */
const PRIORITY_BYTES = 5

/** Hears of a block of headers, with the flags of its first frame. */
export type TakeBlock = (stream: number, flags: number, block: Buffer) => void

/** Puts HEADERS and the CONTINUATION frames behind it together. Throws ConnectionError. */
export class HeaderBlocks {
  readonly #take: TakeBlock
  #stream = 0
  #flags = 0
  /** Of the block under way. */
  #fragments: Buffer[] = []
  #bytes = 0

  constructor(take: TakeBlock) {
    this.#take = take
  }

  /** A block has begun, and must be ended before anything else comes. */
  get isOpen(): boolean {
    return this.#fragments.length > 0
  }

  begin(flags: number, stream: number, payload: Buffer): void {
    if (stream === 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'HEADERS on stream 0')
    }
    const fragment = fragmentOf(flags, payload)
    if ((flags & Flag.END_HEADERS) !== 0) {
      this.#take(stream, flags, fragment)
      return
    }
    this.#stream = stream
    this.#flags = flags
    this.#add(fragment)
  }

  goOn(flags: number, stream: number, payload: Buffer): void {
    if (!this.isOpen || stream !== this.#stream) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `CONTINUATION on stream ${stream}`)
    }
    this.#add(payload)
    if ((flags & Flag.END_HEADERS) !== 0) {
      const block = Buffer.concat(this.#fragments)
      this.#fragments = []
      this.#bytes = 0
      this.#take(stream, this.#flags, block)
    }
  }

  #add(fragment: Buffer): void {
    this.#fragments.push(fragment)
    this.#bytes += fragment.length
    if (this.#bytes > BLOCK_BYTES_MAX || this.#fragments.length > CONTINUATIONS_MAX) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block without an end')
    }
  }
}

/** A HEADERS frame without its padding and its priority (RFC 9113 §6.2). */
function fragmentOf(flags: number, payload: Buffer): Buffer {
  const body = withoutPadding(flags, payload)
  if ((flags & Flag.PRIORITY) === 0) {
    return body
  }
  if (body.length < PRIORITY_BYTES) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS without their priority')
  }
  return body.subarray(PRIORITY_BYTES)
}

/** The first byte of a padded payload is the length of what is at its end. */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & Flag.PADDED) === 0) {
    return payload
  }
  const [padding] = payload
  if (padding === undefined) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'padding without its length')
  }
  if (padding >= payload.length) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'more padding than there is')
  }
  return payload.subarray(1, payload.length - padding)
}
