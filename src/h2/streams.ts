import type { SendWindow } from './flow-control.ts'
import { ConnectionError, ErrorCode } from './frames.ts'
import type { H2Output } from './output.ts'
import type { H2Stream } from './stream.ts'

/** Runs of streams that a client has passed over, of which the last ones are remembered. */
const GAPS_MAX = 100

/** Of waiting streams, before other connections get theirs. */
const TURNS_MAX = 16

/** The open streams of a connection, and those of them that wait to send. */
export class H2Streams {
  readonly #output: H2Output
  readonly #sendWindow: SendWindow
  readonly #streams = new Map<number, H2Stream>()
  /** Those that have something to send when the connection takes it. */
  readonly #waiting = new Set<H2Stream>()
  #nextTurns: NodeJS.Immediate | undefined
  #last = 0
  /** Between which streams others were left out. */
  readonly #gaps: { readonly after: number; readonly before: number }[] = []

  /** The window is that of all streams together. */
  constructor(output: H2Output, sendWindow: SendWindow) {
    this.#output = output
    this.#sendWindow = sendWindow
  }

  get count(): number {
    return this.#streams.size
  }

  /** The last one that the client has begun. */
  get last(): number {
    return this.#last
  }

  /** The client has begun its next stream: those before it are begun, or never will be. */
  set last(id: number) {
    if (id - this.#last > 2) {
      this.#gaps.push({ after: this.#last, before: id })
      if (this.#gaps.length > GAPS_MAX) {
        this.#gaps.shift()
      }
    }
    this.#last = id
  }

  /** Whether it was left out when a later one was begun. */
  isPassedOver(id: number): boolean {
    return this.#gaps.some(({ after, before }) => after < id && id < before)
  }

  /** Undefined for one that has ended. Throws ConnectionError for one that was never begun. */
  begun(id: number): H2Stream | undefined {
    if (id === 0 || id > this.#last) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `a frame on stream ${id}`)
    }
    return this.#streams.get(id)
  }

  add(stream: H2Stream): void {
    this.#streams.set(stream.id, stream)
  }

  remove(stream: H2Stream): void {
    this.#streams.delete(stream.id)
    this.#waiting.delete(stream)
  }

  /** The stream has had its turn, or the connection takes nothing now. */
  wait(stream: H2Stream): void {
    this.#waiting.add(stream)
    if (!this.#isStuck) {
      // Nothing else will tell that the connection takes more.
      this.#nextTurns ??= setImmediate(this.pump)
    }
  }

  get #isStuck(): boolean {
    return this.#sendWindow.bytes <= 0 || this.#output.isFull
  }

  /** Each of the waiting streams has its turn, as long as the connection takes anything. */
  readonly pump = (): void => {
    clearImmediate(this.#nextTurns)
    this.#nextTurns = undefined
    let turns = TURNS_MAX
    for (const stream of this.#waiting) {
      if (this.#isStuck) {
        return
      }
      if (turns-- === 0) {
        this.#nextTurns ??= setImmediate(this.pump)
        return
      }
      this.#waiting.delete(stream)
      stream.pump()
    }
  }

  /** The client has changed the window that streams begin with (RFC 9113 §6.9.2). */
  moveWindows(difference: number): void {
    for (const stream of this.#streams.values()) {
      if (!stream.sendWindow.widen(difference)) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large')
      }
      stream.pump()
    }
  }

  close(): void {
    clearImmediate(this.#nextTurns)
    for (const stream of this.#streams.values()) {
      stream.close()
    }
  }
}
