import { families, type FamilyName, type HistogramValue } from '../protocol/metric-families.ts'

/** What was observed for a family of histograms, in the family's unit. */
export class Histogram {
  readonly #buckets: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  constructor(name: FamilyName) {
    this.#buckets = families[name].buckets ?? []
    this.#counts = this.#buckets.map(() => 0)
  }

  /** The same value, so often. */
  observe(value: number, times = 1): void {
    this.#sum += value * times
    this.#count += times
    let bucket = 0
    for (const end of this.#buckets) {
      if (value <= end) {
        this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times
        return
      }
      bucket++
    }
  }

  get count(): number {
    return this.#count
  }

  value(): HistogramValue {
    return { counts: this.#counts, count: this.#count, sum: this.#sum }
  }
}
