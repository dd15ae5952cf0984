// A real S3 server over a folder, started beside the tests.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Settings } from '../../src/config/snapshot-store.ts'
import { freePort } from './free-port.ts'
import { findInstalled } from './installed.ts'

export interface VersityGw {
  /** Of a bucket that is there, with the rights of its owner. */
  readonly settings: S3Settings
  /** Where the bucket's objects are files. */
  readonly bucketFolder: string
  stop(): Promise<void>
}

/** The word with which a test that needs it skips itself. */
export const versityGwMissing = 'no versitygw in $VERSITYGW_BINARY or PATH'

const startsMax = 5
const readyMsMax = 20_000

/** Starts it on a free loopback port; undefined where it is not installed. */
export async function startVersityGw(): Promise<VersityGw | undefined> {
  const binary = await findInstalled('versitygw', process.env['VERSITYGW_BINARY'])
  if (binary === undefined) {
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'versitygw-'))
  const bucketFolder = join(folder, 'snapshots')
  await mkdir(bucketFolder)
  // A port is free when asked for and may be taken a moment later by a test that runs beside.
  for (let start = 1; ; start++) {
    const port = await freePort()
    const child = spawn(
      binary,
      ['--quiet', '--keep-alive', `--port=127.0.0.1:${port}`, 'posix', folder],
      {
        stdio: 'ignore',
        env: { ...process.env, ROOT_ACCESS_KEY: 'owner', ROOT_SECRET_KEY: 'hidden-word' },
      },
    )
    const killWithCaller = (): boolean => child.kill('SIGKILL')
    process.once('exit', killWithCaller)
    const gone = once(child, 'exit').finally(() => process.off('exit', killWithCaller))
    const endpoint = `http://127.0.0.1:${port}`
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    }
    if (await answers(endpoint, child)) {
      return { settings: settingsAt(endpoint), bucketFolder, stop }
    }
    if (start === startsMax) {
      await stop()
      throw new Error(`${binary} did not start`)
    }
  }
}

function settingsAt(endpoint: string): S3Settings {
  return {
    bucket: 'snapshots',
    prefix: 'etcdurable/Home_1/',
    endpoint,
    region: 'us-east-1',
    accessKeyId: 'owner',
    secretAccessKey: 'hidden-word',
    sessionToken: undefined,
  }
}

async function answers(url: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + readyMsMax
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    try {
      await (await fetch(url)).arrayBuffer()
      return true
    } catch (error) {
      if (!(error instanceof TypeError)) {
        throw error
      }
      // The port is not open yet.
      await sleep(20)
    }
  }
  return false
}
