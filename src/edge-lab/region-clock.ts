/** A question to another region and its answer. Times are in milliseconds. */
export interface Exchange {
  /** When it left, and when the answer was here, by our clock. */
  readonly asked: number
  readonly answered: number
  /** When it was answered, by the other one's clock. */
  readonly told: number
}

const EXCHANGES_MAX = 20

/** How another region's clock goes, seen from here: as NTP tells it, by the quickest of the last exchanges. */
export class RegionClock {
  #exchanges: Exchange[] = []

  heard(exchange: Exchange): void {
    this.#exchanges = [...this.#exchanges.slice(1 - EXCHANGES_MAX), exchange]
  }

  /** Their time as ours. */
  ours(time: number): number {
    const quickest = this.#quickest
    return quickest === undefined
      ? time
      : time - quickest.told + (quickest.asked + quickest.answered) / 2
  }

  /** How far off that may be at most, however much longer one way takes than the other. */
  get errorMs(): number {
    const quickest = this.#quickest
    return quickest === undefined ? 0 : tripMs(quickest) / 2
  }

  get #quickest(): Exchange | undefined {
    const [first, ...others] = this.#exchanges
    return others.reduce(
      (best, one) => (best === undefined || tripMs(one) < tripMs(best) ? one : best),
      first,
    )
  }
}

function tripMs({ asked, answered }: Exchange): number {
  return answered - asked
}
