// `npm run bench`: ourselves, an installed etcd and kine under the same load, as one table.
import { statfs } from 'node:fs/promises'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import workerd from 'workerd'
import type { BenchCase, Row } from './bench-case.ts'
import { checkPerf } from './cases-check-perf.ts'
import { clusterKill, clusterStop } from './cases-cluster-moves.ts'
import { cluster, clusterBill } from './cases-cluster.ts'
import { engine } from './cases-engine.ts'
import { fairness } from './cases-fairness.ts'
import { grpcList } from './cases-grpc-list.ts'
import { progress, putToEvent } from './cases-grpc-watch.ts'
import { grpcCasesInPlaintext, grpcCasesOverTls } from './cases-grpc.ts'
import { hashKv } from './cases-hashkv.ts'
import { keyspaces } from './cases-keyspaces.ts'
import { kill } from './cases-kill.ts'
import { kubernetes } from './cases-kubernetes.ts'
import { put, range, txn } from './cases-kv.ts'
import { list, page } from './cases-list.ts'
import { largeRange } from './cases-memory.ts'
import { objectList } from './cases-object-list.ts'
import { permission } from './cases-permission.ts'
import { readOnlyLoad } from './cases-read-only.ts'
import {
  replicaBootstrap,
  replicaLag,
  replicaPuts,
  replicaRead,
  replicaWatchers,
} from './cases-replica.ts'
import { replication, replicationFull } from './cases-replication.ts'
import { snapshot } from './cases-snapshot.ts'
import { secondStart } from './cases-start.ts'
import { v2Enabled, v2IdlePolls, v2Set } from './cases-v2.ts'
import { watchDelay } from './cases-watch-delay.ts'
import { fanOut, grpcFanOut, idleWatchers } from './cases-watch.ts'
import { findContestants, stopAll } from './contestants.ts'
import { formatTable } from './table.ts'

const cases: readonly BenchCase[] = [
  put,
  range,
  txn,
  v2Set,
  v2IdlePolls,
  v2Enabled,
  engine,
  permission,
  list,
  page,
  fanOut,
  idleWatchers,
  largeRange,
  keyspaces,
  ...grpcCasesInPlaintext,
  ...grpcCasesOverTls,
  progress,
  putToEvent,
  grpcFanOut,
  grpcList,
  objectList,
  snapshot,
  hashKv,
  secondStart,
  kill,
  kubernetes,
  checkPerf,
  fairness,
  readOnlyLoad,
  watchDelay,
  replication,
  replicationFull,
  cluster,
  clusterKill,
  clusterStop,
  clusterBill,
  replicaLag,
  replicaRead,
  replicaPuts,
  replicaWatchers,
  replicaBootstrap,
]

const usage = `npm run bench -- [case …] [--seconds 3] [--rounds 3] [--runtime NAME]
${cases.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}

--runtime goes to our own server. All are run alternately with etcd, from $ETCD_BINARY or PATH, and those that
ask for no more than Kubernetes does with kine too, from $KINE_BINARY or PATH ($KINE_SYNCHRONOUS=FULL for its
SQLite to wait for the disk). kube-apiserver comes from the folder $KUBERNETES_BIN or PATH, gRPC's load in
plaintext from h2load where it is installed.`

/** As statfs(2) names the file system that is in memory alone. */
const TMPFS = 0x01021994

async function describeMachine(): Promise<string> {
  const [cpu] = cpus()
  const { type } = await statfs(tmpdir())
  return [
    `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${release()}`,
    `node ${process.versions.node}`,
    `workerd ${workerd.version}`,
    `load ${loadavg()[0]?.toFixed(1)} before`,
    type === TMPFS ? `fsync without a disk: ${tmpdir()} is in memory` : 'fsync on',
  ].join(', ')
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      runtime: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const seconds = Number(values.seconds)
  const rounds = Number(values.rounds)
  const unknown = positionals.find((name) => cases.every((each) => each.name !== name))
  if (values.help || unknown !== undefined || !(seconds > 0) || !(rounds >= 1)) {
    console.error(unknown === undefined ? usage : `no case "${unknown}"\n${usage}`)
    process.exitCode = values.help ? 0 : 2
    return
  }
  // Our own server has a process group of its own: an interrupt of ours does not reach it.
  process.once('SIGINT', () => void stopAll().finally(() => process.exit(130)))
  const machine = await describeMachine()
  const flags = values.runtime === undefined ? [] : [`--runtime=${values.runtime}`]
  const found = await findContestants(flags)
  const chosen = cases.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const rows: Row[] = []
  for (const { name, about, forKubernetes = false, run } of chosen) {
    console.error(`${name}: ${about}`)
    const contestants = found.filter(({ takes }) => takes === 'everything' || forKubernetes)
    try {
      rows.push(...(await run({ contestants, seconds, rounds })))
    } catch (error) {
      // What the other cases have measured is worth having.
      console.error(error)
      process.exitCode = 1
      await stopAll()
    }
  }
  console.log(machine)
  console.log(`medians of ${rounds} rounds of ${seconds} s, alternately\n`)
  console.log(
    formatTable(
      found.map(({ name }) => name),
      rows,
    ),
  )
}

await main()
