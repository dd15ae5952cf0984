import { it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { seeds } from '../runs.ts'
import { compareHistories } from './compared-histories.ts'
import { GrpcClient } from './grpc-client.ts'
import { askGrpc, inOnePiece, randomGrpcRequest } from './grpc-requests.ts'
import { Target } from './target.ts'
import { differencesOf, older } from './version-differences.ts'

const requestsPerSeed = 1000

it.for(seeds(2))('[GRD1] answers over gRPC as etcd does, seed %d', async (seed, { skip }) => {
  const oracle = await startEtcd()
  if (oracle === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const [ours, theirs] = [new GrpcClient(target.url), new GrpcClient(oracle.url)]
  onTestFinished(() => [ours, theirs].forEach((client) => client.close()))
  const streams = !older(oracle.version, '3.7.0')
  await compareHistories({
    seed,
    requests: requestsPerSeed,
    make: randomGrpcRequest,
    ours: (request) => askGrpc(ours, request),
    theirs: (request) => askGrpc(theirs, streams ? request : inOnePiece(request)),
    differences: differencesOf(oracle.version, 'grpc'),
  })
})
