/** What is held of frames for those that have not got them yet. */
const RING_BYTES_MAX = 4 * 1024 * 1024

/** The last frames, by their numbers, shared by all replicas. */
export class Ring {
  /** The last of them, and those before it without a gap. */
  #frames: (Uint8Array | undefined)[] = []
  #bytes = 0
  /** The number of the last one. */
  head = 0

  /** One that nobody can be pushed is undefined. Numbers are without a gap. */
  add(seq: number, frame: Uint8Array | undefined): void {
    this.head = seq
    this.#frames.push(frame)
    this.#bytes += frame?.length ?? 0
    while (this.#bytes > RING_BYTES_MAX) {
      this.#bytes -= this.#frames.shift()?.length ?? 0
    }
    if (frame === undefined) {
      // What is before it is of no use: who has not got it pulls everything.
      this.#frames = []
      this.#bytes = 0
    }
  }

  /** Undefined where it is to be pulled. */
  get(seq: number): Uint8Array | undefined {
    return this.#frames[this.#frames.length - 1 - (this.head - seq)]
  }
}
