import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseServeFlags, workerVariables } from '../../src/cli/flags.ts'
import { hostOptions, logConsole } from '../../src/cli/host-runtime.ts'
import { Log } from '../../src/cli/log.ts'
import { PortMetrics } from '../../src/grpc/port-metrics.ts'
import type { HostOptions } from '../../src/host/host.ts'

export const LINK_SECRET = 'of-the-bench'

const { flags } = parseServeFlags(['--log-level', 'error'], {})
export const log = new Log(flags)
logConsole(log)

const variables = new Map([
  ...workerVariables(flags),
  ['EMBEDDED', 'true'],
  ['ETCDURABLE_LINK_SECRET', LINK_SECRET],
])

/** The Worker in a directory of its own, for hosts that a case of the bench sets up itself. */
export function benchHost(directory: string): Omit<HostOptions, 'region'> {
  mkdirSync(join(directory, 'shard'), { recursive: true })
  const given = { log, directory, variables, snapshots: undefined }
  return hostOptions({ ...given, portMetrics: new PortMetrics() }, async () => undefined)
}
