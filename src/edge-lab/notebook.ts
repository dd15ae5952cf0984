import type { Notes } from '../lab/client.ts'
import type { Written } from '../lab/recorder.ts'
import type { Sample } from '../lab/told.ts'
import type { Report, SeenWrite } from './orders.ts'

/** More than that between two reports is not told. */
const NOTES_MAX = 5_000

/** What the clients of a region have seen and have not told yet. */
export class Notebook implements Notes {
  /** Nobody here knows what was acknowledged elsewhere: the lab says how old an answer was. */
  readonly acknowledged = 0
  #samples: Sample[] = []
  #sightings: SeenWrite[] = []
  #seen = 0
  #forks = 0

  /** Their samples say it too. */
  written(): void {}

  sampled(sample: Sample): void {
    if (this.#samples.length < NOTES_MAX) {
      this.#samples.push(sample)
    }
  }

  seen(revision: number, _region: string, write: Written, time: number): void {
    this.#seen = revision
    if (this.#sightings.length < NOTES_MAX) {
      this.#sightings.push({ revision, write, time })
    }
  }

  nextOf(): number {
    return this.#seen + 1
  }

  /** Revisions behind that one are given to other writes. Answers whether that is news. */
  forked({ count, revision }: { readonly count: number; readonly revision: number }): boolean {
    if (count === this.#forks) {
      return false
    }
    this.#forks = count
    this.#seen = Math.min(this.#seen, revision)
    return true
  }

  take(): Pick<Report, 'samples' | 'sightings'> {
    const taken = { samples: this.#samples, sightings: this.#sightings }
    this.#samples = []
    this.#sightings = []
    return taken
  }
}
