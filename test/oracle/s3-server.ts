// A real S3 server over a folder, started beside the tests.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Settings } from '../../src/config/snapshot-store.ts'
import { freePort } from './free-port.ts'
import { commandAt, LOOPBACK, type Place } from './place.ts'

export interface S3Server {
  /** Of a bucket that is there, with the rights of its owner. */
  readonly settings: S3Settings
  /** Where the bucket's objects are. */
  readonly bucketFolder: string
  stop(): Promise<void>
}

interface Program {
  readonly binary: string
  /** So that it listens there, and has its buckets in that folder. */
  readonly args: (address: string, folder: string) => readonly string[]
  /** By which its owner is known. */
  readonly env: Readonly<Record<string, string>>
}

export const OWNER = 'owner'
export const SECRET = 'hidden-word'

const startsMax = 5
const readyMsMax = 60_000

/** Starts it on a free port of that place. */
export async function startS3Server(
  { binary, args, env }: Program,
  place: Place = LOOPBACK,
): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 's3-server-'))
  const bucketFolder = join(folder, 'snapshots')
  await mkdir(bucketFolder)
  // A port is free when asked for and may be taken a moment later by a test that runs beside.
  for (let start = 1; ; start++) {
    const address = `${place.host}:${await freePort()}`
    const [program, words] = commandAt(place, binary, args(address, folder))
    const child = spawn(program, words, {
      stdio: 'ignore',
      env: { ...process.env, ...env },
    })
    const killWithCaller = (): boolean => child.kill('SIGKILL')
    process.once('exit', killWithCaller)
    const gone = once(child, 'exit').finally(() => process.off('exit', killWithCaller))
    const endpoint = `http://${address}`
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
    accessKeyId: OWNER,
    secretAccessKey: SECRET,
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
