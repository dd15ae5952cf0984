import type { MetricFamily, MetricSample } from '../protocol/shard-rpc.ts'
import type { ShardClient } from './shard-client.ts'

const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/** Everything there is to tell, of the keyspace and in the embedded start of its processes. */
export async function metricFamilies(
  shard: ShardClient,
  host: Fetcher | undefined,
): Promise<readonly MetricFamily[]> {
  const [keyspace, processes] = await Promise.all([
    shard.metrics(),
    host?.fetch('http://host/metrics'),
  ])
  return processes === undefined
    ? keyspace
    : [...keyspace, ...(await processes.json<MetricFamily[]>())]
}

/** GET /metrics: Prometheus' own format, or OpenMetrics for those who ask for it. */
export function metricsResponse(
  families: readonly MetricFamily[],
  accept: string | undefined,
): Response {
  const open = accept?.includes('application/openmetrics-text') ?? false
  const sorted = families.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const body = sorted.map((family) => printFamily(family, open)).join('')
  return new Response(open ? `${body}# EOF\n` : body, {
    headers: { 'Content-Type': open ? OPEN_METRICS : TEXT },
  })
}

/**
 * OpenMetrics names a counter without the `_total` of its samples. etcd has counters whose samples
 * do not end so; they go as `unknown`, since a dashboard knows them by those names.
 */
function printFamily({ name, help, type, samples }: MetricFamily, open: boolean): string {
  if (samples.length === 0) {
    return ''
  }
  const isTotal = name.endsWith('_total')
  const shownName = open && type === 'counter' && isTotal ? name.slice(0, -'_total'.length) : name
  const shownType = open && type === 'counter' && !isTotal ? 'unknown' : type
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  const head = `# HELP ${shownName} ${text}\n# TYPE ${shownName} ${shownType}\n`
  return head + samples.map((sample) => printSample(name, sample)).join('')
}

function printSample(name: string, { suffix, labels, value }: MetricSample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  return `${name}${suffix}${braces} ${printValue(value)}\n`
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function printValue(value: number): string {
  return value === Infinity ? '+Inf' : String(value).replace('Infinity', 'Inf')
}
