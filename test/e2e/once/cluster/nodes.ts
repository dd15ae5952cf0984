// Three nodes of a cluster as processes, with a bucket, on this machine.
import { randomBytes } from 'node:crypto'
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shardUniqueKey } from '../../../../src/cli/workerd-config.ts'
import { DurableObjectIds } from '../../../../src/host/durable-object-id.ts'
import { freePort } from '../../../oracle/free-port.ts'
import type { S3Server } from '../../../oracle/s3-server.ts'
import { startVersityGw } from '../../../oracle/versitygw.ts'
import { type Server, startServer } from '../../server.ts'
import { BucketLine } from './bucket-line.ts'
import { PeerLine } from './peer-line.ts'

const PREFIX = 'cluster'

/** One machine: its way to the bucket, the others' way to it, and its process. */
export class ClusterNode {
  readonly name: string
  readonly bucket: BucketLine
  readonly peers: PeerLine
  readonly clientPort: number
  /** Around its line, where what is measured is not the line. */
  bucketUrl: string
  readonly #peerPort: number
  readonly #folder: string
  #flags: readonly string[] = []
  #env: Readonly<Record<string, string>> = {}
  #server: Server | undefined

  private constructor(
    name: string,
    folder: string,
    lines: { readonly bucket: BucketLine; readonly peers: PeerLine },
    ports: { readonly client: number; readonly peer: number },
  ) {
    this.name = name
    this.#folder = folder
    this.bucket = lines.bucket
    this.bucketUrl = lines.bucket.url
    this.peers = lines.peers
    this.clientPort = ports.client
    this.#peerPort = ports.peer
  }

  static async make(name: string, folder: string, endpoint: string): Promise<ClusterNode> {
    const ports = { client: await freePort(), peer: await freePort() }
    const lines = {
      bucket: await BucketLine.start(endpoint),
      peers: await PeerLine.start(ports.peer),
    }
    return new ClusterNode(name, folder, lines, ports)
  }

  get url(): string {
    return `http://127.0.0.1:${this.clientPort}`
  }

  get member(): string {
    return `${this.name}=http://127.0.0.1:${this.peers.port}`
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

  configure(flags: readonly string[], env: Readonly<Record<string, string>>): void {
    this.#flags = flags
    this.#env = env
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#server = await startServer({
      dataDir: join(this.#folder, this.name),
      port: this.clientPort,
      flags: [
        `--name=${this.name}`,
        `--listen-peer-urls=http://127.0.0.1:${this.#peerPort}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${this.peers.port}`,
        `--advertise-client-urls=${this.url}`,
        `--cluster-bucket-endpoint=${this.bucketUrl}`,
        ...this.#flags,
      ],
      env: { ...this.#env, ...env },
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

  /** Nothing passes between it and the bucket and the others. */
  isolate(isIsolated: boolean): void {
    this.bucket.fault = isIsolated ? 'silent' : 'none'
    this.peers.isSilent = isIsolated
  }

  async close(): Promise<void> {
    this.isolate(false)
    await this.kill9()
    this.bucket.close()
    this.peers.close()
  }
}

export class Cluster {
  readonly nodes: readonly ClusterNode[]
  readonly #gateway: S3Server
  readonly #folder: string

  private constructor(nodes: readonly ClusterNode[], gateway: S3Server, folder: string) {
    this.nodes = nodes
    this.#gateway = gateway
    this.#folder = folder
  }

  /** Undefined where versitygw is not installed. `isDirect` is without the lines to the bucket. */
  static async start({ size = 3, isDirect = false } = {}): Promise<Cluster | undefined> {
    const gateway = await startVersityGw()
    if (gateway === undefined) {
      return undefined
    }
    const folder = await mkdtemp(join(tmpdir(), 'etcdurable-cluster-'))
    const keyFile = join(folder, 'key')
    await writeFile(keyFile, randomBytes(32).toString('hex'))
    const { bucket, endpoint, accessKeyId, secretAccessKey } = gateway.settings
    const names = Array.from({ length: size }, (_, place) => `node-${place}`)
    const nodes = await Promise.all(names.map((name) => ClusterNode.make(name, folder, endpoint)))
    const flags = [
      `--initial-cluster=${nodes.map(({ member }) => member).join(',')}`,
      `--cluster-bucket=s3://${bucket}/${PREFIX}`,
      `--cluster-key-file=${keyFile}`,
    ]
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
    for (const node of nodes) {
      node.configure(flags, env)
      node.bucketUrl = isDirect ? endpoint : node.bucketUrl
    }
    const cluster = new Cluster(nodes, gateway, folder)
    try {
      await Promise.all(nodes.map((node) => node.start()))
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url)
  }

  /** The node that has the keyspace, or had it last. */
  async owner(keyspace = 'default'): Promise<ClusterNode> {
    const root = join(this.#gateway.bucketFolder, PREFIX, 'v1')
    const id = new DurableObjectIds(shardUniqueKey).fromName(keyspace).toString()
    for await (const path of glob(join(root, 'do', '*', id, 'own.json'))) {
      const { node } = (await readJson(path)) as { readonly node: string }
      const lease = (await readJson(join(root, 'nodes', `${node}.json`))) as {
        readonly address: string
      }
      const found = this.nodes.find(({ peers }) => lease.address.endsWith(`:${peers.port}`))
      if (found !== undefined) {
        return found
      }
    }
    throw new Error(`nobody owns the keyspace ${keyspace}`)
  }

  async others(): Promise<readonly ClusterNode[]> {
    const owner = await this.owner()
    return this.nodes.filter((node) => node !== owner)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
    await this.#gateway.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}
