import { it, onTestFinished } from 'vitest'
import { type Etcd, etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { seeds } from '../runs.ts'
import { askHttp } from './ask-http.ts'
import { type ComparedHistory, compareHistories } from './compared-histories.ts'
import { GrpcClient } from './grpc-client.ts'
import { askGrpc } from './grpc-requests.ts'
import { type Ask, HistorySide } from './history-side.ts'
import { foundation, randomGrpcVisit, randomVisit } from './random-visits.ts'
import { Target } from './target.ts'
import { userDifferences } from './version-differences-users.ts'
import { differencesOf, type Encoding } from './version-differences.ts'

const requestsPerSeed = 1000
const flags = ['--bcrypt-cost=4']

it.for(seeds(2))('[DIF4] answers users as etcd does, seed %d', async (seed, { skip }) => {
  const servers = await startBoth()
  if (servers === undefined) {
    return skip(etcdMissing)
  }
  await compare(seed, servers, { encoding: 'json', make: randomVisit, asking: askHttp })
})

it.for(seeds(2))('[DIF4] answers users over gRPC as etcd does, seed %d', async (seed, { skip }) => {
  const servers = await startBoth()
  if (servers === undefined) {
    return skip(etcdMissing)
  }
  await compare(seed, servers, { encoding: 'grpc', make: randomGrpcVisit, asking: askOverGrpc })
})

function askOverGrpc(url: string): Ask {
  const client = new GrpcClient(url)
  onTestFinished(() => client.close())
  return (request) => askGrpc(client, request)
}

interface Servers {
  readonly target: Target
  readonly oracle: Etcd
}

async function startBoth(): Promise<Servers | undefined> {
  const oracle = await startEtcd({ flags })
  if (oracle === undefined) {
    return undefined
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start(flags)
  onTestFinished(() => target.stop())
  return { target, oracle }
}

interface Transport {
  readonly encoding: Encoding
  readonly make: ComparedHistory['make']
  readonly asking: (url: string) => Ask
}

async function compare(seed: number, servers: Servers, transport: Transport): Promise<void> {
  const { target, oracle } = servers
  const { encoding, make, asking } = transport
  const ours = await HistorySide.of(asking(target.url))
  const theirs = await HistorySide.of(asking(oracle.url))
  await compareHistories({
    seed,
    requests: requestsPerSeed,
    foundation,
    make,
    ours: (request) => ours.ask(request),
    theirs: (request) => theirs.ask(request),
    differences: [
      ...differencesOf(oracle.version, encoding),
      ...differencesOf(oracle.version, encoding, userDifferences),
    ],
  })
}
