import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { GrpcClient } from './grpc-client.ts'
import { base64, send } from './http.ts'
import { readMetrics, sampleSettles } from './metrics.ts'
import { HttpStream } from './streams.ts'
import { Target } from './target.ts'
import { Keyspace, WatchSession } from './watch-session.ts'

let target: Target
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

function rpc(total: string, method: string, labels = ''): string {
  const [service, type] = method.startsWith('Watch')
    ? ['Watch', 'bidi_stream']
    : method === 'LeaseKeepAlive'
      ? ['Lease', 'bidi_stream']
      : [method.startsWith('Lease') ? 'Lease' : 'KV', 'unary']
  const name = `grpc_method="${method}",grpc_service="etcdserverpb.${service}",grpc_type="${type}"`
  return `grpc_server_${total}_total{${labels}${name}}`
}

const handled = (method: string, code: string): string =>
  rpc('handled', method, `grpc_code="${code}",`)

it('[END1] /metrics is Prometheus text with a help and a type for every name', async () => {
  const answer = await send(target.url, { method: 'GET', path: '/metrics' })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4; charset=utf-8/)
  const lines = answer.body.trimEnd().split('\n')
  const types = new Set(
    lines.map((line) => /^# TYPE (\S+) (?:counter|gauge|histogram|summary)$/.exec(line)?.[1]),
  )
  const helps = new Set(lines.map((line) => /^# HELP (\S+) \S/.exec(line)?.[1]))
  for (const name of (await readMetrics(target.url)).keys()) {
    const family = name.replace(/\{.*/, '')
    const histogram = family.replace(/_(?:bucket|sum|count)$/, '')
    expect(types.has(family) || types.has(histogram), `type of ${name}`).toBe(true)
    expect(helps.has(family) || helps.has(histogram), `help of ${name}`).toBe(true)
  }
})

it.each([
  'etcd_disk_backend_commit_duration_seconds_bucket{le="+Inf"}',
  'etcd_disk_backend_commit_duration_seconds_count',
  'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"}',
  'etcd_disk_wal_fsync_duration_seconds_count',
  'etcd_mvcc_db_total_size_in_bytes',
  'etcd_mvcc_db_total_size_in_use_in_bytes',
  'etcd_server_proposals_applied_total',
  'etcd_server_proposals_committed_total',
  'etcd_server_quota_backend_bytes',
  'process_start_time_seconds',
])('[END2] dashboards find %s, and it is not zero', async (name) => {
  await keyspace.put('a', '1')
  expect((await readMetrics(target.url)).get(name)).toBeGreaterThan(0)
})

it.each([
  ['etcd_server_has_leader', 1],
  ['etcd_server_is_leader', 1],
  ['etcd_server_is_learner', 0],
  ['etcd_server_proposals_failed_total', 0],
  ['etcd_server_proposals_pending', 0],
  ['etcd_server_version{server_version="3.7.1"}', 1],
  ['etcd_cluster_version{cluster_version="3.7"}', 1],
  ['etcd_debugging_mvcc_watch_stream_total', 0],
  ['etcd_debugging_mvcc_watcher_total', 0],
  ['etcd_debugging_mvcc_slow_watcher_total', 0],
])('[END2] dashboards find %s at %d', async (name, value) => {
  expect((await readMetrics(target.url)).get(name)).toBe(value)
})

it('[END2] a leader has been seen to change at most once', async () => {
  const changes = (await readMetrics(target.url)).get('etcd_server_leader_changes_seen_total')
  expect(changes).toBeLessThanOrEqual(1)
})

it('[END3] operations count as etcd counts them', async () => {
  const before = await readMetrics(target.url)
  const first = await keyspace.put('m/a', '1')
  await keyspace.put('m/b', '1')
  await send(target.url, { path: '/v3/kv/put', body: '{}' })
  const put = { request_put: { key: base64('m/c') } }
  await keyspace.txn([put, { request_range: { key: base64('m/c') } }])
  await keyspace.txn([{ request_range: { key: base64('m/c') } }])
  await keyspace.delete('m/a', 'm/c')
  await keyspace.delete('m/missing')
  const { ID: lease } = await keyspace.call('/v3/lease/grant', { TTL: 1000 })
  await keyspace.put('m/d', '', { lease })
  await keyspace.call('/v3/lease/keepalive', { ID: lease })
  const last = await keyspace.revision()
  await keyspace.call('/v3/lease/revoke', { ID: lease })
  await keyspace.compact(first)
  const after = await readMetrics(target.url)
  const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  expect({
    puts: grown('etcd_mvcc_put_total'),
    deletes: grown('etcd_mvcc_delete_total'),
    keys: grown('etcd_debugging_mvcc_keys_total'),
    granted: grown('etcd_debugging_lease_granted_total'),
    renewed: grown('etcd_debugging_lease_renewed_total'),
    revoked: grown('etcd_debugging_lease_revoked_total'),
    current: after.get('etcd_debugging_mvcc_current_revision'),
    compacted: after.get('etcd_debugging_mvcc_compact_revision'),
    startedPuts: grown(rpc('started', 'Put')),
    handledPuts: grown(handled('Put', 'OK')),
    refusedPuts: grown(handled('Put', 'InvalidArgument')),
    txns: grown(handled('Txn', 'OK')),
    deleteRanges: grown(handled('DeleteRange', 'OK')),
    compactions: grown(handled('Compact', 'OK')),
    grants: grown(handled('LeaseGrant', 'OK')),
    keepAlives: grown(handled('LeaseKeepAlive', 'OK')),
  }).toEqual({
    puts: 4,
    deletes: 3,
    keys: 1,
    granted: 1,
    renewed: 1,
    revoked: 1,
    current: last + 1,
    compacted: first,
    startedPuts: 4,
    handledPuts: 3,
    refusedPuts: 1,
    txns: 2,
    deleteRanges: 2,
    compactions: 1,
    grants: 1,
    keepAlives: 1,
  })
  expect(grown('etcd_mvcc_range_total')).toBeGreaterThan(0)
  expect(grown('etcd_mvcc_txn_total')).toBeGreaterThan(0)
})

it('[END4] started minus handled is the number of observers', async () => {
  const observe =
    'grpc_method="Observe",grpc_service="v3electionpb.Election",grpc_type="server_stream"'
  const canceled = `grpc_server_handled_total{grpc_code="Canceled",${observe}}`
  const lease = await keyspace.call('/v3/lease/grant', { TTL: 1000 })
  const election = { name: base64('m/election'), lease: lease['ID'] }
  await keyspace.call('/v3/election/campaign', election)
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  const name = Buffer.from('m/election')
  const observer = client.serverStream('/v3electionpb.Election/Observe', { name })
  expect(await observer.next()).toHaveProperty('kv')
  const open = await readMetrics(target.url)
  expect(open.get(`grpc_server_started_total{${observe}}`)).toBe(1)
  expect(open.get(canceled) ?? 0).toBe(0)
  observer.cancel()
  expect(await sampleSettles(target.url, canceled, 1)).toBe(1)
})

it('[END4] started minus handled is the number of open watch streams', async () => {
  const started = (await readMetrics(target.url)).get(rpc('started', 'Watch')) ?? 0
  const stream = new HttpStream(target.url, '/v3/watch')
  onTestFinished(() => stream.close())
  const watch = new WatchSession(stream)
  await watch.created({ key: base64('m/a') })
  await watch.created({ key: base64('m/b') })
  const open = await readMetrics(target.url)
  expect(open.get(rpc('started', 'Watch'))).toBe(started + 1)
  expect(open.get('etcd_debugging_mvcc_watch_stream_total')).toBe(1)
  expect(open.get('etcd_debugging_mvcc_watcher_total')).toBe(2)
  stream.close()
  const canceled = handled('Watch', 'Canceled')
  expect(await sampleSettles(target.url, canceled, started + 1)).toBe(started + 1)
})
