// Our own server as `npm start` runs it: a process of its own, on a free port, with real storage.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { commandAt, LOOPBACK, type Place } from '../oracle/place.ts'
import { runtimeFlags } from './runtime.ts'

export interface ServerOptions {
  /** An earlier data directory to go on with; otherwise a new one, which `stop` removes. */
  readonly dataDir?: string
  /** On loopback if it is not given. */
  readonly place?: Place
  /** Its port there; a free one otherwise. */
  readonly port?: number
  /** More flags, such as `--max-txn-ops=5`. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The command at work. */
export interface Command {
  /** Such as `http://127.0.0.1:40123`; https where a flag says so. */
  readonly url: string
  /** All of the ready line, where a flag made it listen on more than one. */
  readonly urls: readonly string[]
  readonly port: number
  readonly pid: number
  /** What the server has logged so far, the last 64 KiB of it. */
  readonly log: () => string
  /** Waits until it ends by itself; resolves to its exit code. */
  ended(): Promise<number | null>
  /** SIGTERM; rejects where the exit code is not 0. */
  stop(): Promise<void>
  /** SIGKILL to the command and to workerd; the data directory stays. */
  kill9(): Promise<void>
}

export interface Server extends Command {
  /** A child of the command; undefined where the command's own process has the objects. */
  readonly workerdPid: number | undefined
  readonly dataDir: string
}

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'start.js')
const logCharactersMax = 65_536

/** Starts a server and waits for its ready line. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'etcdurable-')))
  const place = options.place ?? LOOPBACK
  const listen = `--listen-client-urls=http://${place.host}:${options.port ?? 0}`
  const args = [listen, `--data-dir=${dataDir}`, ...runtimeFlags, ...(options.flags ?? [])]
  const command = await startCommand(args, options.env, place)
  const [, workerdPid] = /"workerd started","pid":(\d+)/.exec(command.log()) ?? []
  return {
    ...command,
    workerdPid: workerdPid === undefined ? undefined : Number(workerdPid),
    dataDir,
    stop: async () => {
      try {
        await command.stop()
      } finally {
        if (options.dataDir === undefined) {
          await rm(dataDir, { recursive: true })
        }
      }
    },
  }
}

export interface BridgeOptions {
  readonly upstream: string
  readonly tokenFile?: string
  readonly port?: number
  readonly flags?: readonly string[]
}

/** Starts a bridge and waits for its ready line. */
export function startBridge(options: BridgeOptions): Promise<Command> {
  return startCommand([
    'bridge',
    `--upstream=${options.upstream}`,
    `--token-file=${options.tokenFile ?? ''}`,
    `--listen-client-urls=http://127.0.0.1:${options.port ?? 0}`,
    ...(options.flags ?? []),
  ])
}

async function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  place: Place = LOOPBACK,
): Promise<Command> {
  const [program, words] = commandAt(place, process.execPath, [main, ...args])
  const child = spawn(
    program,
    words,
    // Its own process group, so that workerd can be killed with it.
    { detached: true, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const closed = once(child, 'close')
  let log = ''
  const ready = Promise.withResolvers<readonly string[]>()
  createInterface({ input: child.stderr }).on('line', (line) => {
    log = `${log}${line}\n`.slice(-logCharactersMax)
    const urls = readyUrls(line)
    if (urls !== undefined) {
      ready.resolve(urls)
    }
  })
  const urls = await Promise.race([ready.promise, closed.then((): readonly string[] => [])])
  const [url] = urls
  if (url === undefined) {
    await closed
    throw new Error(`the server did not start: ${log}`)
  }
  return {
    url,
    urls,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    log: () => log,
    ended: async () => {
      await closed
      return child.exitCode
    },
    stop: async () => {
      child.kill('SIGTERM')
      await closed
      if (child.exitCode !== 0) {
        throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}: ${log}`)
      }
    },
    kill9: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(-(child.pid ?? 0), 'SIGKILL')
      }
      await closed
    },
  }
}

/** The URLs of the ready line; undefined for another line. */
export function readyUrls(line: string): readonly string[] | undefined {
  if (!line.includes('"msg":"ready to serve client requests"')) {
    return undefined
  }
  return (JSON.parse(line) as { readonly 'client-urls': readonly string[] })['client-urls']
}
