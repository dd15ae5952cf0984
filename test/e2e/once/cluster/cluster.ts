// Nodes of a cluster as processes, with a bucket, on this machine.
import { randomBytes } from 'node:crypto'
import { glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shardUniqueKey } from '../../../../src/cli/workerd-config.ts'
import { DurableObjectIds } from '../../../../src/host/durable-object-id.ts'
import type { S3Server } from '../../../oracle/s3-server.ts'
import { startVersityGw } from '../../../oracle/versitygw.ts'
import { ClusterNode } from './cluster-node.ts'
import { LoopbackWays } from './loopback-ways.ts'
import type { Ways } from './ways.ts'

const SIZE = 3
const PREFIX = 'cluster'

export class Cluster<W extends Ways = LoopbackWays> {
  readonly nodes: readonly ClusterNode<W>[]
  readonly #gateway: S3Server
  readonly #folder: string

  private constructor(nodes: readonly ClusterNode<W>[], gateway: S3Server, folder: string) {
    this.nodes = nodes
    this.#gateway = gateway
    this.#folder = folder
  }

  /** Undefined where versitygw is not installed. `isDirect` is without the lines to the bucket. */
  static async onLoopback({ isDirect = false } = {}): Promise<Cluster | undefined> {
    const gateway = await startVersityGw()
    if (gateway === undefined) {
      return undefined
    }
    const { endpoint } = gateway.settings
    const ways = Array.from({ length: SIZE }, () => LoopbackWays.make(endpoint, isDirect))
    return Cluster.start(gateway, await Promise.all(ways))
  }

  /** A node for each of the ways. Both they and the bucket end with the cluster. */
  static async start<W extends Ways>(gateway: S3Server, ways: readonly W[]): Promise<Cluster<W>> {
    const folder = await mkdtemp(join(tmpdir(), 'etcdurable-cluster-'))
    const keyFile = join(folder, 'key')
    await writeFile(keyFile, randomBytes(32).toString('hex'))
    const { bucket, accessKeyId, secretAccessKey } = gateway.settings
    const members = ways.map(({ peerUrl }, place) => `node-${place}=${peerUrl}`)
    const flags = [
      `--initial-cluster=${members.join(',')}`,
      `--cluster-bucket=s3://${bucket}/${PREFIX}`,
      `--cluster-key-file=${keyFile}`,
    ]
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
    const settings = { folder, flags, env }
    const nodes = ways.map((way, place) => new ClusterNode(`node-${place}`, way, settings))
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
  async owner(keyspace = 'default'): Promise<ClusterNode<W>> {
    const root = join(this.#gateway.bucketFolder, PREFIX, 'v1')
    const id = new DurableObjectIds(shardUniqueKey).fromName(keyspace).toString()
    for await (const path of glob(join(root, 'do', '*', id, 'own.json'))) {
      const { node } = (await readJson(path)) as { readonly node: string }
      const lease = (await readJson(join(root, 'nodes', `${node}.json`))) as {
        readonly address: string
      }
      const found = this.nodes.find(({ runtimeAddress }) => lease.address === runtimeAddress)
      if (found !== undefined) {
        return found
      }
    }
    throw new Error(`nobody owns the keyspace ${keyspace}`)
  }

  async others(): Promise<readonly ClusterNode<W>[]> {
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
