import type { OperationKind, Sample } from '../told.ts'

/** What the plots show. */
const WINDOW_MS = 20_000
/** After which nothing is said to work, or not to. */
const RECENT_MS = 4_000
const SAMPLES_MAX = 3_000

export interface Summary {
  /** Milliseconds; undefined where nothing succeeded. */
  readonly median: number | undefined
  readonly p99: number | undefined
  readonly count: number
  /** `silent`: nothing was asked, or nothing came back yet. */
  readonly state: 'works' | 'fails' | 'silent'
  /** Why the last one failed. */
  readonly error: string
  /** How many revisions the last answer was behind. */
  readonly behind: number
}

/** What came back lately to the clients of one region, of one kind. */
export class Lately {
  #samples: Sample[] = []

  add(sample: Sample): void {
    this.#samples.push(sample)
    if (this.#samples.length > SAMPLES_MAX) {
      this.#samples.shift()
    }
  }

  /** Those of the last twenty seconds. */
  samples(now: number): readonly Sample[] {
    const first = this.#samples.findIndex(({ time }) => now - time <= WINDOW_MS)
    this.#samples = first === -1 ? [] : this.#samples.slice(first)
    return this.#samples
  }

  summary(now: number): Summary {
    const all = this.samples(now)
    const good = all.filter(({ error }) => error === '')
    const sorted = good.map(({ ms }) => ms).toSorted((a, b) => a - b)
    const recent = all.filter(({ time }) => now - time <= RECENT_MS)
    const last = recent.at(-1)
    const failed = recent.findLast(({ error }) => error !== '')
    return {
      median: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      count: good.length,
      state: last === undefined ? 'silent' : last.error === '' ? 'works' : 'fails',
      error: failed?.error ?? '',
      behind: good.at(-1)?.behind ?? 0,
    }
  }
}

/** Of numbers in their order; undefined where there are none. */
function quantile(sorted: readonly number[], part: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

export const kinds: readonly OperationKind[] = ['linearizable', 'serializable', 'write']
