// The server that the black-box suites judge: ours, or, with E2E_TARGET_ETCD=path, a real etcd.
// The latter is how the suites themselves are judged: all of them pass against etcd 3.7. With
// E2E_TARGET_REPLICA=weur it is a replica of ours in that region, reached by a bridge alone.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEtcd } from '../oracle/etcd.ts'
import { bridgeToReplica } from './replica-bridge.ts'
import { type Server, startServer } from './server.ts'

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
    const region = process.env['E2E_TARGET_REPLICA']
    const server = await startServer({ dataDir, flags })
    return region === undefined ? server : behindReplica(server, region)
  }
  const etcd = await startEtcd({ binary, dataDir, flags })
  if (etcd === undefined) {
    throw new Error(`${binary} did not start`)
  }
  return etcd
}

/** A server, and a bridge to a replica of its keyspace. */
async function behindReplica(server: Server, region: string): Promise<Running> {
  const bridge = await bridgeToReplica(server, region)
  return {
    url: bridge.url,
    stop: async () => {
      await bridge.stop()
      await server.stop()
    },
    kill9: async () => {
      await server.kill9()
      await bridge.kill9()
    },
  }
}
