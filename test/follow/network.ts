import type { VirtualTime } from './virtual-time.ts'

export interface Weather {
  /** How long a message takes at least, and how much longer at most, in ms. */
  readonly delay: number
  readonly jitter: number
  /** How likely a message is lost, or comes twice. */
  readonly lost: number
  readonly twice: number
}

/** Whoever called hears of a lost message after so many ms at most, or never. */
const FAILURE_MS = 1_000

/** What lies between objects: messages take their time, come in any order, twice, or not at all. */
export class Network {
  weather: Weather
  /** Messages so far. */
  count = 0
  readonly #cut = new Set<string>()
  readonly #time: VirtualTime
  readonly #random: () => number

  constructor(time: VirtualTime, random: () => number, weather: Weather) {
    this.#time = time
    this.#random = random
    this.weather = weather
  }

  /** Nothing comes to that place any more, nor from there. */
  cut(place: string, isCut: boolean): void {
    if (isCut) {
      this.#cut.add(place)
    } else {
      this.#cut.delete(place)
    }
  }

  heal(): void {
    this.#cut.clear()
  }

  /** Calls an object: it answers undefined where it is not there. */
  call<T>(
    places: readonly [string, string],
    execute: () => T | undefined,
    answered: (answer: T) => void,
    failed: () => void,
  ): void {
    this.#send(
      places,
      () => {
        const answer = execute()
        this.#send(places, answer === undefined ? failed : () => answered(answer), () =>
          this.#fails(failed),
        )
      },
      () => this.#fails(failed),
    )
  }

  #send(places: readonly [string, string], arrive: () => void, lose: () => void): void {
    const { delay, jitter, lost, twice } = this.weather
    this.count++
    if (this.#random() < lost || places.some((place) => this.#cut.has(place))) {
      return lose()
    }
    this.#time.after(delay + jitter * this.#random(), arrive)
    if (this.#random() < twice) {
      this.#time.after(delay + 20 * jitter * this.#random(), arrive)
    }
  }

  #fails(failed: () => void): void {
    if (this.#random() < 0.7) {
      this.#time.after(FAILURE_MS * this.#random(), failed)
    }
  }
}
