// The server that the black-box suites judge: ours, or, with E2E_TARGET_ETCD=path, a real etcd.
// The latter is how the suites themselves are judged: all of them pass against etcd 3.7.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEtcd } from '../oracle/etcd.ts'
import { startServer } from './server.ts'

/** A real etcd stands in: what etcd does worse than we promise cannot be asked of it. */
export const targetIsEtcd = process.env['E2E_TARGET_ETCD'] !== undefined

interface Running {
  readonly url: string
  stop(): Promise<void>
  kill9(): Promise<void>
}

export class Target {
  readonly dataDir: string
  readonly #flags: readonly string[]
  #running: Running | undefined

  private constructor(dataDir: string, flags: readonly string[], running: Running) {
    this.dataDir = dataDir
    this.#flags = flags
    this.#running = running
  }

  /** A server with an empty keyspace; flags are such as `--max-txn-ops=5`. */
  static async start(flags: readonly string[] = []): Promise<Target> {
    const dataDir = await mkdtemp(join(tmpdir(), 'etcdurable-e2e-'))
    return new Target(dataDir, flags, await run(dataDir, flags))
  }

  /** Such as `http://127.0.0.1:40123`; another one after each restart. */
  get url(): string {
    if (this.#running === undefined) {
      throw new Error('the server was killed and not restarted')
    }
    return this.#running.url
  }

  /** A clean stop where it still runs, then a start on the same data. */
  async restart(): Promise<void> {
    await this.#running?.stop()
    this.#running = await run(this.dataDir, this.#flags)
  }

  /** SIGKILL to the process that holds the data; `restart` brings it back. */
  async kill9(): Promise<void> {
    await this.#running?.kill9()
    this.#running = undefined
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

async function run(dataDir: string, flags: readonly string[]): Promise<Running> {
  const binary = process.env['E2E_TARGET_ETCD']
  if (binary === undefined) {
    return startServer({ dataDir, flags })
  }
  const etcd = await startEtcd({ binary, dataDir, flags })
  if (etcd === undefined) {
    throw new Error(`${binary} did not start`)
  }
  return etcd
}
