import {
  healthLabels,
  type MetricSample,
  type MetricValues,
  rpcLabels,
} from '../protocol/metric-families.ts'
import { type Code, codeNames } from '../protocol/status.ts'

/** How many calls a client's version has made. */
export interface VersionCounts {
  unary: number
  stream: number
}

/** Of a method whose calls begin and end at the port, and not in the shard. */
export class PortMethod {
  started = 0
  readonly #handled = codeNames.map(() => 0)
  received = 0
  receivedBytes = 0
  sent = 0
  sentBytes = 0

  receive(bytes: number): void {
    this.received++
    this.receivedBytes += bytes
  }

  send(bytes: number): void {
    this.sent++
    this.sentBytes += bytes
  }

  ended(code: Code): void {
    this.#handled[code] = (this.#handled[code] ?? 0) + 1
  }

  get endedCount(): number {
    return this.#handled.reduce((sum, count) => sum + count, 0)
  }

  handled(labels: MetricSample['labels']): readonly MetricSample[] {
    return this.#handled.flatMap((value, code) =>
      value === 0 ? [] : [{ labels: { ...labels, grpc_code: codeNames[code] ?? '' }, value }],
    )
  }
}

/** A version is two or three numbers: what else a client says is not shown to others. */
const versionPattern = /^\d{1,3}(?:\.\d{1,4}){1,2}$/
/** etcd keeps whatever clients say. */
const VERSIONS_MAX = 100

function clientRequests(version: string, unary: number, stream: number): readonly MetricSample[] {
  return [
    { labels: { client_api_version: version, type: 'unary' }, value: unary },
    { labels: { client_api_version: version, type: 'stream' }, value: stream },
  ].filter(({ value }) => value > 0)
}

/** What only the client port knows; the shard counts the rest (shard/metric-values.ts). */
export class PortMetrics {
  /** The messages and bytes are counted where they are answered. */
  readonly keepAlive = new PortMethod()
  readonly health = {
    Check: new PortMethod(),
    List: new PortMethod(),
    Watch: new PortMethod(),
  }
  readonly #versions = new Map<string, VersionCounts>()
  #lastSaid: string | undefined
  #last: VersionCounts | undefined

  /** For the caller to count in. `said` is the call's metadata `client-api-version`. */
  version(said: string | undefined): VersionCounts {
    if (this.#last === undefined || said !== this.#lastSaid) {
      this.#lastSaid = said
      this.#last = this.#countsOf(said)
    }
    return this.#last
  }

  #countsOf(said: string | undefined): VersionCounts {
    const isKnown = said !== undefined && versionPattern.test(said)
    const isNew = isKnown && !this.#versions.has(said)
    const name = !isKnown || (isNew && this.#versions.size >= VERSIONS_MAX) ? 'unknown' : said
    let counts = this.#versions.get(name)
    if (counts === undefined) {
      counts = { unary: 0, stream: 0 }
      this.#versions.set(name, counts)
    }
    return counts
  }

  values(): MetricValues {
    const health = healthLabels.map((labels) => ({
      labels,
      method: this.health[labels.grpc_method],
    }))
    const keepAlive = {
      labels: rpcLabels('/etcdserverpb.Lease/LeaseKeepAlive'),
      method: this.keepAlive,
    }
    const all = [keepAlive, ...health]
    const total = (value: (method: PortMethod) => number): readonly MetricSample[] => [
      { labels: {}, value: health.reduce((sum, { method }) => sum + value(method), 0) },
    ]
    return {
      grpc_server_started_total: all.map(({ labels, method }) => ({
        labels,
        value: method.started,
      })),
      grpc_server_handled_total: all.flatMap(({ labels, method }) => method.handled(labels)),
      grpc_server_msg_received_total: [
        ...health.map(({ labels, method }) => ({ labels, value: method.received })),
        // The end of a client's messages counts as one.
        { labels: keepAlive.labels, value: this.keepAlive.endedCount },
      ],
      grpc_server_msg_sent_total: health.map(({ labels, method }) => ({
        labels,
        // A refusal counts as an answer.
        value: labels.grpc_type === 'unary' ? method.endedCount : method.sent,
      })),
      etcd_network_client_grpc_received_bytes_total: total(({ receivedBytes }) => receivedBytes),
      etcd_network_client_grpc_sent_bytes_total: total(({ sentBytes }) => sentBytes),
      etcd_server_client_requests_total: [...this.#versions].flatMap(
        ([version, { unary, stream }]) => clientRequests(version, unary, stream),
      ),
    }
  }
}
