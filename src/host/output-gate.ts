import { runOutside, runSoon } from './tasks.ts'

interface Held {
  /** The number of the commit that has to be on disk before it leaves. */
  readonly commit: number
  readonly leave: () => void
}

/**
 * Holds back what leaves an object until what was written before is on disk. Where all of that is there,
 * things leave when all has run that can run now.
 */
export class OutputGate {
  #held: Held[] = []
  /** The number of the last commit that was begun, and of the last one that is on disk. */
  #begun = 0
  #durable = 0
  #isLeaving = false

  /** Something was written: what leaves from now on waits for that. Answers the commit's number. */
  begin(): number {
    return ++this.#begun
  }

  /** The number of the last commit that was begun. */
  get begun(): number {
    return this.#begun
  }

  /** Calls it when it may leave, behind everything before it; never, if the writes fail. */
  pass(leave: () => void): void {
    this.#held.push({ commit: this.#begun, leave })
    if (this.#begun === this.#durable && !this.#isLeaving) {
      this.#isLeaving = true
      runOutside(() =>
        runSoon(() => {
          this.#isLeaving = false
          this.#leave()
        }),
      )
    }
  }

  /** Resolves when what is written by now is on disk. */
  passed(): Promise<void> {
    return new Promise((resolve) => {
      this.pass(resolve)
    })
  }

  /** That commit is on disk, and all before it. */
  durable(commit: number): void {
    this.#durable = commit
    this.#leave()
  }

  /** They will never be: what waits never leaves. */
  drop(): void {
    this.#held = []
  }

  #leave(): void {
    const end = this.#held.findIndex(({ commit }) => commit > this.#durable)
    const leaving = this.#held
    this.#held = end === -1 ? [] : leaving.slice(end)
    const count = end === -1 ? leaving.length : end
    for (let place = 0; place < count; place++) {
      leaving[place]?.leave()
    }
  }
}
