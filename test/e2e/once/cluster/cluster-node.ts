import { join } from 'node:path'
import { loopbackAddressOf } from '../../../../src/peer/loopback-address.ts'
import { type Server, startServer } from '../../server.ts'
import type { LoopbackWays } from './loopback-ways.ts'
import type { Ways } from './ways.ts'

interface NodeSettings {
  /** Of the whole cluster; its data directory is in it. */
  readonly folder: string
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** One machine: its ways, and its process. */
export class ClusterNode<W extends Ways = LoopbackWays> {
  readonly name: string
  readonly ways: W
  readonly #settings: NodeSettings
  #server: Server | undefined

  constructor(name: string, ways: W, settings: NodeSettings) {
    this.name = name
    this.ways = ways
    this.#settings = settings
  }

  get url(): string {
    return `http://${this.ways.place.host}:${this.ways.clientPort}`
  }

  /** `host:port`, as its runtime tells others of it. */
  get runtimeAddress(): string {
    const { protocol, host, origin } = new URL(this.ways.peerUrl)
    const carried = loopbackAddressOf(origin)
    return protocol === 'https:' ? `${carried.host}:${carried.port}` : host
  }

  get isUp(): boolean {
    return this.#server !== undefined
  }

  /** Of the process that clients talk to. */
  get pid(): number {
    return this.#server?.pid ?? 0
  }

  /** Of the one that runs now: it may have been started again. */
  get workerdPid(): number {
    const pids = [...this.log().matchAll(/"workerd started","pid":(\d+)/g)]
    return Number(pids.at(-1)?.[1] ?? 0)
  }

  readonly log = (): string => this.#server?.log() ?? ''

  async start(): Promise<void> {
    const { folder, flags, env } = this.#settings
    const { place, clientPort, listenPeerUrl, peerUrl, bucketUrl } = this.ways
    this.#server = await startServer({
      dataDir: join(folder, this.name),
      place,
      port: clientPort,
      flags: [
        `--name=${this.name}`,
        `--listen-peer-urls=${listenPeerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--advertise-client-urls=${this.url}`,
        `--cluster-bucket-endpoint=${bucketUrl}`,
        ...this.ways.flags,
        ...flags,
      ],
      env,
    })
  }

  async kill9(): Promise<void> {
    await this.#server?.kill9()
    this.#server = undefined
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.stop()
  }

  killWorkerd(): void {
    process.kill(this.workerdPid, 'SIGKILL')
  }

  /** SIGSTOP and SIGCONT, for both processes. */
  freeze(): void {
    process.kill(-this.pid, 'SIGSTOP')
  }

  thaw(): void {
    process.kill(-this.pid, 'SIGCONT')
  }

  async close(): Promise<void> {
    await this.kill9()
    this.ways.close()
  }
}
