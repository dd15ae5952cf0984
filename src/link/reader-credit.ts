import { CREDIT_WINDOW_BYTES, encodeCredit, type Frame, FrameKind } from '../protocol/frames.ts'

/** Given at once: few frames, and still early enough that the shard need never wait. */
const CREDIT_BYTES_MIN = CREDIT_WINDOW_BYTES / 4

/** Counts what the reader of a stream has taken until it is worth a frame. */
export class ReaderCredit {
  #taken = 0
  /** With the reader, who has not taken it yet. */
  #held = 0
  /** As much of that came from a stream before this one, which has no use for credit any more. */
  #stale = 0

  /** A reader that holds a whole window would be given another one by a new stream. */
  get full(): boolean {
    return this.#held >= CREDIT_WINDOW_BYTES
  }

  passed(bytes: number): void {
    this.#held += bytes
  }

  /**
   * The reader has taken so much of what was passed to it. The CREDIT frame to send now, if any.
   */
  taken(stream: number | undefined, bytes: number): Frame | undefined {
    this.#held = Math.max(0, this.#held - bytes)
    const stale = Math.min(this.#stale, bytes)
    this.#stale -= stale
    return this.give(stream, bytes - stale)
  }

  /** So much has been taken without being passed to the reader. The frame to send now, if any. */
  give(stream: number | undefined, bytes: number): Frame | undefined {
    this.#taken += bytes
    if (this.#taken < CREDIT_BYTES_MIN || stream === undefined) {
      return undefined
    }
    const payload = encodeCredit(this.#taken)
    this.#taken = 0
    return { kind: FrameKind.CREDIT, stream, payload }
  }

  /** There is a new stream. */
  reset(): void {
    this.#stale = this.#held
    this.#taken = 0
  }
}
