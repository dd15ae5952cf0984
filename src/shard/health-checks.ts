import type { MetricSample } from '../protocol/metric-families.ts'
import type { HealthCheck } from '../protocol/shard-rpc.ts'

interface Seen {
  readonly check: HealthCheck
  readonly counts: { success: number; error: number }
}

/** What the gateway has found at /health, /livez and /readyz. */
export class HealthChecks {
  readonly health = { success: 0, error: 0 }
  readonly #named = new Map<string, Seen>()

  saw(check: HealthCheck): void {
    const { type, name, status } = check
    if (name === undefined) {
      this.health[status]++
      return
    }
    const key = `${type}/${name}`
    const counts = this.#named.get(key)?.counts ?? { success: 0, error: 0 }
    counts[status]++
    this.#named.set(key, { check, counts })
  }

  /** 1 for each check that has succeeded last, 0 for one that has not. */
  results(): readonly MetricSample[] {
    return [...this.#named.values()].map(({ check: { type, name = '', status } }) => ({
      labels: { name, type },
      value: status === 'success' ? 1 : 0,
    }))
  }

  totals(): readonly MetricSample[] {
    return [...this.#named.values()].flatMap(({ check: { type, name = '' }, counts }) =>
      Object.entries(counts)
        .filter(([, value]) => value > 0)
        .map(([status, value]) => ({ labels: { name, status, type }, value })),
    )
  }
}
