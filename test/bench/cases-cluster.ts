import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { BucketRequests } from '../e2e/once/cluster/bucket-line.ts'
import { Cluster } from '../e2e/once/cluster/cluster.ts'
import { type EtcdCluster, startEtcdCluster } from '../oracle/etcd-cluster.ts'
import { alternate, type BenchCase, type Figures, type Row } from './bench-case.ts'
import { fill } from './fill.ts'
import { grpcFrame } from './grpc-connection.ts'
import { findGenerator } from './h2load.ts'
import { keyAt } from './keys.ts'
import { runLoad } from './load.ts'
import { unaryFigures } from './measured-window.ts'
import { putJson, valueOf } from './messages.ts'

const PREFIX = 'bench/cluster/'
const KEYS = 10_000
const VALUE_BYTES = 256
const CLIENTS = 128

/** Dollars of R2 for a million requests. */
const DOLLARS_CLASS_A = 4.5
const DOLLARS_CLASS_B = 0.36
const MINUTES_OF_MONTH = 60 * 24 * 30
const IDLE_SECONDS = 60

interface Member {
  readonly url: string
  readonly pid: number
}

interface Members {
  readonly leader: Member
  readonly follower: Member
}

async function withBoth(
  use: (both: readonly Members[]) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const own = await Cluster.onLoopback({ isDirect: true })
  let etcd: EtcdCluster | undefined
  try {
    etcd = await startEtcdCluster()
    if (own === undefined) {
      throw new Error('a cluster of ours needs versitygw, from $VERSITYGW_BINARY or PATH')
    }
    const leader = await own.owner()
    const follower = own.nodes.find((node) => node !== leader) ?? leader
    const ours = { leader, follower }
    return await use(etcd === undefined ? [ours] : [ours, etcd])
  } finally {
    await own?.stop()
    await etcd?.stop()
  }
}

async function jsonPuts(name: string, { url, pid }: Member, seconds: number): Promise<Figures> {
  const bodies = Array.from({ length: KEYS }, (_, i) =>
    putJson(keyAt(PREFIX, (i * 7919) % KEYS), valueOf(VALUE_BYTES)),
  )
  const requests = { kind: 'same', path: '/v3/kv/put', bodies, expect: '"revision":' } as const
  return unaryFigures(
    name,
    await runLoad({ kind: 'unary', url, serverPid: pid, clients: CLIENTS, seconds, requests }),
  )
}

async function grpcPuts(name: string, { url, pid }: Member, seconds: number): Promise<Figures> {
  const put = create(PutRequest, {
    key: Buffer.from(`${PREFIX}grpc`),
    value: Buffer.alloc(VALUE_BYTES, 'v'),
  })
  const generate = await findGenerator()
  const result = await generate({
    kind: 'grpc',
    method: '/etcdserverpb.KV/Put',
    frame: grpcFrame(encode(PutRequest, put)),
    address: { url },
    serverPid: pid,
    connections: CLIENTS,
    streams: 1,
    seconds,
  })
  return unaryFigures(name, result)
}

export const cluster: BenchCase = {
  name: 'cluster',
  about: `puts of ${VALUE_BYTES} B by ${CLIENTS} clients: three nodes and versitygw, and three members of etcd, on this machine`,
  run: ({ rounds, seconds }) =>
    withBoth(async (both) => {
      for (const { leader } of both) {
        await fill(leader.url, { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 })
      }
      const rows: Row[] = []
      for (const place of ['leader', 'follower'] as const) {
        const at = `, ${CLIENTS}, at the ${place}`
        rows.push(
          ...(await alternate(both, rounds, (one) =>
            jsonPuts(`JSON put${at}`, one[place], seconds),
          )),
          ...(await alternate(both, rounds, (one) =>
            grpcPuts(`gRPC put${at}`, one[place], seconds),
          )),
        )
      }
      return rows
    }),
}

export const clusterBill: BenchCase = {
  name: 'cluster-bill',
  about: `requests to the bucket of three nodes: while nothing is asked, and with one put a second`,
  run: async () => {
    const nodes = await Cluster.onLoopback()
    if (nodes === undefined) {
      throw new Error('a cluster of ours needs versitygw, from $VERSITYGW_BINARY or PATH')
    }
    try {
      const idle = await requestsWhile(nodes, () => sleep(IDLE_SECONDS * 1000))
      const paced = await requestsWhile(nodes, async () => {
        for (let second = 0; second < IDLE_SECONDS; second++) {
          const body = putJson(keyAt(PREFIX, second), valueOf(VALUE_BYTES))
          await (await fetch(`${nodes.urls[0]}/v3/kv/put`, { method: 'POST', body })).arrayBuffer()
          await sleep(1000)
        }
      })
      return [...billed('idle', idle), ...billed('one put a second', paced)]
    } finally {
      await nodes.stop()
    }
  },
}

function requestsOf({ nodes }: Cluster): BucketRequests {
  const sum = (name: keyof BucketRequests): number =>
    nodes.reduce((total, { ways }) => total + ways.bucket.requests[name], 0)
  return { classA: sum('classA'), classB: sum('classB') }
}

/** In a minute. */
async function requestsWhile(nodes: Cluster, body: () => Promise<void>): Promise<BucketRequests> {
  const before = requestsOf(nodes)
  const began = performance.now()
  await body()
  const minutes = (performance.now() - began) / 60_000
  const after = requestsOf(nodes)
  return {
    classA: (after.classA - before.classA) / minutes,
    classB: (after.classB - before.classB) / minutes,
  }
}

function billed(name: string, { classA, classB }: BucketRequests): readonly Row[] {
  const dollars =
    ((classA * DOLLARS_CLASS_A + classB * DOLLARS_CLASS_B) * MINUTES_OF_MONTH) / 1_000_000
  return Object.entries({
    'writes and lists a minute': classA,
    'reads a minute': classB,
    "dollars a month at R2's prices": dollars,
  }).map(([figure, value]) => ({ name: `${name}: ${figure}`, rounds: [[value]] }))
}
