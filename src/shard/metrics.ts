import type { Authority } from '../door/door.ts'
import type { LeaseEvents } from '../lease/lessor.ts'
import type { LeaseId } from '../mvcc/types.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { HealthChecks } from './health-checks.ts'
import { Histogram } from './histogram.ts'
import { Durations, MethodMetrics } from './method-metrics.ts'
import { WatchMetrics } from './watch-metrics.ts'

/** What etcd warns of (--warning-apply-duration), and counts as slow. */
const SLOW_APPLY_MS = 100

const RANGE = '/etcdserverpb.KV/Range'
const KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive'

/**
 * What this object has seen since it came into memory: etcd's metrics also start from zero with each
 * process. What is counted here is told under etcd's names by `metric-values.ts`.
 */
export class Metrics implements LeaseEvents {
  /** Milliseconds since 1970. */
  readonly start: number
  readonly #detail: 'basic' | 'extensive'
  readonly #methods = new Map<MethodName, MethodMetrics>()
  readonly #serverMethods = new Map<MethodName, MethodMetrics>()
  readonly watch = new WatchMetrics()
  /** From the end of a turn until its writes are durable. */
  readonly commitSeconds = new Histogram('etcd_disk_wal_fsync_duration_seconds')
  /** How long the last commit took of which that was measured. */
  #commitMs = 0
  readonly rangeSeconds = new Durations('etcd_server_range_duration_seconds')
  readonly readOnlyTxns = new Durations('etcd_server_request_duration_seconds')
  slowApplies = 0
  readonly leaseTtls = new Histogram('etcd_debugging_lease_ttl_total')
  leasesRenewed = 0
  leasesRevoked = 0
  leasesExpired = 0
  readonly compactionPauses = new Histogram(
    'etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds',
  )
  readonly compactions = new Histogram(
    'etcd_debugging_mvcc_db_compaction_total_duration_milliseconds',
  )
  readonly indexCompactionPauses = new Histogram(
    'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
  )
  /** Milliseconds since 1970; 0 for none. */
  lastCompaction = 0
  /** By clients whose version is not known here: all but those of the server's own link, whose port knows. */
  readonly strangers = { unary: 0, stream: 0 }
  readonly linkKeepAlives: MethodMetrics
  readonly checks = new HealthChecks()
  scrapes = 0

  constructor(start: number, detail: 'basic' | 'extensive') {
    this.start = start
    this.#detail = detail
    this.linkKeepAlives = new MethodMetrics(KEEP_ALIVE, detail)
  }

  /** Of a call; `session` is what its socket may. */
  ofCall(
    method: MethodName,
    { asServer }: Pick<CallContext, 'asServer'>,
    session: Authority | undefined,
  ): MethodMetrics {
    if (asServer === true) {
      return this.#ofServer(method)
    }
    const isOwnLink = session === 'link'
    if (isOwnLink && method === KEEP_ALIVE) {
      // Each is a message of a stream that the port sees begin and end.
      return this.linkKeepAlives
    }
    const metrics = this.of(method)
    if (!isOwnLink) {
      this.strangers[metrics.streaming === 'unary' ? 'unary' : 'stream']++
    }
    return metrics
  }

  /** What the server asks itself is no call; its ranges are measured as requests all the same. */
  #ofServer(method: MethodName): MethodMetrics {
    let metrics = this.#serverMethods.get(method)
    if (metrics === undefined) {
      metrics = new MethodMetrics(
        method,
        'basic',
        method === RANGE ? this.of(method).requests : undefined,
      )
      this.#serverMethods.set(method, metrics)
    }
    return metrics
  }

  of(method: MethodName): MethodMetrics {
    let metrics = this.#methods.get(method)
    if (metrics === undefined) {
      metrics = new MethodMetrics(method, this.#detail)
      this.#methods.set(method, metrics)
    }
    return metrics
  }

  /** The methods that were called. */
  get methods(): Iterable<MethodMetrics> {
    return this.#methods.values()
  }

  committed(ms: number): void {
    this.#commitMs = ms
    this.commitSeconds.observe(ms / 1000)
  }

  /** What a write waits for after its turn; measured now and then, since each time costs as much as a read. */
  get commitMs(): number {
    return this.#commitMs
  }

  /** A request has been carried out, or not, in so many milliseconds of this thread. */
  applied(ms: number): void {
    if (ms > SLOW_APPLY_MS) {
      this.slowApplies++
    }
  }

  /** etcd proposes the revocation of such a lease as a request. */
  expired(ms: number): void {
    this.leasesExpired++
    const { requests, applies } = this.of('/etcdserverpb.Lease/LeaseRevoke')
    applies?.observe(ms, true)
    requests?.observe(ms + this.#commitMs, true)
    this.applied(ms)
  }

  granted(_id: LeaseId, ttl: number): void {
    this.leaseTtls.observe(ttl)
  }

  renewed(): void {
    this.leasesRenewed++
  }

  revoked(): void {
    this.leasesRevoked++
  }
}
