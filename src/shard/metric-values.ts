import { type AlarmMember, AlarmType } from '../maintenance/alarm.ts'
import type { MethodName } from '../protocol/methods.ts'
import { type FamiliesFrom, type MetricSample, rpcLabels } from '../protocol/metric-families.ts'
import type { AnsweredBy, ReplicationStatus } from '../protocol/shard-rpc.ts'
import { codeNames } from '../protocol/status.ts'
import { CLUSTER_VERSION, ETCD_VERSION } from '../protocol/version.ts'
import type { BackgroundWork } from './background.ts'
import type { CommitQueue } from './commit.ts'
import type { Keyspace } from './keyspace.ts'
import { type Durations, type MethodMetrics, requestType } from './method-metrics.ts'
import type { Metrics } from './metrics.ts'

interface Told {
  readonly metrics: Metrics
  readonly keyspace: Keyspace
  readonly commits: CommitQueue
  readonly background: BackgroundWork
  readonly replication: ReplicationStatus
  /** Undefined of a leader. */
  readonly replica: AnsweredBy | undefined
}

type Samples = readonly MetricSample[]
type ShardFamily = FamiliesFrom<'shard'>
/** Every family whose name begins so, but for those that begin with `Not`. */
type Values<Prefix extends string, Not extends string = never> = {
  readonly [name in Exclude<Extract<ShardFamily, `${Prefix}${string}`>, `${Not}${string}`>]: Samples
}

/** What a shard tells of itself: every family of the table that comes from it. */
export function metricValues(told: Told): { readonly [name in ShardFamily]: Samples } {
  return {
    ...rpcValues(told),
    ...serverValues(told),
    ...healthValues(told),
    ...requestValues(told),
    ...diskValues(told),
    ...storeValues(told),
    ...debuggingValues(told),
    ...compactionValues(told),
    ...watchValues(told),
    ...snapshotValues(told),
    ...replicaValues(told),
  }
}

function one(value: MetricSample['value']): Samples {
  return [{ labels: {}, value }]
}

function labelled(labels: MetricSample['labels']): Samples {
  return [{ labels, value: 1 }]
}

type CountOf = (method: MethodMetrics) => number

function each(methods: readonly MethodMetrics[], value: CountOf): Samples {
  return methods.map((method) => ({ labels: rpcLabels(method.name), value: value(method) }))
}

function rpcValues({
  metrics,
}: Told): Values<'grpc_' | 'etcd_network_client_' | 'etcd_server_client_'> {
  const methods = [...metrics.methods]
  const { linkKeepAlives } = metrics
  // Of them the port counts the streams, with their ends.
  const sum = (value: CountOf): Samples =>
    one([...methods, linkKeepAlives].reduce((total, method) => total + value(method), 0))
  const { unary, stream } = metrics.strangers
  return {
    grpc_server_started_total: each(methods, ({ started }) => started),
    grpc_server_handled_total: methods.flatMap(({ name, handled }) =>
      handled.flatMap((value, code) =>
        value === 0
          ? []
          : [{ labels: { ...rpcLabels(name), grpc_code: codeNames[code] ?? '' }, value }],
      ),
    ),
    grpc_server_msg_received_total: [
      ...each(methods, ({ received }) => received),
      ...each([linkKeepAlives], ({ received, ends }) => received - ends),
    ],
    grpc_server_msg_sent_total: each([...methods, linkKeepAlives], ({ sent }) => sent),
    grpc_server_handling_seconds: methods.flatMap(({ name, handling }) =>
      handling === undefined ? [] : [{ labels: rpcLabels(name), value: handling.value() }],
    ),
    etcd_network_client_grpc_received_bytes_total: sum(({ receivedBytes }) => receivedBytes),
    etcd_network_client_grpc_sent_bytes_total: sum(({ sentBytes }) => sentBytes),
    etcd_server_client_requests_total: Object.entries({ unary, stream })
      .filter(([, value]) => value > 0)
      .map(([type, value]) => ({ labels: { client_api_version: 'unknown', type }, value })),
  }
}

function serverValues({
  metrics,
  keyspace: { store, identity, quota, leaderId },
  commits,
}: Told): Values<
  'etcd_server_' | 'etcd_cluster_' | 'etcd_network_known_' | 'process_' | 'promhttp_',
  | 'etcd_server_client_'
  | 'etcd_server_health'
  | 'etcd_server_request_'
  | 'etcd_server_apply_'
  | 'etcd_server_range_'
  | 'etcd_server_slow_apply_'
> {
  const id = identity.memberId.toString(16)
  const revision = one(store.revision)
  return {
    etcd_server_has_leader: one(1),
    etcd_server_is_leader: one(leaderId === undefined ? 1 : 0),
    etcd_server_is_learner: one(leaderId === undefined ? 0 : 1),
    // The shard is its own, from the beginning.
    etcd_server_leader_changes_seen_total: one(1),
    etcd_server_proposals_committed_total: revision,
    etcd_server_proposals_applied_total: revision,
    etcd_server_proposals_pending: one(commits.waiting),
    etcd_server_quota_backend_bytes: one(quota.reported),
    etcd_server_id: labelled({ server_id: id }),
    etcd_server_version: labelled({ server_version: ETCD_VERSION }),
    etcd_server_go_version: labelled({ server_go_version: navigator.userAgent }),
    etcd_cluster_version: labelled({ cluster_version: CLUSTER_VERSION.replace(/\.\d+$/, '') }),
    etcd_network_known_peers: labelled({ Local: id, Remote: id }),
    process_start_time_seconds: one(metrics.start / 1000),
    promhttp_metric_handler_requests_in_flight: one(1),
    promhttp_metric_handler_requests_total: [
      { labels: { code: '200' }, value: metrics.scrapes },
      { labels: { code: '500' }, value: 0 },
      { labels: { code: '503' }, value: 0 },
    ],
  }
}

function healthValues({ metrics: { checks } }: Told): Values<'etcd_server_health'> {
  return {
    etcd_server_health_success: one(checks.health.success),
    etcd_server_health_failures: one(checks.health.error),
    etcd_server_healthcheck: checks.results(),
    etcd_server_healthchecks_total: checks.totals(),
  }
}

function requestValues({
  metrics,
}: Told): Values<
  'etcd_server_request_' | 'etcd_server_apply_' | 'etcd_server_range_' | 'etcd_server_slow_apply_'
> {
  const methods = [...metrics.methods]
  return {
    etcd_server_request_duration_seconds: [
      ...methods.flatMap(({ name, requests }) => durations(requests, { type: requestType(name) })),
      ...durations(metrics.readOnlyTxns, { type: 'ReadonlyTxn' }),
    ],
    etcd_server_apply_duration_seconds: methods.flatMap(({ name, applies }) =>
      durations(applies, { op: applyName(name), version: 'v3' }),
    ),
    etcd_server_range_duration_seconds: durations(metrics.rangeSeconds, {}),
    etcd_server_slow_apply_total: one(metrics.slowApplies),
  }
}

/** etcd forgets to name this one (etcdserver/apply/uber_applier.go). */
function applyName(method: MethodName): string {
  return method === '/etcdserverpb.Auth/AuthStatus' ? 'unknown' : requestType(method)
}

function durations(seen: Durations | undefined, labels: MetricSample['labels']): Samples {
  const both = [
    ['true', seen?.succeeded],
    ['false', seen?.failed],
  ] as const
  return both.flatMap(([success, histogram]) =>
    histogram === undefined || histogram.count === 0
      ? []
      : [{ labels: { ...labels, success }, value: histogram.value() }],
  )
}

function diskValues({
  metrics,
}: Told): Values<'etcd_disk_' | 'etcd_debugging_disk_' | 'etcd_mvcc_hash_'> {
  const commits = one(metrics.commitSeconds.value())
  const own = (method: MethodName): Samples => {
    const { own: seconds } = metrics.of(method)
    return seconds === undefined ? [] : one(seconds.value())
  }
  return {
    // One commit is all three of them.
    etcd_disk_wal_fsync_duration_seconds: commits,
    etcd_disk_backend_commit_duration_seconds: commits,
    etcd_debugging_disk_backend_commit_write_duration_seconds: commits,
    etcd_disk_backend_defrag_duration_seconds: own('/etcdserverpb.Maintenance/Defragment'),
    etcd_disk_backend_snapshot_duration_seconds: own('/etcdserverpb.Maintenance/Snapshot'),
    etcd_disk_defrag_inflight: one(metrics.of('/etcdserverpb.Maintenance/Defragment').open),
    etcd_mvcc_hash_duration_seconds: own('/etcdserverpb.Maintenance/Hash'),
    etcd_mvcc_hash_rev_duration_seconds: own('/etcdserverpb.Maintenance/HashKV'),
  }
}

function storeValues({ keyspace, background }: Told): Values<'etcd_mvcc_', 'etcd_mvcc_hash_'> {
  const { ranges, puts, deletes, txns } = keyspace.store.operations
  const size = one(keyspace.size)
  return {
    etcd_mvcc_db_open_read_transactions: one(background.openReads),
    etcd_mvcc_db_total_size_in_bytes: size,
    etcd_mvcc_db_total_size_in_use_in_bytes: size,
    etcd_mvcc_range_total: one(ranges),
    etcd_mvcc_put_total: one(puts),
    etcd_mvcc_delete_total: one(deletes),
    etcd_mvcc_txn_total: one(txns),
  }
}

function debuggingValues({
  metrics,
  keyspace: { store, hub, auth, alarms },
}: Told): Values<
  'etcd_debugging_',
  | 'etcd_debugging_disk_'
  | 'etcd_debugging_mvcc_db_compaction_'
  | 'etcd_debugging_mvcc_index_compaction_'
  | 'etcd_debugging_server_watch_'
> {
  return {
    etcd_debugging_auth_revision: one(auth.revision),
    etcd_debugging_lease_granted_total: one(metrics.leaseTtls.count),
    etcd_debugging_lease_renewed_total: one(metrics.leasesRenewed),
    etcd_debugging_lease_revoked_total: one(metrics.leasesRevoked),
    etcd_debugging_lease_ttl_total: one(metrics.leaseTtls.value()),
    etcd_debugging_server_lease_expired_total: one(metrics.leasesExpired),
    etcd_debugging_mvcc_keys_total: one(store.keys),
    etcd_debugging_mvcc_current_revision: one(store.revision),
    etcd_debugging_mvcc_compact_revision: one(store.compactRevision),
    etcd_debugging_mvcc_total_put_size_in_bytes: one(store.operations.putBytes),
    etcd_debugging_mvcc_events_total: one(metrics.watch.events),
    etcd_debugging_mvcc_watch_stream_total: one(hub.streamCount),
    etcd_debugging_mvcc_watcher_total: one(hub.watcherCount),
    etcd_debugging_mvcc_slow_watcher_total: one(hub.unsyncedCount),
    etcd_debugging_server_alarms: [
      ...alarms.get(AlarmType.NONE).map((alarm) => alarmSample(alarm, 1)),
      ...alarms.disarmed().map((alarm) => alarmSample(alarm, 0)),
    ],
  }
}

function alarmSample({ memberID, alarm }: AlarmMember, value: number): MetricSample {
  const labels = { alarm_type: alarmName(alarm), server_id: memberID.toString(16) }
  return { labels, value }
}

function alarmName(alarm: number): string {
  const known = Object.entries(AlarmType).find(([, number]) => number === alarm)
  return known?.[0] ?? String(alarm)
}

function compactionValues({
  metrics,
  keyspace: { store },
}: Told): Values<'etcd_debugging_mvcc_db_compaction_' | 'etcd_debugging_mvcc_index_compaction_'> {
  return {
    etcd_debugging_mvcc_db_compaction_keys_total: one(store.compactedVersions),
    etcd_debugging_mvcc_db_compaction_last: one(Math.trunc(metrics.lastCompaction / 1000)),
    etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds: one(
      metrics.compactionPauses.value(),
    ),
    etcd_debugging_mvcc_db_compaction_total_duration_milliseconds: one(metrics.compactions.value()),
    etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds: one(
      metrics.indexCompactionPauses.value(),
    ),
  }
}

function watchValues({ metrics: { watch } }: Told): Values<'etcd_debugging_server_watch_'> {
  return {
    etcd_debugging_server_watch_send_loop_control_stream_duration_seconds: one(
      watch.controlSeconds.value(),
    ),
    etcd_debugging_server_watch_send_loop_progress_duration_seconds: one(
      watch.progressSeconds.value(),
    ),
    etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds: one(
      watch.eventSeconds.value(),
    ),
    etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds: one(
      watch.responseSeconds.value(),
    ),
  }
}

/** A keyspace that goes to no store has nothing to tell of it. */
function replicaValues({ replica }: Told): Values<'etcdurable_replica_'> {
  const labels = { region: replica?.region ?? '' }
  const told = (value: number): Samples => (replica === undefined ? [] : [{ labels, value }])
  return {
    etcdurable_replica_lag_revisions: told(replica?.lagRevisions ?? 0),
    etcdurable_replica_lag_seconds: told((replica?.lagMs ?? 0) / 1000),
  }
}

function snapshotValues({ replication }: Told): Values<'etcdurable_snapshot_'> {
  const { state, epoch, lastSegment, lastFull } = replication
  const told = (value: number): Samples => (state === 'off' ? [] : one(value))
  return {
    etcdurable_snapshot_lag_seconds: told(replication.lagSeconds),
    etcdurable_snapshot_lag_revisions: told(replication.lagRevisions),
    etcdurable_snapshot_segments_total: told(replication.segments),
    etcdurable_snapshot_fulls_total: told(replication.fulls),
    etcdurable_snapshot_failures_total: told(replication.failures),
    etcdurable_snapshot_last_segment_timestamp_seconds: told((lastSegment ?? 0) / 1000),
    etcdurable_snapshot_last_full_timestamp_seconds: told((lastFull?.time ?? 0) / 1000),
    etcdurable_snapshot_epoch: told(epoch),
    etcdurable_snapshot_deposed: told(state === 'deposed' ? 1 : 0),
  }
}
