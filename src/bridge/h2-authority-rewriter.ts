import { rewriteAuthority } from './h2-authority-block.ts'

/** Frames of RFC 9113 §6. */
const FrameType = {
  HEADERS: 1,
  PRIORITY: 2,
  SETTINGS: 4,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const
const Flag = { ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const

const HEAD_BYTES = 9
/** Longer blocks are refused by node:http2, which is told to take 64 KiB. */
const BLOCK_BYTES_MAX = 128 * 1024
/** What a client says before it has a request. */
const openingTypes: readonly number[] = [
  FrameType.SETTINGS,
  FrameType.PRIORITY,
  FrameType.WINDOW_UPDATE,
]

/** The first frame of a request with those that continue it; `bytes` ends where they do. */
interface Block {
  readonly bytes: Buffer
  readonly fragments: readonly Buffer[]
}

/**
 * Passes the bytes of an HTTP/2 client on, with a rewritten `:authority` wherever node:http2 would not
 * take it. Frames keep their lengths, so that all else goes through as it comes.
 */
export class AuthorityRewriter {
  /** A request's headers have gone by. */
  hasRequest = false
  /** One of them had an authority that was rewritten. */
  hasRewritten = false
  /** Before the first request, something else came than what opens a connection. */
  isUnusual = false
  /** The client has yet to acknowledge settings of which node:http2 does not know. */
  awaitsAck = false
  /** Bytes to pass on as they come: of the preface, or of a frame whose head was read. */
  #verbatimBytes: number
  /** A frame that has begun, and how much of it must be there to go on. */
  #held: Buffer[] = []
  #heldBytes = 0
  #neededBytes = HEAD_BYTES

  constructor(prefaceBytes: number) {
    this.#verbatimBytes = prefaceBytes
  }

  get isBetweenFrames(): boolean {
    return this.#verbatimBytes === 0 && this.#heldBytes === 0
  }

  /** What can be passed on of what has come. The chunk is the rewriter's from now on. */
  take(chunk: Buffer): Buffer[] {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#verbatimBytes === 0 && this.#heldBytes < this.#neededBytes) {
      return []
    }
    const bytes = this.release()
    const passed: Buffer[] = []
    let start = 0
    let at = 0
    while (at < bytes.length) {
      if (this.#verbatimBytes > 0) {
        const count = Math.min(this.#verbatimBytes, bytes.length - at)
        this.#verbatimBytes -= count
        at += count
        continue
      }
      const size = this.#look(bytes.subarray(at))
      if (size === 'held') {
        break
      }
      if (size === 'dropped') {
        passed.push(bytes.subarray(start, at))
        start = at + HEAD_BYTES
        at = start
        continue
      }
      at += size
    }
    passed.push(bytes.subarray(start, at))
    this.#hold(bytes.subarray(at))
    return passed.filter(({ length }) => length > 0)
  }

  /** What was not passed on yet, and will not be. */
  release(): Buffer {
    const [only] = this.#held
    const bytes = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held)
    this.#hold(Buffer.alloc(0))
    this.#neededBytes = HEAD_BYTES
    return bytes
  }

  #hold(bytes: Buffer): void {
    this.#held = bytes.length === 0 ? [] : [bytes]
    this.#heldBytes = bytes.length
  }

  /** Looks at the frame that `bytes` begin with: how many of them to pass on at once. */
  #look(bytes: Buffer): number | 'held' | 'dropped' {
    if (bytes.length < HEAD_BYTES) {
      return 'held'
    }
    const { type, flags, end } = headAt(bytes, 0)
    if (type === FrameType.HEADERS) {
      return this.#request(bytes)
    }
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) !== 0 && this.awaitsAck) {
      this.awaitsAck = false
      return 'dropped'
    }
    this.isUnusual ||= !this.hasRequest && !openingTypes.includes(type)
    this.#verbatimBytes = end
    return 0
  }

  #request(bytes: Buffer): number | 'held' {
    const block = blockAt(bytes)
    if (typeof block === 'number') {
      this.#neededBytes = block
      return 'held'
    }
    if (block === undefined) {
      this.isUnusual = true
      this.#verbatimBytes = headAt(bytes, 0).end
      return 0
    }
    const [only, ...others] = block.fragments
    const whole = others.length === 0 && only !== undefined ? only : Buffer.concat(block.fragments)
    if (rewriteAuthority(whole)) {
      this.hasRewritten = true
      spread(whole, block.fragments)
    }
    this.hasRequest = true
    return block.bytes.length
  }
}

function headAt(bytes: Buffer, at: number): { type: number; flags: number; end: number } {
  return {
    type: bytes.readUInt8(at + 3),
    flags: bytes.readUInt8(at + 4),
    end: at + HEAD_BYTES + bytes.readUIntBE(at, 3),
  }
}

/** A number is how many bytes it takes to say more; undefined, a block that node:http2 refuses. */
function blockAt(bytes: Buffer): Block | number | undefined {
  const fragments: Buffer[] = []
  let at = 0
  for (;;) {
    if (bytes.length < at + HEAD_BYTES) {
      return at + HEAD_BYTES
    }
    const { type, flags, end } = headAt(bytes, at)
    const isExpected = at === 0 || type === FrameType.CONTINUATION
    if (!isExpected || end > BLOCK_BYTES_MAX) {
      return undefined
    }
    if (bytes.length < end) {
      return end
    }
    const payload = bytes.subarray(at + HEAD_BYTES, end)
    fragments.push(at === 0 ? fragmentOf(payload, flags) : payload)
    if ((flags & Flag.END_HEADERS) !== 0) {
      return { bytes: bytes.subarray(0, end), fragments }
    }
    at = end
  }
}

/** A HEADERS frame without its padding and its priority (RFC 9113 §6.2). */
function fragmentOf(payload: Buffer, flags: number): Buffer {
  const isPadded = (flags & Flag.PADDED) !== 0
  const start = (isPadded ? 1 : 0) + ((flags & Flag.PRIORITY) === 0 ? 0 : 5)
  const padding = isPadded ? (payload[0] ?? 0) : 0
  return payload.subarray(start, Math.max(start, payload.length - padding))
}

/** Copies bytes back to where they were joined from. */
function spread(whole: Buffer, fragments: readonly Buffer[]): void {
  let at = 0
  for (const fragment of fragments) {
    whole.copy(fragment, 0, at, at + fragment.length)
    at += fragment.length
  }
}
