import type { MetricSample } from '../protocol/shard-rpc.ts'

/** etcd's buckets for disk operations: 1 ms doubling up to 8 s. */
const BUCKETS_SECONDS = Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power)

export class Histogram {
  readonly #counts = BUCKETS_SECONDS.map(() => 0)
  #sum = 0
  #count = 0

  observe(seconds: number): void {
    this.#sum += seconds
    this.#count++
    const bucket = BUCKETS_SECONDS.findIndex((limit) => seconds <= limit)
    if (bucket >= 0) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    }
  }

  /** Prometheus' buckets are cumulative. */
  samples(): readonly MetricSample[] {
    let below = 0
    const buckets = BUCKETS_SECONDS.map((limit, index) => {
      below += this.#counts[index] ?? 0
      return { suffix: '_bucket', labels: { le: String(limit) }, value: below }
    })
    return [
      ...buckets,
      { suffix: '_bucket', labels: { le: '+Inf' }, value: this.#count },
      { suffix: '_sum', labels: {}, value: this.#sum },
      { suffix: '_count', labels: {}, value: this.#count },
    ]
  }
}
