import type { MetricSample } from '../protocol/shard-rpc.ts'

/** etcd's buckets for disk operations: 1 ms doubling up to 8 s. */
export const DISK_BUCKETS_SECONDS: readonly number[] = Array.from(
  { length: 14 },
  (_, power) => 0.001 * 2 ** power,
)

/** Those of Prometheus' client libraries, which etcd's RPC latencies have. */
export const RPC_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export class Histogram {
  readonly #buckets: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0

  /** The upper ends of the buckets, ascending. */
  constructor(buckets: readonly number[]) {
    this.#buckets = buckets
    this.#counts = buckets.map(() => 0)
  }

  observe(seconds: number): void {
    this.#sum += seconds
    this.#count++
    const bucket = this.#buckets.findIndex((limit) => seconds <= limit)
    if (bucket >= 0) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    }
  }

  /** Prometheus' buckets are cumulative. */
  samples(labels: Readonly<Record<string, string>> = {}): readonly MetricSample[] {
    let below = 0
    const buckets = this.#buckets.map((limit, index) => {
      below += this.#counts[index] ?? 0
      return { suffix: '_bucket', labels: { ...labels, le: String(limit) }, value: below }
    })
    return [
      ...buckets,
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: this.#count },
      { suffix: '_sum', labels, value: this.#sum },
      { suffix: '_count', labels, value: this.#count },
    ]
  }
}
