// What etcd's monitoring asks of the metrics, under load: etcd 3.7.1 has the same (E2E_TARGET_ETCD).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { codeNames } from '../../src/protocol/status.ts'
import { GrpcClient } from './grpc-client.ts'
import { base64, send } from './http.ts'
import { type Metrics, readMetrics } from './metrics.ts'
import { Target } from './target.ts'
import { Keyspace } from './watch-session.ts'

let target: Target
let text: string
let metrics: Metrics
let later: Metrics
const keyspace = new Keyspace(() => target.url)

async function load(): Promise<void> {
  const client = new GrpcClient(target.url)
  await Promise.all(Array.from({ length: 50 }, (_, i) => keyspace.put(`load/${i}`, 'x')))
  await client.call('/etcdserverpb.KV/Range', { key: Buffer.from('load/1') })
  await client.call('/etcdserverpb.KV/Put', { key: Buffer.from('load/1') })
  await send(target.url, { method: 'GET', path: '/readyz' })
  client.close()
}

beforeAll(async () => {
  target = await Target.start(['--metrics=extensive'])
  await load()
  const alarm = { alarm: 'NOSPACE', memberID: '7' }
  await keyspace.call('/v3/maintenance/alarm', { action: 'ACTIVATE', ...alarm })
  await keyspace.call('/v3/maintenance/alarm', { action: 'DEACTIVATE', ...alarm })
  text = (await send(target.url, { method: 'GET', path: '/metrics' })).body
  metrics = await readMetrics(target.url)
  // A commit is measured once in ten milliseconds, and etcd's backend commits once in a hundred.
  await sleep(200)
  await load()
  await sleep(200)
  later = await readMetrics(target.url)
})

afterAll(() => target.stop())

/** All but `go_*` that etcd 3.7.1 shows, see test/protocol/metric-families.test.ts. */
const etcdFamilies = readFileSync(
  join(import.meta.dirname, '..', 'protocol', 'etcd-metrics.txt'),
  'utf8',
)
  .split('\n')
  .map((line) => /^\w+/.exec(line)?.[0])
  .filter((name) => name !== undefined)

it('[END18] every family of etcd is shown, in the order of their names', () => {
  const shown = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(shown.filter((name) => name?.startsWith('go_') === false)).toEqual(etcdFamilies)
})

const anyLabel = /.*/

/**
 * The series that the rules and panels of etcd's contrib/mixin ask for (alerts/alerts.libsonnet,
 * dashboards/targets.libsonnet), with what those of Prometheus itself (`up`, `job`, `instance`) leave.
 */
const series: readonly (readonly [string, Readonly<Record<string, RegExp>>])[] = [
  ['etcd_server_has_leader', {}],
  ['etcd_server_leader_changes_seen_total', {}],
  ['etcd_server_proposals_committed_total', {}],
  ['etcd_server_proposals_applied_total', {}],
  ['etcd_server_proposals_pending', {}],
  ['etcd_server_proposals_failed_total', {}],
  ['etcd_server_quota_backend_bytes', {}],
  ['etcd_mvcc_db_total_size_in_bytes', {}],
  ['etcd_mvcc_db_total_size_in_use_in_bytes', {}],
  ['etcd_disk_wal_fsync_duration_seconds_bucket', { le: anyLabel }],
  ['etcd_disk_backend_commit_duration_seconds_bucket', { le: anyLabel }],
  ['etcd_network_client_grpc_received_bytes_total', {}],
  ['etcd_network_client_grpc_sent_bytes_total', {}],
  ['process_resident_memory_bytes', {}],
  ['grpc_server_started_total', { grpc_type: /^unary$/ }],
  ...['Watch', 'Lease'].flatMap((service) =>
    ['grpc_server_started_total', 'grpc_server_handled_total'].map(
      (name) =>
        [
          name,
          {
            grpc_service: new RegExp(`^etcdserverpb\\.${service}$`),
            grpc_type: /^bidi_stream$/,
          },
        ] as const,
    ),
  ),
  ...[
    'Unknown',
    'FailedPrecondition',
    'ResourceExhausted',
    'Internal',
    'Unavailable',
    'DataLoss',
    'DeadlineExceeded',
  ].map(
    (code) =>
      [
        'grpc_server_handled_total',
        { grpc_code: new RegExp(`^${code}$`), grpc_method: anyLabel, grpc_type: /^unary$/ },
      ] as const,
  ),
  [
    'grpc_server_handling_seconds_bucket',
    { grpc_method: /^(?!Defragment$)/, grpc_type: /^unary$/, le: anyLabel },
  ],
]

function samplesOf(all: Metrics, name: string, wanted: Readonly<Record<string, RegExp>>): number[] {
  const found: number[] = []
  for (const [sample, value] of all) {
    const [family, labels = ''] = sample.split('{')
    const isWanted = Object.entries(wanted).every(([label, pattern]) => {
      const said = new RegExp(`\\b${label}="([^"]*)"`).exec(labels)?.[1]
      return said !== undefined && pattern.test(said)
    })
    if (family === name && isWanted) {
      found.push(value)
    }
  }
  return found
}

it.each(series)('[END19] %s %j has samples', (name, labels) => {
  expect(samplesOf(metrics, name, labels)).not.toHaveLength(0)
})

it.each([
  'etcd_disk_backend_commit_duration_seconds_bucket',
  'etcd_disk_wal_fsync_duration_seconds_bucket',
  'etcd_network_client_grpc_received_bytes_total',
  'etcd_network_client_grpc_sent_bytes_total',
  'etcd_server_proposals_applied_total',
  'etcd_server_proposals_committed_total',
  'grpc_server_handling_seconds_bucket',
  'grpc_server_started_total',
])('[END19] %s grows', (name) => {
  const sum = (all: Metrics): number => samplesOf(all, name, {}).reduce((a, b) => a + b, 0)
  expect(sum(later)).toBeGreaterThan(sum(metrics))
})

it.each([
  'etcd_network_peer_sent_failures_total',
  'etcd_network_peer_round_trip_time_seconds_bucket',
  'etcd_network_peer_received_bytes_total',
  'etcd_network_peer_sent_bytes_total',
])('[END19] %s is of peers, and there are none', (name) => {
  expect(samplesOf(metrics, name, {})).toEqual([])
})

it('[END20] labels are sorted, and so are the samples of a family', () => {
  const lines = text.split('\n').filter((line) => line.startsWith('grpc_server_handled_total{'))
  const labels = lines.map((line) => line.slice(0, line.indexOf(' ')))
  expect(labels).toEqual(labels.toSorted())
  for (const line of text.split('\n')) {
    const names = [...line.matchAll(/(\w+)="/g)].map(([, name = '']) => name)
    const ownNames = names.filter((name) => name !== 'le')
    expect(ownNames).toEqual(ownNames.toSorted())
    // That of a bucket comes last.
    expect(names.slice(ownNames.length)).toEqual(names.filter((name) => name === 'le'))
  }
})

it('[END20] every method of etcd has every code, from the start', () => {
  const put = ',grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}'
  const shown = [...metrics.keys()].filter((name) => name.endsWith(put))
  expect(shown.filter((name) => name.startsWith('grpc_server_handled_total'))).toEqual(
    codeNames.map((code) => `grpc_server_handled_total{grpc_code="${code}"${put}`).toSorted(),
  )
  const methods = (name: string): number =>
    [...metrics.keys()].filter((one) => one.startsWith(`${name}{`)).length
  // 42 of etcd's own and three of health; locks and elections come with their first call.
  expect(methods('grpc_server_started_total')).toBe(45)
  expect(methods('grpc_server_msg_received_total')).toBe(45)
  expect(methods('grpc_server_msg_sent_total')).toBe(45)
  expect(methods('grpc_server_handled_total')).toBe(45 * 17)
  expect(metrics.get(`grpc_server_msg_sent_total{${lock}}`)).toBe(undefined)
})

const lock = 'grpc_method="Unlock",grpc_service="v3lockpb.Lock",grpc_type="unary"'

it('[END20] a method of locks or elections is there with its first call', async () => {
  await keyspace.call('/v3/lock/unlock', { key: base64('none') })
  expect((await readMetrics(target.url)).get(`grpc_server_msg_sent_total{${lock}}`)).toBe(1)
})
