// A leader in a process of its own, with so many replicas that keep nothing: `node replica-sinks.ts DIRECTORY COUNT`.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabPort } from '../../src/cli/lab-port.ts'
import type { WorkerModule } from '../../src/host/host.ts'
import { Regions } from '../../src/host/regions.ts'
import { benchHost, LINK_SECRET, log } from './bench-host.ts'
import { SinkReplica } from './replica-sink.ts'

const KEYSPACE = 'bench'
const others = ['enam', 'apac', 'sam', 'oc', 'afr']
const RTT_MS = 100

const [directory = '', count = '0'] = process.argv.slice(2)
const replicas = others.slice(0, Number(count))
const regions = await Regions.open({
  regions: new Map(
    ['weur', ...replicas].map((name) => {
      const options = benchHost(join(directory, name))
      const worker = async (): Promise<WorkerModule> => ({
        ...(await options.worker()),
        Replica: SinkReplica,
      })
      return [name, { cf: {}, host: { ...options, worker } }]
    }),
  ),
  rttMs: () => RTT_MS,
  lostMs: 5_000,
})

async function ask(path: string, body?: object): Promise<unknown> {
  const headers = { 'Content-Type': 'application/json' }
  const asked = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await regions.fetch('weur', new Request(`http://bench${path}`, asked))
  if (!response.ok) {
    throw new Error(await response.text())
  }
  return response.json()
}

interface Told {
  readonly leader: { readonly revision: number }
  readonly replicas: readonly { readonly revision?: number }[]
}

/** Until each of them has acknowledged all that there is. */
async function untilTold(): Promise<void> {
  for (let isTold = false; !isTold; await sleep(20)) {
    const { leader, replicas: told } = (await ask(`/keyspaces/${KEYSPACE}/replicas`)) as Told
    isTold = leader.revision > 1 && told.every(({ revision }) => revision === leader.revision)
  }
}

await ask('/keyspaces', { name: KEYSPACE })
for (const region of replicas) {
  await ask(`/keyspaces/${KEYSPACE}/replicas`, { region })
}
const host = { fetch: (request: Request) => regions.fetch('weur', request) }
const port = new LabPort({ log, keyspace: KEYSPACE, linkSecret: LINK_SECRET, host })
await ask(`/keyspaces/${KEYSPACE}/v3/kv/put`, { key: 'YQ==', value: 'YQ==' })
await untilTold()
process.stdout.write(`${await port.listen('127.0.0.1', 0)}\n`)
process.on('SIGTERM', () => {
  void port.close().then(() => {
    regions.stop()
    process.exit(0)
  })
})
