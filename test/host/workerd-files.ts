import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { namespaces } from './namespaces.ts'

const worker = join(import.meta.dirname, 'worker')

/** Writes workerd's configuration of the contract's Worker, and answers its path. */
export function writeWorkerdFiles(directory: string, storage: string): string {
  const names = readdirSync(worker).filter((name) => name.endsWith('.ts'))
  const entryFirst = names.toSorted((name) => (name === 'contract-worker.ts' ? -1 : 1))
  for (const name of names) {
    const source = readFileSync(join(worker, name), 'utf8')
    writeFileSync(join(directory, name), stripTypeScriptTypes(source))
  }
  const path = join(directory, 'config.capnp')
  writeFileSync(path, config(entryFirst, storage))
  return path
}

function config(modules: readonly string[], storage: string): string {
  const bindings = namespaces.map(
    ({ binding, className }) => `(name = "${binding}", durableObjectNamespace = "${className}")`,
  )
  const classes = namespaces.map(
    ({ className, uniqueKey }) =>
      `(className = "${className}", uniqueKey = "${uniqueKey}", enableSql = true)`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "storage", disk = (path = "${storage}", writable = true)),
  ],
  sockets = [(name = "0", address = "127.0.0.1:0", http = (), service = "worker")],
);
const worker :Workerd.Worker = (
  modules = [${modules.map(moduleText).join(', ')}],
  bindings = [${bindings.join(', ')}],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [${classes.join(', ')}],
  durableObjectStorage = (localDisk = "storage"),
);
`
}

function moduleText(name: string): string {
  return `(name = "${name}", esModule = embed "${name}")`
}
