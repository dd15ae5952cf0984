import { startServer } from '../e2e/server.ts'
import { startEtcd } from '../oracle/etcd.ts'

/** A running server, freshly started on storage that nobody else uses. */
export interface Running {
  readonly url: string
  /** The process that serves; undefined where it is not known. */
  readonly pid?: number
  stop(): Promise<void>
}

/** A server that is measured. `start` may be called more than once. */
export interface Contestant {
  readonly name: string
  start(): Promise<Running>
}

/** Ourselves and, where one is installed, etcd. */
export async function findContestants(): Promise<readonly Contestant[]> {
  const us = {
    name: 'etcdurable',
    start: async () => {
      const server = await startServer({ flags: ['--log-level=warn'] })
      return { url: server.url, pid: server.workerdPid, stop: () => server.stop() }
    },
  }
  const probe = await startEtcd()
  if (probe === undefined) {
    return [us]
  }
  await probe.stop()
  return [us, { name: `etcd ${probe.version}`, start: startInstalled }]
}

async function startInstalled(): Promise<Running> {
  const etcd = await startEtcd()
  if (etcd === undefined) {
    throw new Error('etcd is no longer installed')
  }
  return etcd
}
