// The contract's Worker on each platform: a child process on a data directory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { writeWorkerdFiles } from './workerd-files.ts'

// CommonJS, which vitest and Node import each in their way.
const workerd = createRequire(import.meta.url)('workerd') as { readonly default: string }

export type Platform = 'host' | 'workerd'

export interface Running {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** SIGTERM; resolves when the process has ended. */
  stop(): Promise<void>
  kill9(): Promise<void>
  /** What it has written to its standard error. */
  log(): string
}

export interface Limits {
  /** No file may be larger: a write beyond it fails, as on a full disk. */
  readonly fileKilobytes?: number
}

/** Starts the Worker on a directory of objects, which the other platform may have written. */
export async function startPlatform(
  platform: Platform,
  storage: string,
  { fileKilobytes }: Limits = {},
): Promise<Running> {
  mkdirSync(storage, { recursive: true })
  const files = mkdtempSync(join(tmpdir(), 'host-contract-'))
  const command =
    platform === 'host'
      ? [process.execPath, join(import.meta.dirname, 'host-process.ts'), storage]
      : [workerd.default, 'serve', '--control-fd=3', writeWorkerdFiles(files, storage)]
  const limit = fileKilobytes === undefined ? 'unlimited' : String(fileKilobytes)
  const child = spawn('sh', ['-c', `ulimit -f ${limit} && exec "$@"`, 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'pipe', platform === 'host' ? 'ignore' : 'pipe'],
  })
  let log = ''
  const keep = (text: string): void => {
    log = (log + text).slice(-65_536)
  }
  child.stderr?.setEncoding('utf8').on('data', keep)
  const closed = once(child, 'close')
  const port = await portOf(child.stdio[platform === 'host' ? 1 : 3] as Readable)
  child.stdout?.resume()
  rmSync(files, { recursive: true })
  if (port === undefined) {
    throw new Error(`${platform} did not start: ${log}`)
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    log: () => log,
  }
}

/** The first number on the first line: the host's is all of it, workerd's is of its event. */
async function portOf(stream: Readable): Promise<number | undefined> {
  for await (const line of createInterface({ input: stream })) {
    const port = /^(\d+)$|"port":(\d+)/.exec(line)
    return Number(port?.[1] ?? port?.[2])
  }
  return undefined
}
