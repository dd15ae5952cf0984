import type { ServerHttp2Stream } from 'node:http2'

/** So much of a call is with the HTTP/2 session at a time: the rest waits here, and costs it nothing. */
const WRITE_BYTES_MAX = 64 * 1024

/** Hears of `bytes` that are on their way, and of the messages' own bytes that ended among them. */
export type WriteProgress = (bytes: number, messageBytes: number) => void

/**
 * The messages that go out on one stream, handed to the session as the client takes them. What has
 * been handed on is let go.
 */
export class GrpcWriter {
  readonly #stream: ServerHttp2Stream
  readonly #progress: WriteProgress
  /** Pieces from #next on are still to be written. */
  #pieces: Uint8Array[] = []
  #next = 0
  /** The place of a message's last byte among all that was ever written, and its length unframed. */
  #ends: { readonly place: number; readonly messageBytes: number }[] = []
  #queuedBytes = 0
  #writtenBytes = 0
  /** Bytes of the write that is not done. */
  #underWay = 0
  #isWriting = false
  #isEnding = false

  constructor(stream: ServerHttp2Stream, progress: WriteProgress) {
    this.#stream = stream
    this.#progress = progress
  }

  /** `pieces` is a framed message. */
  write(pieces: readonly Uint8Array[], messageBytes: number): void {
    for (const piece of pieces) {
      this.#pieces.push(piece)
      this.#queuedBytes += piece.length
    }
    this.#ends.push({ place: this.#queuedBytes, messageBytes })
    this.#pump()
  }

  /** Ends the stream behind what was written. */
  end(): void {
    this.#isEnding = true
    this.#pump()
  }

  /** Nobody reads any more. */
  drop(): void {
    this.#pieces = []
    this.#next = 0
    this.#ends = []
  }

  get isIdle(): boolean {
    return !this.#isWriting && this.#next === this.#pieces.length
  }

  #pump(): void {
    if (this.#isWriting || this.#stream.closed) {
      return
    }
    const pieces = this.#take()
    const last = pieces.pop()
    if (last === undefined) {
      if (this.#isEnding) {
        this.#stream.end()
      }
      return
    }
    this.#isWriting = true
    this.#stream.cork()
    for (const piece of pieces) {
      this.#stream.write(piece)
    }
    this.#stream.write(last, this.#wrote)
    this.#stream.uncork()
  }

  /** Of what is left so many pieces as fit into a write, the last one cut. */
  #take(): Uint8Array[] {
    const taken: Uint8Array[] = []
    let room = WRITE_BYTES_MAX
    while (room > 0 && this.#next < this.#pieces.length) {
      const piece = this.#pieces[this.#next] ?? noBytes
      const part = piece.length <= room ? piece : piece.subarray(0, room)
      this.#pieces[this.#next] = piece.subarray(part.length)
      this.#next += part === piece ? 1 : 0
      taken.push(part)
      room -= part.length
    }
    if (this.#next === this.#pieces.length) {
      this.#pieces = []
      this.#next = 0
    }
    this.#underWay = WRITE_BYTES_MAX - room
    return taken
  }

  readonly #wrote = (error: Error | null | undefined): void => {
    this.#isWriting = false
    // A stream that broke is closed, and its call hears of that.
    if (error === null || error === undefined) {
      this.#writtenBytes += this.#underWay
      this.#progress(this.#underWay, this.#endedBytes())
      this.#pump()
    }
  }

  #endedBytes(): number {
    let bytes = 0
    let count = 0
    for (const { place, messageBytes } of this.#ends) {
      if (place > this.#writtenBytes) {
        break
      }
      bytes += messageBytes
      count++
    }
    this.#ends.splice(0, count)
    return bytes
  }
}

const noBytes = new Uint8Array(0)
