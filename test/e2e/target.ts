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
  #running: Running | undefined

  private constructor(dataDir: string, running: Running) {
    this.dataDir = dataDir
    this.#running = running
  }

  /** A server with an empty keyspace. */
  static async start(): Promise<Target> {
    const dataDir = await mkdtemp(join(tmpdir(), 'etcdurable-e2e-'))
    return new Target(dataDir, await run(dataDir))
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
    this.#running = await run(this.dataDir)
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

async function run(dataDir: string): Promise<Running> {
  const binary = process.env['E2E_TARGET_ETCD']
  if (binary === undefined) {
    return startServer({ dataDir })
  }
  const etcd = await startEtcd({ binary, dataDir })
  if (etcd === undefined) {
    throw new Error(`${binary} did not start`)
  }
  return etcd
}
