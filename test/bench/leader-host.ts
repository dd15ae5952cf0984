// A leader in a process of its own, whose replicas are in another thread: `node leader-host.ts DIRECTORY RTT`.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { LabPort } from '../../src/cli/lab-port.ts'
import { replicaUniqueKey } from '../../src/cli/workerd-config.ts'
import { Host } from '../../src/host/host.ts'
import { benchHost, LINK_SECRET, log } from './bench-host.ts'
import { FarObjects } from './far-objects.ts'
import type { ReplicaThread } from './replica-thread.ts'

const KEYSPACE = 'bench'
const REGION = 'enam'
/** A replica has all that was there when it lacks no more than what comes in a second. */
const NEAR_REVISIONS = 500

export type LeaderOrder = 'add' | 'remove'
export type LeaderNews = { readonly url: string } | { readonly done: LeaderOrder }

const [directory = '', rtt = '0'] = process.argv.slice(2)
const workerData: ReplicaThread = { directory: join(directory, 'replica'), rttMs: Number(rtt) }
const thread = new Worker(new URL('replica-thread.ts', import.meta.url), { workerData })
const far = new FarObjects(thread, (sought) => host.reached(sought), Number(rtt))
const host: Host = await Host.open({
  ...benchHost(join(directory, 'leader')),
  region: {
    cf: {},
    elsewhere: (sought, here) =>
      sought.uniqueKey === replicaUniqueKey ? () => far.reach(sought) : here,
  },
})

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const headers = { 'Content-Type': 'application/json' }
  const asked = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) }
  const response = await host.fetch(new Request(`http://bench${path}`, asked))
  const text = await response.text()
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`)
  }
  return text === '' ? undefined : JSON.parse(text)
}

interface Told {
  readonly replicas: readonly { readonly revision?: number; readonly lagRevisions?: number }[]
}

/** Whoever asks for its health wakes it. */
async function copied(): Promise<void> {
  for (let isThere = false; !isThere; await sleep(200)) {
    const health = new Request(`http://bench/keyspaces/${KEYSPACE}@${REGION}/readyz`)
    await (await host.fetch(health)).arrayBuffer()
    const { replicas } = (await ask('GET', `/keyspaces/${KEYSPACE}/replicas`)) as Told
    isThere = replicas.some(
      ({ revision = 0, lagRevisions = Infinity }) => revision > 0 && lagRevisions < NEAR_REVISIONS,
    )
  }
}

async function obey(order: LeaderOrder): Promise<void> {
  const replicas = `/keyspaces/${KEYSPACE}/replicas`
  if (order === 'add') {
    await ask('POST', replicas, { region: REGION })
    await copied()
  } else {
    await ask('DELETE', `${replicas}/${REGION}`)
  }
}

function tell(news: LeaderNews): void {
  process.send?.(news)
}

await ask('POST', '/keyspaces', { name: KEYSPACE })
const port = new LabPort({ log, keyspace: KEYSPACE, linkSecret: LINK_SECRET, host })
process.on('message', (order: LeaderOrder) => {
  void obey(order).then(() => tell({ done: order }))
})
tell({ url: await port.listen('127.0.0.1', 0) })
