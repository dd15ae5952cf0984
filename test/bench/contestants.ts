import { startServer } from '../e2e/server.ts'
import { startEtcd } from '../oracle/etcd.ts'

export interface Running {
  readonly url: string
  /** The process that serves, or, of ours, the one that holds the keyspace. */
  readonly pid: number
  /** Of ours: the process that clients talk to. */
  readonly bridgePid?: number
  stop(): Promise<void>
}

/** A kind of server that is measured. */
export interface Contestant {
  readonly name: string
  /** Starts one with storage of its own, which goes when it stops, or with an earlier directory. */
  start(dataDir?: string): Promise<Running>
}

/** Ourselves and, where one is installed, etcd. */
export async function findContestants(): Promise<readonly Contestant[]> {
  const us = {
    name: 'etcdurable',
    start: async (dataDir?: string) => {
      const server = await startServer(dataDir === undefined ? {} : { dataDir })
      const { url, workerdPid, pid } = server
      return tracked({ url, pid: workerdPid, bridgePid: pid, stop: () => server.stop() })
    },
  }
  const probe = await startEtcd()
  if (probe === undefined) {
    return [us]
  }
  await probe.stop()
  return [us, { name: `etcd ${probe.version}`, start: startInstalled }]
}

async function startInstalled(dataDir?: string): Promise<Running> {
  const etcd = await startEtcd(dataDir === undefined ? {} : { dataDir })
  if (etcd === undefined) {
    throw new Error('etcd is no longer installed')
  }
  return tracked(etcd)
}

const running = new Set<Running>()

function tracked(server: Running): Running {
  const own = {
    ...server,
    stop: async () => {
      running.delete(own)
      await server.stop()
    },
  }
  running.add(own)
  return own
}

/** For an end that leaves a case no time to stop its servers. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()))
}
