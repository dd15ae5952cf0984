import { startServer } from '../e2e/server.ts'
import { type EtcdOptions, startEtcd } from '../oracle/etcd.ts'
import { freePort } from '../oracle/free-port.ts'
import type { Certificates } from './certificates.ts'
import type { Contestant, Running, StartOptions } from './contestant.ts'
import { findKine } from './kine.ts'

/** Ourselves, started with `flags`, and, where they are installed, etcd and kine. */
export async function findContestants(flags: readonly string[]): Promise<readonly Contestant[]> {
  const found = [ourselves(flags), await findEtcd(), await findKine()]
  return found.filter((contestant) => contestant !== undefined).map(tracking)
}

function ourselves(flags: readonly string[]): Contestant {
  const start = async ({
    dataDir,
    port = 0,
    certificates,
    tokenFile,
    flags: more = [],
  }: StartOptions = {}) => {
    const listen = `--listen-client-urls=http://127.0.0.1:${port},https://127.0.0.1:0`
    const secure = certificates === undefined ? [] : [listen, ...tlsFlags(certificates)]
    const guarded = tokenFile === undefined ? [] : [`--token-file=${tokenFile}`]
    const server = await startServer({
      port,
      flags: [...flags, ...more, ...secure, ...guarded],
      ...(dataDir !== undefined && { dataDir }),
    })
    const { pid, workerdPid, urls } = server
    const [url = '', tlsUrl = ''] = urls
    // It may serve without a workerd.
    const both = workerdPid === undefined ? { pid } : { pid: workerdPid, bridgePid: pid }
    return {
      ...both,
      url,
      address: certificates === undefined ? { url } : { url: tlsUrl, tls: certificates.client },
      rootPid: pid,
      stop: () => server.stop(),
      kill9: () => server.kill9(),
    }
  }
  return { name: ['etcdurable', ...flags].join(' '), takes: 'everything', start }
}

/** As etcd names them, and we do. */
function tlsFlags({ authorityFile, certFile, keyFile }: Certificates): readonly string[] {
  return [
    '--client-cert-auth',
    `--trusted-ca-file=${authorityFile}`,
    `--cert-file=${certFile}`,
    `--key-file=${keyFile}`,
  ]
}

async function findEtcd(): Promise<Contestant | undefined> {
  const probe = await startEtcd()
  await probe?.stop()
  return probe && { name: `etcd ${probe.version}`, takes: 'everything', start: startInstalled }
}

async function startInstalled({ certificates, ...options }: StartOptions = {}): Promise<Running> {
  const secondUrl = `https://127.0.0.1:${await freePort()}`
  const secure: EtcdOptions =
    certificates === undefined
      ? {}
      : { secondUrl, flags: [...(options.flags ?? []), ...tlsFlags(certificates)] }
  const etcd = await startEtcd({ ...options, ...secure })
  if (etcd === undefined) {
    throw new Error('etcd is no longer installed')
  }
  const { url, pid } = etcd
  const address =
    certificates === undefined ? { url } : { url: secondUrl, tls: certificates.client }
  return { ...etcd, address, rootPid: pid }
}

const running = new Set<Running>()

/** Remembers what runs, for an end that leaves a case no time to stop its servers. */
function tracking(contestant: Contestant): Contestant {
  const start = async (options?: StartOptions): Promise<Running> => {
    const server = await contestant.start(options)
    const forgetting = (end: 'stop' | 'kill9') => async (): Promise<void> => {
      running.delete(own)
      await server[end]()
    }
    const own = { ...server, stop: forgetting('stop'), kill9: forgetting('kill9') }
    running.add(own)
    return own
  }
  return { ...contestant, start }
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()))
}
