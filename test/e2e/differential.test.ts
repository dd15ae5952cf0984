import { it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { compareHistories } from './compared-histories.ts'
import { send } from './http.ts'
import { randomRequest } from './random-requests.ts'
import { Target } from './target.ts'
import { differencesOf } from './version-differences.ts'

const requestsPerSeed = 1000
/** E2E_SEED=7 runs one other history than the four that are always run. */
const seeds =
  process.env['E2E_SEED'] === undefined ? [1, 2, 3, 4] : [Number(process.env['E2E_SEED'])]

it.for(seeds)('[DIF1] answers as etcd does, seed %d', async (seed, { skip }) => {
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
