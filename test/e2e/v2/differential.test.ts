import { it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../../oracle/etcd.ts'
import { runs, seeds } from '../../runs.ts'
import { Random } from '../random.ts'
import { Target } from '../target.ts'
import { ComparedServers } from './compared-history.ts'

const historiesPerSeed = 500
const actionsPerHistory = 12
/** Of the histories of a seed, those that wait for TTLs to end. */
const expiringPerSeed = runs(8)

// 1,000 histories, and half of them where a call takes longer; TEST_RUNS=5 tries 5,000.
const seedsInCi = process.env['ETCDURABLE_RUNTIME'] === 'workerd' ? 1 : 2

it.for(seeds(seedsInCi))(
  '[V2A3] answers as etcd 3.4 does, whatever happens and is waited for, seed %d',
  { timeout: 1_200_000 },
  async (seed, { skip }) => {
    const flags = ['--enable-v2']
    const oracle = await startEtcd({ flags })
    if (oracle === undefined) {
      return skip(etcdMissing)
    }
    onTestFinished(() => oracle.stop())
    skip(!oracle.version.startsWith('3.4.'), `etcd ${oracle.version} has no v2 API of 3.4`)
    const target = await Target.start(flags)
    onTestFinished(() => target.stop())
    const servers = await ComparedServers.of(target.url, oracle.url)
    const random = new Random(seed)
    const step = Math.floor(historiesPerSeed / expiringPerSeed)
    for (let history = 0; history < historiesPerSeed; history++) {
      await servers.compare(random, actionsPerHistory, history % step === step - 1)
    }
  },
)
