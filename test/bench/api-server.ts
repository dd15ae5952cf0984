// A kube-apiserver over a store, without controllers: what it asks of the store is what we measure.
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../oracle/free-port.ts'
import { findInstalled } from '../oracle/installed.ts'
import { ApiClient, TOKEN } from './api-client.ts'
import type { Certificates } from './certificates.ts'
import type { Running } from './contestant.ts'

const READY_MS_MAX = 120_000

export interface ApiServer {
  /** https, with a certificate of its own making. */
  readonly url: string
  stop(): Promise<void>
}

/** Undefined where there is neither $KUBERNETES_BIN/kube-apiserver nor one in PATH. */
export function findApiServer(): Promise<string | undefined> {
  const folder = process.env['KUBERNETES_BIN']
  return findInstalled('kube-apiserver', folder && join(folder, 'kube-apiserver'))
}

export async function startApiServer(
  binary: string,
  store: Running,
  certificates: Certificates | undefined,
): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-kubernetes-'))
  const port = await freePort()
  const args = [
    ...(await writeCredentials(directory)),
    `--etcd-servers=${store.address.url}`,
    ...storeFlags(certificates),
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(directory, 'certs')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    // Nobody makes the accounts that it would want.
    '--disable-admission-plugins=ServiceAccount',
  ]
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child, 'spawn')
  const gone = once(child, 'exit')
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  child.once('exit', () => process.off('exit', killWithCaller))
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4000)
  })
  const url = `https://127.0.0.1:${port}`
  // It shuts down for a minute when it is asked to; there is nothing to lose.
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
    await rm(directory, { recursive: true })
  }
  const deadline = performance.now() + READY_MS_MAX
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`kube-apiserver is not ready: ${log}`)
    }
    await sleep(200)
  }
  return { url, stop }
}

function storeFlags(certificates: Certificates | undefined): readonly string[] {
  return certificates === undefined
    ? []
    : [
        `--etcd-cafile=${certificates.authorityFile}`,
        `--etcd-certfile=${certificates.clientCertFile}`,
        `--etcd-keyfile=${certificates.clientKeyFile}`,
      ]
}

/** Writes what it signs accounts with and one administrator's token; the flags that name them. */
async function writeCredentials(directory: string): Promise<readonly string[]> {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const [key, pub, tokens] = ['sa.key', 'sa.pub', 'tokens.csv'].map((name) => join(directory, name))
  await writeFile(key ?? '', pair.privateKey)
  await writeFile(pub ?? '', pair.publicKey)
  await writeFile(tokens ?? '', `${TOKEN},admin,admin,system:masters\n`)
  return [
    '--service-account-issuer=https://bench.example',
    `--service-account-key-file=${pub}`,
    `--service-account-signing-key-file=${key}`,
    `--token-auth-file=${tokens}`,
  ]
}

async function isReady(url: string): Promise<boolean> {
  const client = new ApiClient(url)
  try {
    return (await client.ask('GET', '/readyz')).status === 200
  } catch (error) {
    // The port is not open yet.
    if (error instanceof Error && 'code' in error) {
      return false
    }
    throw error
  } finally {
    client.close()
  }
}
