// The replicas of a leader that is in the process which has started this one: `node replica-host.ts DIRECTORY RTT`.
import { replicaUniqueKey } from '../../src/cli/workerd-config.ts'
import { Host } from '../../src/host/host.ts'
import { benchHost } from './bench-host.ts'
import { type Channel, FarObjects } from './far-objects.ts'

const [directory = '', rtt = '0'] = process.argv.slice(2)
const channel: Channel = {
  send: (message) => process.send?.(message),
  listen: (received) => process.on('message', received),
}
const far = new FarObjects(channel, (sought) => host.reached(sought), Number(rtt))
const host: Host = await Host.open({
  ...benchHost(directory),
  region: {
    cf: {},
    elsewhere: (sought, here) =>
      sought.uniqueKey === replicaUniqueKey ? here : () => far.reach(sought),
  },
})
process.on('disconnect', () => process.exit(0))
