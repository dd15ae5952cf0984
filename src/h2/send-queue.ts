/** Memory of a piece besides its bytes: its view, its place in lists, the end of its message. */
const PIECE_BYTES = 256

/** What a stream has to send and may not send yet: messages in pieces, which are let go as they leave. */
export class SendQueue {
  /** Pieces from #next on are still to be sent. */
  #pieces: Uint8Array[] = []
  #next = 0
  /** The place of a message's last byte among all that was ever queued, and what it counts for. */
  #ends: { readonly place: number; readonly messageBytes: number }[] = []
  #queuedBytes = 0
  #sentBytes = 0

  /** Bytes that wait. */
  get bytes(): number {
    return this.#queuedBytes - this.#sentBytes
  }

  /** Memory that it takes. */
  get heldBytes(): number {
    return this.bytes + PIECE_BYTES * (this.#pieces.length - this.#next)
  }

  /** The pieces in a row are a message, which counts for `messageBytes` once the last of it is sent. */
  add(pieces: readonly Uint8Array[], messageBytes: number): void {
    for (const piece of pieces) {
      this.#pieces.push(piece)
      this.#queuedBytes += piece.length
    }
    this.#ends.push({ place: this.#queuedBytes, messageBytes })
  }

  /** Gives the next `count` bytes away, of which there must be as many. */
  take(count: number, give: (bytes: Uint8Array) => void): void {
    this.#sentBytes += count
    let missing = count
    while (missing > 0) {
      const piece = this.#pieces[this.#next] ?? noBytes
      const isWhole = piece.length <= missing
      const part = isWhole ? piece : piece.subarray(0, missing)
      this.#pieces[this.#next] = isWhole ? noBytes : piece.subarray(missing)
      this.#next += isWhole ? 1 : 0
      missing -= part.length
      give(part)
    }
    if (this.#next === this.#pieces.length) {
      this.#pieces = []
      this.#next = 0
    }
  }

  /** What the messages count for that have been sent whole since the last time. */
  takeEnded(): number {
    let messageBytes = 0
    let count = 0
    for (const end of this.#ends) {
      if (end.place > this.#sentBytes) {
        break
      }
      messageBytes += end.messageBytes
      count++
    }
    this.#ends.splice(0, count)
    return messageBytes
  }

  /** Nobody reads any more. */
  drop(): void {
    this.#pieces = []
    this.#next = 0
    this.#ends = []
    this.#sentBytes = this.#queuedBytes
  }
}

const noBytes = new Uint8Array(0)
