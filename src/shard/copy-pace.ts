import type { Store } from '../mvcc/store.ts'
import type { Clock } from './replication/clock.ts'

/** What others have for themselves between two turns, while there are any. */
const PACE_MS = 3

/** Lets those who copy a keyspace read it in turn, however many ask at once, with time for others in between. */
export class CopyPace {
  readonly #store: Store
  readonly #clock: Clock
  #last: Promise<void> = Promise.resolve()
  #work = 0

  constructor(store: Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Resolves when the next piece may be read. */
  turn(): Promise<void> {
    this.#last = this.#last.then(() => this.#pause())
    return this.#last
  }

  #pause(): Promise<void> {
    const { work } = this.#store
    const isBusy = work !== this.#work
    this.#work = work
    return isBusy ? this.#clock.wait(PACE_MS) : this.#clock.turn()
  }
}
