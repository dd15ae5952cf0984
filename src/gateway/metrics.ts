import type {
  FamilyName,
  HostMetrics,
  MetricSample,
  MetricValues,
} from '../protocol/metric-families.ts'
import { metricsText } from './metrics-text.ts'
import type { ShardClient } from './shard-client.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/**
 * Everything there is to tell: of the keyspace, in the embedded start of its processes, and where the
 * keyspace is the one that the client port serves, of that.
 */
export async function metricValues(
  shard: ShardClient,
  host: Fetcher | undefined,
): Promise<MetricValues> {
  const [keyspace, answer] = await Promise.all([
    shard.metrics(),
    host?.fetch('http://host/metrics'),
  ])
  if (answer === undefined) {
    return keyspace
  }
  const { processes, port } = await answer.json<HostMetrics>()
  return shard.isDefault ? together([keyspace, processes, port]) : together([keyspace, processes])
}

function together(all: readonly MetricValues[]): MetricValues {
  const values = new Map<FamilyName, readonly MetricSample[]>()
  for (const [name, samples] of all.flatMap((told) => Object.entries(told))) {
    const family = name as FamilyName
    values.set(family, [...(values.get(family) ?? []), ...samples])
  }
  return Object.fromEntries(values)
}

/** GET /metrics: Prometheus' own format, or OpenMetrics for those who ask for it. */
export function metricsResponse(values: MetricValues, accept: string | undefined): Response {
  const isOpen = accept?.includes('application/openmetrics-text') ?? false
  return new Response(metricsText(values, isOpen), {
    headers: { 'Content-Type': isOpen ? OPEN_METRICS : TEXT },
  })
}
