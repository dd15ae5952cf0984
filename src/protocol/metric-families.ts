import { rpcMethods } from './generated/services.ts'
import { type MethodName, streaming } from './methods.ts'
import { codeNames } from './status.ts'

/**
 * The one table of the metrics: etcd's names, types, help texts and buckets, and who tells a family's
 * values. A family that nobody tells does not compile.
 *
 * - `shard`: what a keyspace counts itself (shard/metric-values.ts). The client port adds what only it
 *   sees (grpc/port-metrics.ts).
 * - `host`: what the kernel tells of the server's processes (cli/process-metrics.ts); not on Cloudflare.
 * - `none`: what has no meaning here says what a healthy etcd of one member says: 0, or no observation.
 *
 * etcd shows metrics of peers, `go_*` and those of failed streams once it has something to tell, and so
 * they are not here.
 */
export interface MetricFamily {
  readonly from: 'shard' | 'host' | 'none'
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** The upper ends of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[]
  /** What is told of labels that nobody tells a value of. */
  readonly presets: readonly MetricSample[]
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number | HistogramValue
}

export interface HistogramValue {
  /** For each of the family's buckets, what is in it and not in the one before. */
  readonly counts: readonly number[]
  readonly count: number
  readonly sum: number
}

/** Prometheus' ExponentialBuckets, with a factor of 2. */
function exponential(start: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, power) => start * 2 ** power)
}

/** Of nearly all of etcd's durations: 1 ms to 8 s. */
const DISK_BUCKETS = exponential(0.001, 14)
/** Those of Prometheus' client libraries. */
const PROMETHEUS_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

const nothing: readonly MetricSample[] = [{ labels: {}, value: 0 }]

interface Kinds<From> {
  counter(help: string, presets?: readonly MetricSample[]): MetricFamily & { readonly from: From }
  gauge(help: string, presets?: readonly MetricSample[]): MetricFamily & { readonly from: From }
  histogram(help: string, buckets: readonly number[]): MetricFamily & { readonly from: From }
}

function told<From extends MetricFamily['from']>(from: From): Kinds<From> {
  const empty = from === 'none' ? nothing : []
  return {
    counter: (help, presets = empty) => ({ from, type: 'counter', help, presets }),
    gauge: (help, presets = empty) => ({ from, type: 'gauge', help, presets }),
    histogram: (help, buckets) => {
      const value = { counts: buckets.map(() => 0), count: 0, sum: 0 }
      const presets = from === 'none' ? [{ labels: {}, value }] : []
      return { from, type: 'histogram', help, buckets, presets }
    },
  }
}

const shard = told('shard')
const host = told('host')
const none = told('none')

/** The labels of a method in the families of gRPC. */
export function rpcLabels(method: MethodName): MetricSample['labels'] {
  const { service, method: name } = rpcMethods[method]
  return { grpc_method: name, grpc_service: service, grpc_type: streaming(method) }
}

/** Of the methods that the client port answers by itself. */
export const healthLabels = (
  [
    ['Check', 'unary'],
    ['List', 'unary'],
    ['Watch', 'server_stream'],
  ] as const
).map(([name, type]) => ({
  grpc_method: name,
  grpc_service: 'grpc.health.v1.Health',
  grpc_type: type,
}))

/** etcd adds its locks and elections once it has told Prometheus of its services. */
const presetLabels = [
  ...(Object.keys(rpcMethods) as MethodName[])
    .filter((method) => method.startsWith('/etcdserverpb.'))
    .map(rpcLabels),
  ...healthLabels,
]
const eachMethod = presetLabels.map((labels) => ({ labels, value: 0 }))
const eachCode = presetLabels.flatMap((labels) =>
  codeNames.map((code) => ({ labels: { ...labels, grpc_code: code }, value: 0 })),
)

/** etcd's features, as they are unless its operator asks for others: ours has none to turn on or off. */
const features = [
  ['AllAlpha', 'ALPHA', 0],
  ['AllBeta', 'BETA', 0],
  ['CompactHashCheck', 'ALPHA', 0],
  ['FastLeaseKeepAlive', 'BETA', 1],
  ['InitialCorruptCheck', 'ALPHA', 0],
  ['LeaseCheckpoint', 'ALPHA', 0],
  ['LeaseCheckpointPersist', 'ALPHA', 0],
  ['PriorityRequest', 'ALPHA', 0],
  ['SetMemberLocalAddr', 'ALPHA', 0],
  ['StopGRPCServiceOnDefrag', 'ALPHA', 0],
  ['TxnModeWriteWithSharedBuffer', 'BETA', 1],
] as const
const eachFeature = features.map(([name, stage, value]) => ({ labels: { name, stage }, value }))

const table = {
  etcd_cluster_version: shard.gauge(
    "Which version is running. 1 for 'cluster_version' label with current cluster version",
  ),
  etcd_debugging_auth_revision: shard.gauge('The current revision of auth store.'),
  etcd_debugging_disk_backend_commit_rebalance_duration_seconds: none.histogram(
    'The latency distributions of commit.rebalance called by bboltdb backend.',
    DISK_BUCKETS,
  ),
  etcd_debugging_disk_backend_commit_spill_duration_seconds: none.histogram(
    'The latency distributions of commit.spill called by bboltdb backend.',
    DISK_BUCKETS,
  ),
  etcd_debugging_disk_backend_commit_write_duration_seconds: shard.histogram(
    'The latency distributions of commit.write called by bboltdb backend.',
    DISK_BUCKETS,
  ),
  etcd_debugging_lease_granted_total: shard.counter('The total number of granted leases.'),
  etcd_debugging_lease_renewed_total: shard.counter(
    'The number of renewed leases seen by the leader.',
  ),
  etcd_debugging_lease_revoked_total: shard.counter('The total number of revoked leases.'),
  etcd_debugging_lease_ttl_total: shard.histogram(
    'Bucketed histogram of lease TTLs.',
    exponential(1, 24),
  ),
  etcd_debugging_mvcc_compact_revision: shard.gauge(
    'The revision of the last compaction in store.',
  ),
  etcd_debugging_mvcc_current_revision: shard.gauge('The current revision of store.'),
  etcd_debugging_mvcc_db_compaction_keys_total: shard.counter('Total number of db keys compacted.'),
  etcd_debugging_mvcc_db_compaction_last: shard.gauge(
    'The unix time of the last db compaction. Resets to 0 on start.',
  ),
  etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds: shard.histogram(
    'Bucketed histogram of db compaction pause duration.',
    exponential(1, 13),
  ),
  etcd_debugging_mvcc_db_compaction_total_duration_milliseconds: shard.histogram(
    'Bucketed histogram of db compaction total duration.',
    exponential(100, 14),
  ),
  etcd_debugging_mvcc_events_total: shard.counter('Total number of events sent by this member.'),
  etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds: shard.histogram(
    'Bucketed histogram of index compaction pause duration.',
    exponential(0.5, 14),
  ),
  etcd_debugging_mvcc_keys_total: shard.gauge('Total number of keys.'),
  etcd_debugging_mvcc_pending_events_total: none.gauge(
    'Total number of pending events to be sent.',
  ),
  etcd_debugging_mvcc_slow_watcher_total: shard.gauge('Total number of unsynced slow watchers.'),
  etcd_debugging_mvcc_total_put_size_in_bytes: shard.gauge(
    'The total size of put kv pairs seen by this member.',
  ),
  etcd_debugging_mvcc_watch_stream_total: shard.gauge('Total number of watch streams.'),
  etcd_debugging_mvcc_watcher_total: shard.gauge('Total number of watchers.'),
  etcd_debugging_server_alarms: shard.gauge(
    "Alarms for every member in cluster. 1 for 'server_id' label with current ID. 2 for 'alarm_type' label with type of this alarm",
  ),
  etcd_debugging_server_lease_expired_total: shard.counter('The total number of expired leases.'),
  etcd_debugging_server_watch_send_loop_control_stream_duration_seconds: shard.histogram(
    'The total duration in seconds of running through the send loop control stream response.',
    DISK_BUCKETS,
  ),
  etcd_debugging_server_watch_send_loop_progress_duration_seconds: shard.histogram(
    'The total duration in seconds of running through the progress loop control stream response.',
    DISK_BUCKETS,
  ),
  etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds: shard.histogram(
    'The average duration in seconds of running through the send loop watch stream response, per event.',
    DISK_BUCKETS,
  ),
  etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds: shard.histogram(
    'The total duration in seconds of running through the send loop watch stream response all events.',
    DISK_BUCKETS,
  ),
  etcd_debugging_snap_save_marshalling_duration_seconds: none.histogram(
    'The marshalling cost distributions of save called by snapshot.',
    DISK_BUCKETS,
  ),
  etcd_debugging_snap_save_total_duration_seconds: none.histogram(
    'The total latency distributions of save called by snapshot.',
    DISK_BUCKETS,
  ),
  etcd_debugging_store_expires_total: none.counter('Total number of expired keys.'),
  etcd_debugging_store_watch_requests_total: none.counter(
    'Total number of incoming watch requests (new or reestablished).',
  ),
  etcd_debugging_store_watchers: none.gauge('Count of currently active watchers.'),
  etcd_disk_backend_commit_duration_seconds: shard.histogram(
    'The latency distributions of commit called by backend.',
    DISK_BUCKETS,
  ),
  etcd_disk_backend_defrag_duration_seconds: shard.histogram(
    'The latency distribution of backend defragmentation.',
    exponential(0.1, 13),
  ),
  etcd_disk_backend_snapshot_duration_seconds: shard.histogram(
    'The latency distribution of backend snapshots.',
    exponential(0.01, 17),
  ),
  etcd_disk_defrag_inflight: shard.gauge(
    'Whether or not defrag is active on the member. 1 means active, 0 means not.',
  ),
  etcd_disk_wal_fsync_duration_seconds: shard.histogram(
    'The latency distributions of fsync called by WAL.',
    DISK_BUCKETS,
  ),
  etcd_disk_wal_write_bytes_total: none.gauge('Total number of bytes written in WAL.'),
  etcd_disk_wal_write_duration_seconds: none.histogram(
    'The latency distributions of write called by WAL.',
    DISK_BUCKETS,
  ),
  etcd_grpc_proxy_cache_hits_total: none.gauge('Total number of cache hits'),
  etcd_grpc_proxy_cache_keys_total: none.gauge('Total number of keys/ranges cached'),
  etcd_grpc_proxy_cache_misses_total: none.gauge('Total number of cache misses'),
  etcd_grpc_proxy_events_coalescing_total: none.counter('Total number of events coalescing'),
  etcd_grpc_proxy_watchers_coalescing_total: none.gauge(
    'Total number of current watchers coalescing',
  ),
  etcd_mvcc_db_open_read_transactions: shard.gauge(
    'The number of currently open read transactions',
  ),
  etcd_mvcc_db_total_size_in_bytes: shard.gauge(
    'Total size of the underlying database physically allocated in bytes.',
  ),
  etcd_mvcc_db_total_size_in_use_in_bytes: shard.gauge(
    'Total size of the underlying database logically in use in bytes.',
  ),
  etcd_mvcc_delete_total: shard.counter('Total number of deletes seen by this member.'),
  etcd_mvcc_hash_duration_seconds: shard.histogram(
    'The latency distribution of storage hash operation.',
    exponential(0.01, 15),
  ),
  etcd_mvcc_hash_rev_duration_seconds: shard.histogram(
    'The latency distribution of storage hash by revision operation.',
    exponential(0.01, 15),
  ),
  etcd_mvcc_put_total: shard.counter('Total number of puts seen by this member.'),
  etcd_mvcc_range_total: shard.counter('Total number of ranges seen by this member.'),
  etcd_mvcc_txn_total: shard.counter('Total number of txns seen by this member.'),
  etcd_network_client_grpc_received_bytes_total: shard.counter(
    'The total number of bytes received from grpc clients.',
  ),
  etcd_network_client_grpc_sent_bytes_total: shard.counter(
    'The total number of bytes sent to grpc clients.',
  ),
  etcd_network_known_peers: shard.gauge('The current number of known peers.'),
  etcd_server_apply_duration_seconds: shard.histogram(
    'The latency distributions of v2 apply called by backend.',
    exponential(0.0001, 20),
  ),
  etcd_server_client_requests_total: shard.counter(
    'The total number of client requests per client version.',
  ),
  etcd_server_feature_enabled: none.gauge(
    'Whether or not a feature is enabled. 1 is enabled, 0 is not.',
    eachFeature,
  ),
  etcd_server_go_version: shard.gauge(
    "Which Go version server is running with. 1 for 'server_go_version' label with current version.",
  ),
  etcd_server_has_leader: shard.gauge('Whether or not a leader exists. 1 is existence, 0 is not.'),
  etcd_server_health_failures: shard.counter('The total number of failed health checks'),
  etcd_server_health_success: shard.counter('The total number of successful health checks'),
  etcd_server_healthcheck: shard.gauge('The result of each kind of healthcheck.'),
  etcd_server_healthchecks_total: shard.counter('The total number of each kind of healthcheck.'),
  etcd_server_heartbeat_send_failures_total: none.counter(
    'The total number of leader heartbeat send failures (likely overloaded from slow disk).',
  ),
  etcd_server_id: shard.gauge(
    "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
  ),
  etcd_server_is_leader: shard.gauge(
    'Whether or not this member is a leader. 1 if is, 0 otherwise.',
  ),
  etcd_server_is_learner: shard.gauge(
    'Whether or not this member is a learner. 1 if is, 0 otherwise.',
  ),
  etcd_server_leader_changes_seen_total: shard.counter('The number of leader changes seen.'),
  etcd_server_learner_promote_successes: none.counter(
    'The total number of successful learner promotions while this member is leader.',
  ),
  etcd_server_proposals_applied_total: shard.gauge(
    'The total number of consensus proposals applied.',
  ),
  etcd_server_proposals_committed_total: shard.gauge(
    'The total number of consensus proposals committed.',
  ),
  etcd_server_proposals_failed_total: none.counter('The total number of failed proposals seen.'),
  etcd_server_proposals_pending: shard.gauge('The current number of pending proposals to commit.'),
  etcd_server_quota_backend_bytes: shard.gauge('Current backend storage quota size in bytes.'),
  etcd_server_range_duration_seconds: shard.histogram(
    'The latency distributions of txn.Range',
    exponential(0.0001, 20),
  ),
  etcd_server_read_indexes_failed_total: none.counter(
    'The total number of failed read indexes seen.',
  ),
  etcd_server_request_duration_seconds: shard.histogram(
    'Response latency distribution in seconds for each type.',
    DISK_BUCKETS,
  ),
  etcd_server_slow_apply_total: shard.counter(
    'The total number of slow apply requests (likely overloaded from slow disk).',
  ),
  etcd_server_slow_read_indexes_total: none.counter(
    "The total number of pending read indexes not in sync with leader's or timed out read index requests.",
  ),
  etcd_server_snapshot_apply_in_progress_total: none.gauge(
    '1 if the server is applying the incoming snapshot. 0 if none.',
  ),
  etcd_server_version: shard.gauge(
    "Which version is running. 1 for 'server_version' label with current version.",
  ),
  etcd_snap_db_fsync_duration_seconds: none.histogram(
    'The latency distributions of fsyncing .snap.db file',
    DISK_BUCKETS,
  ),
  etcd_snap_db_save_total_duration_seconds: none.histogram(
    'The total latency distributions of v3 snapshot save',
    exponential(0.1, 10),
  ),
  etcd_snap_fsync_duration_seconds: none.histogram(
    'The latency distributions of fsync called by snap.',
    DISK_BUCKETS,
  ),
  etcdurable_replica_lag_revisions: shard.gauge(
    'How many revisions the leader is known to have that this replica has not.',
  ),
  etcdurable_replica_lag_seconds: shard.gauge(
    'How old what the leader told last was when this replica had it, or since when the leader is not to be reached.',
  ),
  etcdurable_snapshot_deposed: shard.gauge(
    'Whether another copy of the keyspace sends its snapshots, so that this one does not.',
  ),
  etcdurable_snapshot_epoch: shard.gauge('The epoch under which snapshots are sent.'),
  etcdurable_snapshot_failures_total: shard.counter(
    'The total number of times that sending to the object store has failed.',
  ),
  etcdurable_snapshot_fulls_total: shard.counter('The total number of full snapshots sent.'),
  etcdurable_snapshot_lag_revisions: shard.gauge(
    'How many revisions the object store does not have yet.',
  ),
  etcdurable_snapshot_lag_seconds: shard.gauge(
    'How long ago the first change was made that the object store does not have yet.',
  ),
  etcdurable_snapshot_last_full_timestamp_seconds: shard.gauge(
    'When the keyspace was as the last full snapshot has it, since unix epoch in seconds.',
  ),
  etcdurable_snapshot_last_segment_timestamp_seconds: shard.gauge(
    'When the last segment of the log was sent, since unix epoch in seconds.',
  ),
  etcdurable_snapshot_segments_total: shard.counter(
    'The total number of segments of the log sent.',
  ),
  grpc_server_handled_total: shard.counter(
    'Total number of RPCs completed on the server, regardless of success or failure.',
    eachCode,
  ),
  grpc_server_handling_seconds: shard.histogram(
    'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.',
    PROMETHEUS_BUCKETS,
  ),
  grpc_server_msg_received_total: shard.counter(
    'Total number of RPC stream messages received on the server.',
    eachMethod,
  ),
  grpc_server_msg_sent_total: shard.counter(
    'Total number of gRPC stream messages sent by the server.',
    eachMethod,
  ),
  grpc_server_started_total: shard.counter(
    'Total number of RPCs started on the server.',
    eachMethod,
  ),
  os_fd_limit: host.gauge('The file descriptor limit.'),
  os_fd_used: host.gauge('The number of used file descriptors.'),
  process_cpu_seconds_total: host.counter('Total user and system CPU time spent in seconds.'),
  process_max_fds: host.gauge('Maximum number of open file descriptors.'),
  process_network_receive_bytes_total: host.counter(
    'Number of bytes received by the process over the network.',
  ),
  process_network_transmit_bytes_total: host.counter(
    'Number of bytes sent by the process over the network.',
  ),
  process_open_fds: host.gauge('Number of open file descriptors.'),
  process_resident_memory_bytes: host.gauge('Resident memory size in bytes.'),
  process_start_time_seconds: shard.gauge('Start time of the process since unix epoch in seconds.'),
  process_virtual_memory_bytes: host.gauge('Virtual memory size in bytes.'),
  process_virtual_memory_max_bytes: host.gauge(
    'Maximum amount of virtual memory available in bytes.',
  ),
  promhttp_metric_handler_requests_in_flight: shard.gauge(
    'Current number of scrapes being served.',
  ),
  promhttp_metric_handler_requests_total: shard.counter(
    'Total number of scrapes by HTTP status code.',
  ),
}

export type FamilyName = keyof typeof table

/** The families that somebody tells. */
export type FamiliesFrom<From extends MetricFamily['from']> = {
  readonly [name in FamilyName]: (typeof table)[name]['from'] extends From ? name : never
}[FamilyName]

export const families: { readonly [name in FamilyName]: MetricFamily } = table

/** What is told of metrics, by the names of their families. */
export type MetricValues = { readonly [name in FamilyName]?: readonly MetricSample[] }

/** What the embedded start tells of itself. */
export interface HostMetrics {
  readonly processes: MetricValues
  /** Of the client port, which serves the keyspace `default`. */
  readonly port: MetricValues
}
