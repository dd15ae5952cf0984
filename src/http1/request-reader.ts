import { ChunkedBody } from './chunked-body.ts'
import { HeadBytes } from './head-bytes.ts'
import { headText } from './head-text.ts'
import { type Head, readHead } from './head.ts'
import { badRequest, headTooLong, type Refusal } from './refusal.ts'

/** A body that is held until it is whole; of a longer one it is not asked whether it is. */
const HELD_BODY_BYTES_MAX = 16 * 1024 * 1024

/** Where the requests of a connection go. */
export interface RequestsOut {
  /** Strings are latin1. */
  pass(bytes: Buffer | string): void
  /** A request begins to be passed on. */
  begun(): void
  /** Nothing more is passed on. */
  refuse(refusal: Refusal): void
  /** A body of which some has been passed on turned out to be broken. Nothing more is passed on. */
  breakOff(): void
}

export interface RequestRules {
  /** The longest head that is passed on. */
  readonly headBytesMax: number
  /** What is answered to a body whose chunks are broken; undefined where nobody would look at it. */
  readonly brokenBody: (head: Head, why: string) => Refusal | undefined
}

interface Chunks {
  readonly awaits: 'chunks'
  readonly head: Head
  readonly body: ChunkedBody
  /** What is there of a body that is passed on in whole. */
  held: { pieces: Buffer[]; bytes: number } | undefined
}

type State =
  | { readonly awaits: 'head' | 'frame' | 'anything' | 'nothing' }
  | { readonly awaits: 'length'; readonly head: Head; bytesLeft: number }
  | Chunks

const none = Buffer.alloc(0)

/**
 * Reads the requests of a connection as Go's server does, and passes on what etcd would serve, each
 * in the one spelling that nobody reads in another way. All else is refused here.
 */
export class RequestReader {
  readonly #rules: RequestRules
  readonly #out: RequestsOut
  readonly #head = new HeadBytes()
  #state: State = { awaits: 'head' }
  #isFinishing = false

  constructor(rules: RequestRules, out: RequestsOut) {
    this.#rules = rules
    this.#out = out
  }

  /** Whether some of a head has come, but not all. */
  get isInHead(): boolean {
    return this.#state.awaits === 'head' && this.#head.length > 0
  }

  push(bytes: Buffer): void {
    let rest = bytes
    while (rest.length > 0) {
      rest = this.#read(rest)
    }
  }

  /** Whether all of what has begun was passed on. */
  get isBetween(): boolean {
    return this.#state.awaits === 'head' || this.#state.awaits === 'nothing'
  }

  /** Whether nothing is passed on any more, whatever comes. */
  get isOver(): boolean {
    return this.#state.awaits === 'nothing'
  }

  /** The next request is the last, and asks for the end of the connection. A WebSocket stays one. */
  finish(): void {
    this.#isFinishing = true
  }

  /** The client says no more. */
  end(): void {
    const state = this.#state
    const held = state.awaits === 'chunks' && state.held !== undefined
    const refusal = held ? this.#rules.brokenBody(state.head, 'unexpected EOF') : badRequest()
    if (refusal !== undefined && (held || this.isInHead)) {
      this.refuse(refusal)
    }
  }

  refuse(refusal: Refusal): void {
    this.#state = { awaits: 'nothing' }
    this.#out.refuse(refusal)
  }

  /** Returns what is left to be read. */
  #read(bytes: Buffer): Buffer {
    const state = this.#state
    switch (state.awaits) {
      case 'head':
        return this.#readHead(bytes)
      case 'length': {
        const piece = bytes.subarray(0, state.bytesLeft)
        state.bytesLeft -= piece.length
        this.#out.pass(piece)
        if (state.bytesLeft === 0) {
          this.#next(state.head)
        }
        return bytes.subarray(piece.length)
      }
      case 'chunks':
        return this.#readChunks(bytes, state)
      case 'frame':
        return this.#readFrame(bytes)
      case 'anything':
        this.#out.pass(bytes)
        return none
      case 'nothing':
        return none
    }
  }

  /** By its first two bytes it shows whether there is a WebSocket now. */
  #readFrame(bytes: Buffer): Buffer {
    this.#head.append(bytes)
    if (this.#head.length < 2) {
      return none
    }
    const all = this.#head.takeAll()
    this.#state = { awaits: isFrame(all) ? 'anything' : 'head' }
    return all
  }

  #readHead(bytes: Buffer): Buffer {
    this.#head.append(bytes)
    this.#head.dropEmptyLines()
    const text = this.#head.take()
    if ((text?.length ?? this.#head.length) > this.#rules.headBytesMax) {
      this.refuse(headTooLong)
    } else if (text !== undefined) {
      const head = readHead(text)
      if ('answer' in head) {
        this.refuse(head)
      } else {
        this.#begin(this.#isFinishing ? { ...head, closes: true } : head)
        return this.#head.takeAll()
      }
    }
    return none
  }

  #begin(head: Head): void {
    if (head.body !== 'chunked') {
      this.#passHead(head, head.body)
      if (head.body > 0) {
        this.#state = { awaits: 'length', head, bytesLeft: head.body }
      } else {
        this.#next(head)
      }
      return
    }
    const isHeld = !head.waits && this.#rules.brokenBody(head, '') !== undefined
    const held = isHeld ? { pieces: [], bytes: 0 } : undefined
    this.#state = { awaits: 'chunks', head, body: new ChunkedBody(), held }
    if (!isHeld) {
      this.#passHead(head, 'chunked')
    }
  }

  #next(head: Head): void {
    this.#state = { awaits: head.closes ? 'nothing' : head.opensWebSocket ? 'frame' : 'head' }
  }

  #readChunks(bytes: Buffer, state: Chunks): Buffer {
    try {
      const rest = state.body.push(bytes, (piece) => this.#take(piece, state))
      if (state.body.isOver) {
        this.#endChunks(state)
        this.#next(state.head)
      }
      return rest
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const refusal = state.held && this.#rules.brokenBody(state.head, why)
      if (refusal === undefined) {
        this.#state = { awaits: 'nothing' }
        this.#out.breakOff()
      } else {
        this.refuse(refusal)
      }
      return none
    }
  }

  #take(piece: Buffer, state: Chunks): void {
    const { held, head } = state
    if (held === undefined) {
      this.#passChunk(piece)
      return
    }
    held.pieces.push(Buffer.from(piece))
    held.bytes += piece.length
    if (held.bytes > HELD_BODY_BYTES_MAX) {
      state.held = undefined
      this.#passHead(head, 'chunked')
      held.pieces.forEach((one) => this.#passChunk(one))
    }
  }

  #endChunks({ head, held }: Chunks): void {
    if (held === undefined) {
      this.#out.pass('0\r\n\r\n')
    } else {
      this.#passHead(head, held.bytes)
      held.pieces.forEach((piece) => this.#out.pass(piece))
    }
  }

  #passHead(head: Head, body: Head['body']): void {
    this.#out.begun()
    this.#out.pass(headText(head, body))
  }

  #passChunk(piece: Buffer): void {
    this.#out.pass(`${piece.length.toString(16)}\r\n`)
    this.#out.pass(piece)
    this.#out.pass('\r\n')
  }
}

/**
 * Whether that begins a frame of WebSocket and not a request, which begins with letters: a client's
 * frame is masked, which is a bit of its second byte that no letter has (RFC 6455 §5.2).
 */
function isFrame(bytes: Buffer): boolean {
  const [first = 0, second = 0] = bytes
  const isLetter = (first > 0x20 && first < 0x7f) || first === 0x0d || first === 0x0a
  return !isLetter || second >= 0x80
}
