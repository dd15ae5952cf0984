/**
 * Holds back what leaves an object until what it has written is on disk. While nothing is written,
 * things leave when all has run that can run now.
 */
export class OutputGate {
  #held: (() => void)[] = []
  #isShut = false
  #isLeaving = false

  /** Something was written: nothing leaves until `open`. */
  shut(): void {
    this.#isShut = true
  }

  /** Calls it when it may leave, behind everything before it; never, if the writes fail. */
  pass(leave: () => void): void {
    this.#held.push(leave)
    if (!this.#isShut && !this.#isLeaving) {
      this.#isLeaving = true
      queueMicrotask(() => this.#leave())
    }
  }

  /** Resolves when what is written by now is on disk. */
  passed(): Promise<void> {
    return new Promise((resolve) => {
      this.pass(resolve)
    })
  }

  /** It is on disk. */
  open(): void {
    this.#isShut = false
    this.#leave()
  }

  /** It will never be: what waits never leaves. */
  drop(): void {
    this.#held = []
  }

  #leave(): void {
    this.#isLeaving = false
    if (this.#isShut) {
      return
    }
    const held = this.#held
    this.#held = []
    for (const leave of held) {
      leave()
    }
  }
}
