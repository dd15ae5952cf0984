import type { ReadRequest } from './follower-events.ts'

/** How long a read waits that names no deadline of its own, in ms. */
export const READ_MS = 5_000

export interface WaitingRead extends ReadRequest {
  readonly deadline: number
}

/** Those who wait to read, by their ids. */
export class WaitingReads {
  readonly #reads = new Map<number, WaitingRead>()
  /** None is to give up before. */
  #soonest = Infinity

  get isEmpty(): boolean {
    return this.#reads.size === 0
  }

  get all(): readonly WaitingRead[] {
    return [...this.#reads.values()]
  }

  /** When the first one gives up, or earlier; Infinity where nobody waits. */
  get soonest(): number {
    return this.isEmpty ? Infinity : this.#soonest
  }

  add(request: ReadRequest, now: number): WaitingRead {
    const read = { ...request, deadline: request.deadline ?? now + READ_MS }
    this.#reads.set(read.id, read)
    this.#soonest = Math.min(this.#soonest, read.deadline)
    return read
  }

  has(read: WaitingRead): boolean {
    return this.#reads.get(read.id) === read
  }

  delete(id: number): void {
    this.#reads.delete(id)
  }

  /** Takes out those that give up now. */
  takeLate(now: number): readonly WaitingRead[] {
    if (now < this.#soonest) {
      return []
    }
    const late = [...this.#reads.values()].filter(({ deadline }) => deadline <= now)
    late.forEach(({ id }) => this.#reads.delete(id))
    this.#soonest = Math.min(...Array.from(this.#reads.values(), ({ deadline }) => deadline))
    return late
  }

  clear(): void {
    this.#reads.clear()
  }
}
