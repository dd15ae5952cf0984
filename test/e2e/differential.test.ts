import { it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { seeds } from '../runs.ts'
import { compareHistories } from './compared-histories.ts'
import { send } from './http.ts'
import { randomRequest } from './random-requests.ts'
import { Target } from './target.ts'
import { differencesOf } from './version-differences.ts'

const requestsPerSeed = 1000

it.for(seeds(4))('[DIF1] answers as etcd does, seed %d', async (seed, { skip }) => {
  const oracle = await startEtcd()
  if (oracle === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start()
  onTestFinished(() => target.stop())
  await compareHistories({
    seed,
    requests: requestsPerSeed,
    make: randomRequest,
    ours: (request) => send(target.url, request),
    theirs: (request) => send(oracle.url, request),
    differences: differencesOf(oracle.version, 'json'),
  })
})
