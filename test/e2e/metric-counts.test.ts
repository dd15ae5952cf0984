// What each request adds to the metrics: etcd 3.7.1 says the same (E2E_TARGET_ETCD).
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { GrpcClient } from './grpc-client.ts'
import { base64, type JsonObject, send } from './http.ts'
import { type Metrics, readMetrics, sampleSettles } from './metrics.ts'
import { HttpStream } from './streams.ts'
import { Target, targetIsEtcd } from './target.ts'
import { Keyspace, WatchSession } from './watch-session.ts'

let target: Target
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

async function post(path: string, body: JsonObject): Promise<number> {
  return (await send(target.url, { path, body: JSON.stringify(body) })).status
}

/** What has grown, by how much, without families of which the name has none of `parts`. */
function grown(before: Metrics, after: Metrics, parts: readonly string[]): Record<string, number> {
  const names = [...after.keys()].filter((name) => parts.some((part) => name.includes(part)))
  return Object.fromEntries(
    names
      .map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  )
}

const key = (name: string): JsonObject => ({ key: base64(name) })
const range = (name: string): JsonObject => ({ request_range: key(name) })
const put = (name: string, fields: JsonObject = {}): JsonObject => ({
  request_put: { ...key(name), value: base64('1234'), ...fields },
})
const compare = (name: string, version: number): JsonObject => ({
  ...key(name),
  target: 'VERSION',
  result: 'EQUAL',
  version: String(version),
})

type Counts = readonly [ranges: number, puts: number, deletes: number, txns: number, bytes: number]

it.each<[string, string, JsonObject, Counts]>([
  ['a range', 'range', key('a'), [1, 0, 0, 0, 0]],
  ['a range of a future revision', 'range', { ...key('a'), revision: '99999' }, [1, 0, 0, 0, 0]],
  ['a range of nothing', 'range', {}, [0, 0, 0, 0, 0]],
  ['a put', 'put', { ...key('a'), value: base64('1234') }, [0, 1, 0, 0, 5]],
  ['a put with the version before', 'put', { ...key('a'), prev_kv: true }, [1, 1, 0, 1, 1]],
  ['a put with a lease that is not', 'put', { ...key('a'), lease: '77' }, [0, 0, 0, 0, 0]],
  ['a deletion', 'deleterange', key('a'), [0, 0, 1, 0, 0]],
  ['a deletion with what was', 'deleterange', { ...key('a'), prev_kv: true }, [1, 0, 1, 1, 0]],
  ['a range deletion', 'deleterange', { ...key('a'), range_end: base64('b') }, [0, 0, 1, 0, 0]],
  ['an empty txn', 'txn', {}, [0, 0, 0, 0, 0]],
  ['a range in a txn', 'txn', { success: [range('a')] }, [1, 0, 0, 0, 0]],
  ['two ranges in a txn', 'txn', { success: [range('a'), range('b')] }, [2, 0, 0, 1, 0]],
  [
    'a compare and a range',
    'txn',
    { compare: [compare('none', 0)], success: [range('a')] },
    [2, 0, 0, 1, 0],
  ],
  [
    'a compare and a put',
    'txn',
    { compare: [compare('no', 0)], success: [put('c')] },
    [1, 1, 0, 0, 5],
  ],
  [
    'compares, of which the first fails',
    'txn',
    { compare: [compare('no', 7), compare('no', 0)], failure: [range('a')], success: [put('c')] },
    [2, 0, 0, 0, 0],
  ],
  [
    'compares that hold, and puts',
    'txn',
    { compare: [compare('no', 0), compare('no', 0)], success: [put('c'), put('d')] },
    [2, 2, 0, 2, 10],
  ],
  [
    'a put in a txn with the version before',
    'txn',
    { success: [put('c', { prev_kv: true })] },
    [2, 1, 0, 1, 5],
  ],
  [
    'a txn in a txn',
    'txn',
    { success: [{ request_txn: { compare: [compare('no', 0)], success: [put('c')] } }] },
    [1, 1, 0, 0, 5],
  ],
])('[END3] %s', async (_, method, request, [ranges, puts, deletes, txns, bytes]) => {
  const before = await readMetrics(target.url)
  await post(`/v3/kv/${method}`, request)
  const after = await readMetrics(target.url)
  const by = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  expect([
    by('etcd_mvcc_range_total'),
    by('etcd_mvcc_put_total'),
    by('etcd_mvcc_delete_total'),
    by('etcd_mvcc_txn_total'),
    by('etcd_debugging_mvcc_total_put_size_in_bytes'),
  ]).toEqual([ranges, puts, deletes, txns, bytes])
})

const labels = (method: string, service: string, type: string): string =>
  `grpc_method="${method}",grpc_service="${service}",grpc_type="${type}"`

it('[END21] calls, their messages and bytes, and how long they take', async () => {
  const before = await readMetrics(target.url)
  await post('/v3/kv/put', { ...key('m'), value: base64('12345') })
  await post('/v3/kv/put', {})
  await post('/v3/kv/put', { ...key('m'), lease: '77' })
  await post('/v3/kv/range', key('m'))
  await post('/v3/kv/range', { ...key('m'), revision: '99999' })
  await post('/v3/kv/txn', { success: [range('m')] })
  const after = await readMetrics(target.url)
  const putLabels = labels('Put', 'etcdserverpb.KV', 'unary')
  const counts = ['grpc_server_', '_duration_seconds_count{', 'received_bytes', 'client_requests']
  expect(grown(before, after, counts)).toEqual({
    [`grpc_server_started_total{${putLabels}}`]: 3,
    [`grpc_server_handled_total{grpc_code="OK",${putLabels}}`]: 1,
    [`grpc_server_handled_total{grpc_code="InvalidArgument",${putLabels}}`]: 1,
    [`grpc_server_handled_total{grpc_code="NotFound",${putLabels}}`]: 1,
    [`grpc_server_msg_received_total{${putLabels}}`]: 3,
    [`grpc_server_msg_sent_total{${putLabels}}`]: 3,
    ...ofMethod('Range', 2, { OK: 1, OutOfRange: 1 }),
    ...ofMethod('Txn', 1, { OK: 1 }),
    'etcd_server_request_duration_seconds_count{success="true",type="Put"}': 2,
    'etcd_server_request_duration_seconds_count{success="true",type="Range"}': 1,
    'etcd_server_request_duration_seconds_count{success="false",type="Range"}': 1,
    'etcd_server_request_duration_seconds_count{success="true",type="ReadonlyTxn"}': 1,
    'etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"}': 1,
    'etcd_server_apply_duration_seconds_count{op="Put",success="false",version="v3"}': 1,
    'etcd_server_range_duration_seconds_count{success="true"}': 1,
    'etcd_server_range_duration_seconds_count{success="false"}': 1,
    // Of the protobuf: 10 and 0, 5, 3 and 7, and 7.
    'etcd_network_client_grpc_received_bytes_total': 32,
    'etcd_server_client_requests_total{client_api_version="unknown",type="unary"}': 6,
  })
})

function ofMethod(
  method: string,
  calls: number,
  codes: Readonly<Record<string, number>>,
): Record<string, number> {
  const named = labels(method, 'etcdserverpb.KV', 'unary')
  const handled = Object.entries(codes).map(([code, count]) => [
    `grpc_server_handled_total{grpc_code="${code}",${named}}`,
    count,
  ])
  return {
    ...(Object.fromEntries(handled) as Record<string, number>),
    [`grpc_server_started_total{${named}}`]: calls,
    [`grpc_server_msg_received_total{${named}}`]: calls,
    [`grpc_server_msg_sent_total{${named}}`]: calls,
  }
}

it('[END21] calls by gRPC are counted by the version of their client', async () => {
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  const before = await readMetrics(target.url)
  const metadata = { 'client-api-version': '3.4' }
  await client.call('/etcdserverpb.KV/Range', { key: Buffer.from('a') }, { metadata })
  await client.call('/etcdserverpb.KV/Range', { key: Buffer.from('a') })
  const after = await readMetrics(target.url)
  expect(grown(before, after, ['client_requests', 'received_total'])).toEqual({
    'etcd_server_client_requests_total{client_api_version="3.4",type="unary"}': 1,
    'etcd_server_client_requests_total{client_api_version="unknown",type="unary"}': 1,
    [`grpc_server_msg_received_total{${labels('Range', 'etcdserverpb.KV', 'unary')}}`]: 2,
  })
})

it('[END4] started minus handled is the number of open keep-alive streams', async () => {
  const { ID } = await keyspace.call('/v3/lease/grant', { TTL: 1000 })
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  const stream = labels('LeaseKeepAlive', 'etcdserverpb.Lease', 'bidi_stream')
  const before = await readMetrics(target.url)
  const alive = client.stream('/etcdserverpb.Lease/LeaseKeepAlive')
  alive.send({ ID: BigInt(String(ID)) })
  alive.send({ ID: BigInt(String(ID)) })
  expect(await alive.next()).toHaveProperty('TTL', 1000)
  expect(await alive.next()).toHaveProperty('TTL', 1000)
  const open = await readMetrics(target.url)
  expect(grown(before, open, ['grpc_server_', 'lease_renewed'])).toEqual({
    [`grpc_server_started_total{${stream}}`]: 1,
    [`grpc_server_msg_received_total{${stream}}`]: 2,
    [`grpc_server_msg_sent_total{${stream}}`]: 2,
    etcd_debugging_lease_renewed_total: 2,
  })
  alive.halfClose()
  const handled = `grpc_server_handled_total{grpc_code="OK",${stream}}`
  const ended = (before.get(handled) ?? 0) + 1
  expect(await sampleSettles(target.url, handled, ended)).toBe(ended)
})

it('[END3] leases: one that is not there is not renewed, and TTLs are told apart', async () => {
  const before = await readMetrics(target.url)
  const { ID } = await keyspace.call('/v3/lease/grant', { TTL: 100 })
  await keyspace.call('/v3/lease/keepalive', { ID: '12345' })
  await keyspace.call('/v3/lease/keepalive', { ID })
  await keyspace.put('lease/a', '1', { lease: ID })
  await keyspace.put('lease/b', '1', { lease: ID })
  await keyspace.call('/v3/lease/revoke', { ID })
  const after = await readMetrics(target.url)
  const wanted = ['debugging_lease_', 'mvcc_delete_total', 'mvcc_txn_total']
  expect(grown(before, after, wanted)).toEqual({
    ...Object.fromEntries(
      [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144, 524_288]
        .map(String)
        .concat('1.048576e+06', '2.097152e+06', '4.194304e+06', '8.388608e+06', '+Inf')
        .map((end) => [`etcd_debugging_lease_ttl_total_bucket{le="${end}"}`, 1]),
    ),
    etcd_debugging_lease_ttl_total_sum: 100,
    etcd_debugging_lease_ttl_total_count: 1,
    etcd_debugging_lease_granted_total: 1,
    etcd_debugging_lease_renewed_total: 1,
    etcd_debugging_lease_revoked_total: 1,
    etcd_mvcc_delete_total: 2,
    etcd_mvcc_txn_total: 1,
  })
})

it('[END3] a lease that expires is revoked by a request of the server itself', async () => {
  const before = await readMetrics(target.url)
  const expired = 'etcd_debugging_server_lease_expired_total'
  const ended = (before.get(expired) ?? 0) + 1
  await keyspace.call('/v3/lease/grant', { TTL: 2 })
  expect(await sampleSettles(target.url, expired, ended)).toBe(ended)
  const revoked = 'etcd_debugging_lease_revoked_total'
  const revokedOnce = (before.get(revoked) ?? 0) + 1
  expect(await sampleSettles(target.url, revoked, revokedOnce)).toBe(revokedOnce)
  const after = await readMetrics(target.url)
  expect(grown(before, after, ['"LeaseRevoke"', 'server_lease_expired'])).toMatchObject({
    'etcd_server_apply_duration_seconds_count{op="LeaseRevoke",success="true",version="v3"}': 1,
    [expired]: 1,
  })
  const calls = labels('LeaseRevoke', 'etcdserverpb.Lease', 'unary')
  const started = `grpc_server_started_total{${calls}}`
  expect(after.get(started)).toBe(before.get(started))
})

it('[END3] what watchers are sent', async () => {
  const stream = new HttpStream(target.url, '/v3/watch')
  onTestFinished(() => stream.close())
  const watch = new WatchSession(stream)
  await watch.created(key('w/a'))
  await watch.created({ ...key('w/'), range_end: base64('w0') })
  const before = await readMetrics(target.url)
  await keyspace.put('w/a', '1')
  await keyspace.put('w/b', '1')
  await watch.take(3)
  const named = labels('Watch', 'etcdserverpb.Watch', 'bidi_stream')
  // etcd counts a response after it has left.
  await sampleSettles(
    target.url,
    'etcd_debugging_mvcc_events_total',
    (before.get('etcd_debugging_mvcc_events_total') ?? 0) + 3,
  )
  const after = await readMetrics(target.url)
  const loop = 'etcd_debugging_server_watch_send_loop_watch_stream_duration'
  expect(
    grown(before, after, ['mvcc_events', 'pending_events', `{${named}}`, 'seconds_count']),
  ).toMatchObject({
    etcd_debugging_mvcc_events_total: 3,
    [`grpc_server_msg_sent_total{${named}}`]: 3,
    [`${loop}_seconds_count`]: 3,
    [`${loop}_per_event_seconds_count`]: 3,
  })
})

it('[END3] a compaction, and the versions that it deletes', async () => {
  await keyspace.put('z/a', '1')
  await keyspace.put('z/a', '2')
  const first = await keyspace.put('z/b', '1')
  await keyspace.compact(first)
  const before = await readMetrics(target.url)
  await keyspace.put('z/a', '3')
  await keyspace.put('z/a', '4')
  const last = await keyspace.put('z/a', '5')
  await keyspace.compact(last)
  const after = await readMetrics(target.url)
  const compactions = ['db_compaction_keys', 'compaction_total_duration_milliseconds_count']
  expect(grown(before, after, compactions)).toEqual({
    etcd_debugging_mvcc_db_compaction_keys_total: 3,
    etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count: 1,
  })
  const age = Date.now() / 1000 - (after.get('etcd_debugging_mvcc_db_compaction_last') ?? 0)
  expect(age).toBeGreaterThanOrEqual(0)
  expect(age).toBeLessThan(600)
})

it('[END22] what /health, /livez and /readyz have said', async () => {
  const get = (path: string): Promise<unknown> => send(target.url, { method: 'GET', path })
  const before = await readMetrics(target.url)
  await get('/health')
  await get('/readyz')
  await get('/livez/serializable_read')
  const alarm = { alarm: 'NOSPACE', memberID: '7' }
  await keyspace.call('/v3/maintenance/alarm', { action: 'ACTIVATE', ...alarm })
  await get('/health')
  const raised = await readMetrics(target.url)
  await keyspace.call('/v3/maintenance/alarm', { action: 'DEACTIVATE', ...alarm })
  const after = await readMetrics(target.url)
  const total = 'etcd_server_healthchecks_total'
  expect(grown(before, after, ['health_success', 'health_failures', total, '"Range"'])).toEqual({
    etcd_server_health_success: 1,
    etcd_server_health_failures: 1,
    [`${total}{name="data_corruption",status="success",type="readyz"}`]: 1,
    [`${total}{name="serializable_read",status="success",type="readyz"}`]: 1,
    ...(!targetIsEtcd && {
      [`${total}{name="disk_space",status="success",type="readyz"}`]: 1,
      [`${total}{name="snapshots",status="success",type="readyz"}`]: 1,
    }),
    [`${total}{name="linearizable_read",status="success",type="readyz"}`]: 1,
    [`${total}{name="non_learner",status="success",type="readyz"}`]: 1,
    [`${total}{name="serializable_read",status="success",type="livez"}`]: 1,
    // They are requests, but nobody's calls.
    ...rangesOf(after, before, 4),
  })
  expect(after.get('etcd_server_healthcheck{name="non_learner",type="readyz"}')).toBe(1)
  const raisedAlarm = 'etcd_debugging_server_alarms{alarm_type="NOSPACE",server_id="7"}'
  expect([raised.get(raisedAlarm), after.get(raisedAlarm)]).toEqual([1, 0])
})

/** All that a histogram of the ranges has grown by; how fast they were is not said. */
function rangesOf(after: Metrics, before: Metrics, count: number): Record<string, number> {
  const request = grown(before, after, [
    '{success="true",type="Range"}',
    ',success="true",type="Range"}',
  ])
  expect(request).toMatchObject({
    'etcd_server_request_duration_seconds_count{success="true",type="Range"}': count,
  })
  return request
}
