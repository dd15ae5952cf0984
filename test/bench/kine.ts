// kine with SQLite: what k3s runs in place of etcd.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../oracle/free-port.ts'
import { findInstalled } from '../oracle/installed.ts'
import type { Certificates } from './certificates.ts'
import type { Contestant, Running, StartOptions } from './contestant.ts'
import { firstAnswer } from './grpc-call.ts'
import type { Address } from './h2-connection.ts'

const READY_EVERY_MS = 20
const READY_MS_MAX = 20_000

/**
 * SQLite as kine opens it by itself: with NORMAL it acknowledges a write before that is on disk.
 * $KINE_SYNCHRONOUS=FULL has it promise what etcd does.
 */
const synchronous = process.env['KINE_SYNCHRONOUS'] ?? 'NORMAL'
const parameters = `_journal_mode=WAL&_busy_timeout=30000&_synchronous=${synchronous}&_txlock=immediate&_stmt_cache_size=20&cache=shared`

/** Undefined where there is neither $KINE_BINARY nor a `kine` in PATH. */
export async function findKine(): Promise<Contestant | undefined> {
  const binary = await findInstalled('kine', process.env['KINE_BINARY'])
  if (binary === undefined) {
    return undefined
  }
  const { stdout } = await promisify(execFile)(binary, ['--version'])
  const version = /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  return {
    name: `kine ${version ?? '(dev)'}, ${synchronous}`,
    takes: 'kubernetes',
    start: (options = {}) => start(binary, options),
  }
}

async function start(binary: string, options: StartOptions): Promise<Running> {
  const { certificates, port = await freePort() } = options
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'bench-kine-')))
  const args = [
    `--endpoint=sqlite://${join(dataDir, 'state.db')}?${parameters}`,
    `--listen-address=127.0.0.1:${port}`,
    '--metrics-bind-address=0',
    ...tlsFlags(certificates),
  ]
  // It makes a folder `db` where it stands.
  const child = spawn(binary, args, { cwd: dataDir, stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child, 'spawn')
  const gone = once(child, 'exit')
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  child.once('exit', () => process.off('exit', killWithCaller))
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000)
  })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await gone
  }
  const host = `127.0.0.1:${port}`
  const url = `http://${host}`
  const address: Address =
    certificates === undefined ? { url } : { url: `https://${host}`, tls: certificates.client }
  try {
    const early = gone.then(() => Promise.reject(new Error('it ended at once')))
    await Promise.race([firstAnswer(address, 'health', READY_EVERY_MS, READY_MS_MAX), early])
  } catch (error) {
    await end('SIGKILL')
    throw new Error(`${binary} did not start: ${log}`, { cause: error })
  }
  const pid = child.pid ?? 0
  const stop = async (): Promise<void> => {
    await end('SIGTERM')
    if (options.dataDir === undefined) {
      await rm(dataDir, { recursive: true })
    }
  }
  return { url, address, pid, rootPid: pid, stop, kill9: () => end('SIGKILL') }
}

function tlsFlags(certificates: Certificates | undefined): readonly string[] {
  return certificates === undefined
    ? []
    : [
        `--trusted-ca-file=${certificates.authorityFile}`,
        `--server-cert-file=${certificates.certFile}`,
        `--server-key-file=${certificates.keyFile}`,
      ]
}
