import { EventType, type Event } from '../mvcc/types.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { type MethodName, streaming } from '../protocol/methods.ts'
import type { MetricFamily, MetricSample } from '../protocol/shard-rpc.ts'
import { Code, codeName } from '../protocol/status.ts'
import { CLUSTER_VERSION, ETCD_VERSION } from '../protocol/version.ts'
import { DISK_BUCKETS_SECONDS, Histogram, RPC_BUCKETS_SECONDS } from './histogram.ts'
import type { Keyspace } from './keyspace.ts'

type Labels = Readonly<Record<string, string>>

/**
 * What this object has seen since it came into memory: etcd's metrics also start from zero with
 * each process. Names and labels are etcd's, so that its dashboards and alerts work unchanged.
 */
export class Metrics {
  readonly #start: number
  readonly #started = new Map<MethodName, number>()
  /** How often by code, for each method. */
  readonly #handled = new Map<MethodName, Map<number, number>>()
  readonly #events = { put: 0, delete: 0 }
  /** From the end of a turn until its writes are durable. */
  readonly commitSeconds = new Histogram(DISK_BUCKETS_SECONDS)
  /** By method; undefined unless --metrics is extensive. */
  readonly #handling: Map<MethodName, Histogram> | undefined
  expiredLeases = 0

  /** `start` is in milliseconds since 1970. */
  constructor(start: number, detail: 'basic' | 'extensive') {
    this.#start = start
    this.#handling = detail === 'extensive' ? new Map() : undefined
  }

  /** Answers what to pass to `ended`. */
  started(method: MethodName): number {
    this.#started.set(method, (this.#started.get(method) ?? 0) + 1)
    return this.#handling === undefined ? 0 : performance.now()
  }

  ended(method: MethodName, start: number, code: number): void {
    const codes = this.#handled.get(method) ?? new Map<number, number>()
    this.#handled.set(method, codes.set(code, (codes.get(code) ?? 0) + 1))
    if (this.#handling !== undefined) {
      const latencies = this.#handling.get(method) ?? new Histogram(RPC_BUCKETS_SECONDS)
      this.#handling.set(method, latencies)
      latencies.observe((performance.now() - start) / 1000)
    }
  }

  changed(events: readonly Event[] | 'many'): void {
    if (events !== 'many') {
      const puts = events.filter((event) => event.type === EventType.PUT).length
      this.#events.put += puts
      this.#events.delete += events.length - puts
    }
  }

  families(keyspace: Keyspace): readonly MetricFamily[] {
    return [
      ...this.#rpcs(),
      ...this.#server(keyspace),
      ...this.#storage(keyspace),
      ...this.#debugging(keyspace),
    ]
  }

  #rpcs(): readonly MetricFamily[] {
    const started = [...this.#started].map(([method, value]) => sample(value, rpcLabels(method)))
    const handled = [...this.#handled].flatMap(([method, codes]) =>
      [...codes].map(([code, value]) =>
        sample(value, { ...rpcLabels(method), grpc_code: codeName(code) }),
      ),
    )
    return [
      counter('grpc_server_started_total', 'Total number of RPCs started on the server.', started),
      counter(
        'grpc_server_handled_total',
        'Total number of RPCs completed on the server, regardless of success or failure.',
        handled,
      ),
      ...this.#latencies(),
    ]
  }

  #latencies(): readonly MetricFamily[] {
    if (this.#handling === undefined) {
      return []
    }
    const name = 'grpc_server_handling_seconds'
    const help = 'Histogram of response latency (seconds) of RPCs handled by the server.'
    const samples = [...this.#handling].flatMap(([method, values]) =>
      values.samples(rpcLabels(method)),
    )
    return [{ name, help, type: 'histogram', samples }]
  }

  #server({ store, identity, quota }: Keyspace): readonly MetricFamily[] {
    return [
      gauge('etcd_server_has_leader', 'Whether a leader exists: the shard is its own.', 1),
      gauge('etcd_server_is_leader', 'Whether this member is the leader.', 1),
      gauge('etcd_server_is_learner', 'Whether this member is a learner.', 0),
      counter('etcd_server_leader_changes_seen_total', 'The number of leader changes seen.', [
        sample(1),
      ]),
      gauge('etcd_server_proposals_committed_total', 'Committed proposals.', store.revision),
      gauge('etcd_server_proposals_applied_total', 'Applied proposals.', store.revision),
      gauge('etcd_server_proposals_pending', 'Proposals that wait for a commit.', 0),
      counter('etcd_server_proposals_failed_total', 'Failed proposals.', [sample(0)]),
      gauge('etcd_server_quota_backend_bytes', 'The storage quota.', quota.reported),
      labelled('etcd_server_id', 'The member in hexadecimal.', {
        server_id: identity.memberId.toString(16),
      }),
      labelled('etcd_server_version', 'The version of etcd spoken.', {
        server_version: ETCD_VERSION,
      }),
      labelled('etcd_cluster_version', 'The version of the cluster.', {
        cluster_version: CLUSTER_VERSION.replace(/\.\d+$/, ''),
      }),
      gauge(
        'process_start_time_seconds',
        'When this object came into memory, in seconds since 1970.',
        this.#start / 1000,
      ),
    ]
  }

  #storage({ sql }: Keyspace): readonly MetricFamily[] {
    const size = sql.databaseSize
    return [
      gauge('etcd_mvcc_db_total_size_in_bytes', 'The size of the database.', size),
      gauge('etcd_mvcc_db_total_size_in_use_in_bytes', 'The part of it that is in use.', size),
      histogram(
        'etcd_disk_wal_fsync_duration_seconds',
        'From the end of a turn until its writes are durable.',
        this.commitSeconds,
      ),
      histogram(
        'etcd_disk_backend_commit_duration_seconds',
        'From the end of a turn until its writes are durable.',
        this.commitSeconds,
      ),
    ]
  }

  #debugging({ store, hub }: Keyspace): readonly MetricFamily[] {
    const calls = (method: MethodName): number => this.#started.get(method) ?? 0
    const { put, delete: deleted } = this.#events
    return [
      counter('etcd_mvcc_put_total', 'Puts seen by this member.', [sample(put)]),
      counter('etcd_mvcc_delete_total', 'Deletes seen by this member.', [sample(deleted)]),
      counter('etcd_mvcc_range_total', 'Ranges seen by this member.', [
        sample(calls('/etcdserverpb.KV/Range')),
      ]),
      counter('etcd_mvcc_txn_total', 'Transactions seen by this member.', [
        sample(calls('/etcdserverpb.KV/Txn')),
      ]),
      gauge('etcd_debugging_mvcc_keys_total', 'The number of keys.', store.keys),
      gauge('etcd_debugging_mvcc_current_revision', 'The current revision.', store.revision),
      gauge('etcd_debugging_mvcc_compact_revision', 'The compacted one.', store.compactRevision),
      gauge('etcd_debugging_mvcc_watch_stream_total', 'Open watch streams.', hub.streamCount),
      gauge('etcd_debugging_mvcc_watcher_total', 'Watchers.', hub.watcherCount),
      gauge('etcd_debugging_mvcc_slow_watcher_total', 'Watchers behind.', hub.unsyncedCount),
      counter('etcd_debugging_mvcc_events_total', 'Events of this member.', [
        sample(put + deleted),
      ]),
      counter('etcd_debugging_lease_granted_total', 'Leases granted.', [
        sample(this.#succeeded('/etcdserverpb.Lease/LeaseGrant')),
      ]),
      counter('etcd_debugging_lease_revoked_total', 'Leases revoked.', [
        sample(this.#succeeded('/etcdserverpb.Lease/LeaseRevoke') + this.expiredLeases),
      ]),
      counter('etcd_debugging_lease_renewed_total', 'Leases renewed.', [
        sample(this.#succeeded('/etcdserverpb.Lease/LeaseKeepAlive')),
      ]),
      counter('etcd_debugging_server_lease_expired_total', 'Leases that expired.', [
        sample(this.expiredLeases),
      ]),
    ]
  }

  #succeeded(method: MethodName): number {
    return this.#handled.get(method)?.get(Code.OK) ?? 0
  }
}

function rpcLabels(method: MethodName): Labels {
  const { service, method: name } = rpcMethods[method]
  return { grpc_method: name, grpc_service: service, grpc_type: streaming(method) }
}

function sample(value: number, labels: Labels = {}): MetricSample {
  return { suffix: '', labels, value }
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [sample(value)] }
}

/** A gauge that is 1 and says what it has to say in its label. */
function labelled(name: string, help: string, labels: Labels): MetricFamily {
  return { name, help, type: 'gauge', samples: [sample(1, labels)] }
}

function counter(name: string, help: string, samples: readonly MetricSample[]): MetricFamily {
  return { name, help, type: 'counter', samples }
}

function histogram(name: string, help: string, values: Histogram): MetricFamily {
  return { name, help, type: 'histogram', samples: values.samples() }
}
