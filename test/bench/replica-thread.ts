// The replicas of a leader that is in the thread which has started this one.
import { parentPort, workerData } from 'node:worker_threads'
import { replicaUniqueKey } from '../../src/cli/workerd-config.ts'
import { Host } from '../../src/host/host.ts'
import { benchHost } from './bench-host.ts'
import { FarObjects } from './far-objects.ts'

export interface ReplicaThread {
  readonly directory: string
  readonly rttMs: number
}

const { directory, rttMs } = workerData as ReplicaThread
if (parentPort === null) {
  throw new Error('there is no leader')
}
const far = new FarObjects(parentPort, (sought) => host.reached(sought), rttMs)
const host: Host = await Host.open({
  ...benchHost(directory),
  region: {
    cf: {},
    elsewhere: (sought, here) =>
      sought.uniqueKey === replicaUniqueKey ? here : () => far.reach(sought),
  },
})
