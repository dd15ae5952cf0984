/** What is held of answers in parts, of the calls of a server together: of some eight long ones. */
const HELD_BYTES_MAX = 32 * 1024 * 1024

/** Counts what calls hold of answers that have come in parts. */
export class HeldAnswers {
  #bytes = 0

  /** So much that a call that holds a part is to have its answer measured, however short it is so far. */
  get isFull(): boolean {
    return this.#bytes > HELD_BYTES_MAX
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
  }
}
