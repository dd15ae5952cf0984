import { relative } from 'node:path'
import type { ClusterBucket } from './cluster-bucket.ts'
import type { ClusterAddresses } from './cluster-peers.ts'

/**
 * Namespaces of the Durable Objects. Their ids, and so the names of the files that hold them, are
 * derived from it: changing one loses every data directory.
 */
export const shardUniqueKey = 'etcdurable-shard'
export const directoryUniqueKey = 'etcdurable-directory'
export const replicaUniqueKey = 'etcdurable-replica'
export const labUniqueKey = 'etcdurable-lab'
export const labClientUniqueKey = 'etcdurable-lab-client'

export interface WorkerdOptions {
  /** Where the configuration will be written; modules are named relative to it. */
  readonly directory: string
  /** Absolute path of the Durable Objects' storage. */
  readonly storage: string
  /** `host:port` or `unix:path` of each socket, which are named by their place: `0`, `1`, … */
  readonly addresses: readonly string[]
  /** More of them, whose clients came over TLS. */
  readonly secureAddresses?: readonly string[]
  /** Absolute paths by module name, the Worker's entry first. */
  readonly modules: ReadonlyMap<string, string>
  readonly variables: ReadonlyMap<string, string>
  /** `unix:path` of an HTTP server that tells of the machine: the Worker's HOST. */
  readonly host?: string
  /** Whether the Worker may connect to private addresses; to public ones workerd lets it anyway. */
  readonly network?: boolean
  /** Where several of them share the objects. */
  readonly cluster?: WorkerdCluster | undefined
}

/** workerd's `ClusterConfig`. */
interface WorkerdCluster {
  readonly bucket: ClusterBucket
  readonly addresses: ClusterAddresses
  /** A secret of 32 bytes at least. */
  readonly key: string
  readonly stopMs: number
}

/**
 * TLS ends before workerd, so the gateway is told of it by a header that is set or removed here,
 * whatever a client says. (workerd's own forwardedProtoHeader is read before headers are injected.)
 */
const plainHttp = '(injectRequestHeaders = [(name = "X-Forwarded-Proto")])'
const secureHttp = '(injectRequestHeaders = [(name = "X-Forwarded-Proto", value = "https")])'

/** workerd's configuration of wrangler.toml's Worker, in Cap'n Proto's text form. */
export function workerdConfig(options: WorkerdOptions): string {
  const plain = options.addresses.map((address) => ({ address, http: plainHttp }))
  const secure = (options.secureAddresses ?? []).map((address) => ({ address, http: secureHttp }))
  const sockets = [...plain, ...secure].map(
    ({ address, http }, place) =>
      `(name = "${place}", address = ${quote(address)}, http = ${http}, service = "worker")`,
  )
  const modules = [...options.modules].map(([name, path]) => {
    const content = `embed ${quote(relative(options.directory, path))}`
    return `(name = ${quote(name)}, ${name.endsWith('.js') ? 'esModule' : 'text'} = ${content})`
  })
  const bindings = [
    '(name = "SHARD", durableObjectNamespace = "Shard")',
    '(name = "DIRECTORY", durableObjectNamespace = "Directory")',
    '(name = "REPLICA", durableObjectNamespace = "Replica")',
    '(name = "LAB", durableObjectNamespace = "EdgeLab")',
    '(name = "LAB_CLIENT", durableObjectNamespace = "EdgeClient")',
    ...(options.host === undefined ? [] : ['(name = "HOST", service = "host")']),
    ...[...options.variables].map(([name, value]) => `(name = "${name}", text = ${quote(value)})`),
  ]
  const host =
    options.host === undefined
      ? ''
      : `\n    (name = "host", external = (address = ${quote(options.host)}, http = ())),`
  const network =
    options.network === true
      ? `\n    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),`
      : ''
  const cluster =
    options.cluster === undefined ? '' : `\n  cluster = ${clusterText(options.cluster)},`
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "storage", disk = (path = ${quote(options.storage)}, writable = true)),${host}${network}
  ],
  sockets = ${list(sockets)},
  logging = (structuredLogging = true),${cluster}
);

const worker :Workerd.Worker = (
  modules = ${list(modules)},
  bindings = ${list(bindings)},
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [
    (className = "Shard", uniqueKey = "${shardUniqueKey}", enableSql = true),
    (className = "Directory", uniqueKey = "${directoryUniqueKey}", enableSql = true),
    (className = "Replica", uniqueKey = "${replicaUniqueKey}", enableSql = true),
    (className = "EdgeLab", uniqueKey = "${labUniqueKey}", enableSql = true),
    (className = "EdgeClient", uniqueKey = "${labClientUniqueKey}", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "storage"),
);
`
}

function clusterText({ bucket, addresses, key, stopMs }: WorkerdCluster): string {
  const settings = [
    `bucket = ${quote(bucket.url)}`,
    `bucketOptions = ${list(bucket.options.map(quote))}`,
    `address = ${quote(addresses.listen)}`,
    `advertise = ${quote(addresses.advertise)}`,
    `key = ${quote(key)}`,
    `stopTimeoutMs = ${stopMs}`,
  ]
  return `(\n    ${settings.join(',\n    ')},\n  )`
}

function list(items: readonly string[]): string {
  return `[\n${items.map((item) => `    ${item},\n`).join('')}  ]`
}

/** A Cap'n Proto text literal: UTF-8 as it is, the rest escaped as in C. */
function quote(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what must be escaped
  const escaped = text.replaceAll(/["\\\x00-\x1f\x7f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `"${escaped}"`
}
