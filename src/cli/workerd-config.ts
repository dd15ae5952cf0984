import { relative } from 'node:path'

/**
 * Namespace of the Durable Objects. Their ids, and so the names of the files that hold them, are
 * derived from it: changing it loses every data directory.
 */
export const shardUniqueKey = 'etcdurable-shard'

export interface WorkerdOptions {
  /** Where the configuration will be written; modules are named relative to it. */
  readonly directory: string
  /** Absolute path of the Durable Objects' storage. */
  readonly storage: string
  /** `host:port` of each socket, which are named by their place: `0`, `1`, … */
  readonly addresses: readonly string[]
  /** Absolute paths by module name, the Worker's entry first. */
  readonly modules: ReadonlyMap<string, string>
  readonly variables: ReadonlyMap<string, string>
}

/** workerd's configuration of wrangler.toml's Worker, in Cap'n Proto's text form. */
export function workerdConfig(options: WorkerdOptions): string {
  const sockets = options.addresses.map(
    (address, place) =>
      `(name = "${place}", address = ${quote(address)}, http = (), service = "worker")`,
  )
  const modules = [...options.modules].map(([name, path]) => {
    const content = `embed ${quote(relative(options.directory, path))}`
    return `(name = ${quote(name)}, ${name.endsWith('.js') ? 'esModule' : 'text'} = ${content})`
  })
  const bindings = [
    '(name = "SHARD", durableObjectNamespace = "Shard")',
    ...[...options.variables].map(([name, value]) => `(name = "${name}", text = ${quote(value)})`),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "storage", disk = (path = ${quote(options.storage)}, writable = true)),
  ],
  sockets = ${list(sockets)},
  logging = (structuredLogging = true),
);

const worker :Workerd.Worker = (
  modules = ${list(modules)},
  bindings = ${list(bindings)},
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [
    (className = "Shard", uniqueKey = "${shardUniqueKey}", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "storage"),
);
`
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
