/** What the first of many small pieces makes room for. */
const ROOM_BYTES_MIN = 256

/**
 * What has come and is not read yet, as one run of bytes. A list of its pieces would take as much memory
 * for a byte as for hundreds, and each piece would keep all that was received with it.
 */
export class UnreadBytes {
  #room: Uint8Array = noBytes
  #length = 0

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** Memory that it takes: at most twice what was added, but for little. */
  get heldBytes(): number {
    return this.#room.length
  }

  /** Adds a copy. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (length > this.#room.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(ROOM_BYTES_MIN, length, 2 * this.#room.length))
      larger.set(this.#room.subarray(0, this.#length))
      this.#room = larger
    }
    this.#room.set(piece, this.#length)
    this.#length = length
  }

  /** Gives all of it away, and is empty. */
  take(): Uint8Array {
    const taken = this.#room.subarray(0, this.#length)
    this.#room = noBytes
    this.#length = 0
    return taken
  }
}

const noBytes = new Uint8Array(0)
