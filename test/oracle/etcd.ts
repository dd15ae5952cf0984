// A real etcd, started beside the tests so that its answers can be asked for.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { findInstalled } from './installed.ts'

export interface Etcd {
  readonly url: string
  /** `etcdserver` of /version, such as `3.4.23`. */
  readonly version: string
  readonly pid: number
  /** Ends it with SIGTERM; a data directory made for it goes too. */
  stop(): Promise<void>
  kill9(): Promise<void>
}

export interface EtcdOptions {
  /** Another binary than $ETCD_BINARY or the `etcd` of PATH. */
  readonly binary?: string
  /** An earlier data directory to go on with. */
  readonly dataDir?: string
  /** Port on 127.0.0.1; a free one otherwise. */
  readonly port?: number
  /** Another URL to serve clients on, such as `https://127.0.0.1:40123`. */
  readonly secondUrl?: string
  /** More flags, such as `--max-txn-ops=5`. */
  readonly flags?: readonly string[]
}

/** The word with which a test that needs a real etcd skips itself. */
export const etcdMissing = 'no etcd in $ETCD_BINARY or PATH'

const startsMax = 5
const readyMsMax = 20_000

/** Starts a single etcd on free loopback ports; undefined where no etcd is installed. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd | undefined> {
  const binary = options.binary ?? (await findInstalled('etcd', process.env['ETCD_BINARY']))
  if (binary === undefined) {
    return undefined
  }
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'etcd-oracle-')))
  const removeOwn = async (): Promise<void> => {
    if (options.dataDir === undefined) {
      await rm(dataDir, { recursive: true, force: true })
    }
  }
  // A port is free when asked for and may be taken a moment later by a test that runs beside.
  for (let start = 1; ; start++) {
    try {
      const { url, version, pid, end } = await startOnce(binary, dataDir, options)
      const stop = (): Promise<void> => end('SIGTERM').then(removeOwn)
      return { url, version, pid, stop, kill9: () => end('SIGKILL') }
    } catch (error) {
      if (start === startsMax) {
        await removeOwn()
        throw error
      }
    }
  }
}

interface Started {
  readonly url: string
  readonly version: string
  readonly pid: number
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

async function startOnce(binary: string, dataDir: string, options: EtcdOptions): Promise<Started> {
  const [clientPort, peerPort] = await Promise.all([options.port ?? freePort(), freePort()])
  const url = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const flags = {
    'name': 'default',
    'data-dir': dataDir,
    'listen-client-urls': options.secondUrl === undefined ? url : `${url},${options.secondUrl}`,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'logger': 'zap',
    'log-level': 'error',
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  args.push(...(options.flags ?? []))
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'], env: quietEnv() })
  await once(child, 'spawn')
  const gone = once(child, 'exit')
  // A test run that ends early leaves no etcd behind.
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  child.once('exit', () => process.off('exit', killWithCaller))
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4000)
  })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal)
    }
    await gone
  }
  const version = await ready(url, child)
  if (version === undefined) {
    await end('SIGKILL')
    throw new Error(`${binary} did not start: ${complaints}`)
  }
  return { url, version, pid: child.pid ?? 0, end }
}

/** ETCD_* variables of the caller would change the server that the tests compare with. */
function quietEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_')),
  )
}

/** Waits until the versions are settled: from then on no internal entry moves anything. */
async function ready(url: string, child: ChildProcess): Promise<string | undefined> {
  const deadline = Date.now() + readyMsMax
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    const version = await readVersion(url)
    if (version !== undefined) {
      return version
    }
    await sleep(20)
  }
  return undefined
}

async function readVersion(url: string): Promise<string | undefined> {
  let response: Response
  try {
    response = await fetch(`${url}/version`)
  } catch (error) {
    // The port is not open yet.
    if (error instanceof TypeError) {
      return undefined
    }
    throw error
  }
  const body = (await response.json()) as Readonly<
    Record<'etcdserver' | 'etcdcluster' | 'storage', string | undefined>
  >
  const { etcdserver, etcdcluster, storage } = body
  const settled = storage === undefined || storage === etcdcluster
  return settled && etcdcluster !== 'not_decided' ? etcdserver : undefined
}
