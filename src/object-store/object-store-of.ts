import { settingsOf } from '../config/settings.ts'
import { HostStore } from './host-store.ts'
import type { ObjectStore } from './object-store.ts'
import { ProbedStore, type Probing } from './probed-store.ts'
import { R2Store } from './r2-store.ts'
import { S3Store } from './s3-store.ts'

const stores = new WeakMap<Env, ObjectStore>()
/** Of this process or isolate, by the names of the stores: each keyspace would ask the same again. */
const probings = new Map<string, Probing>()

/**
 * The store that a deployment keeps snapshots in: the bucket that is bound as SNAPSHOTS, else what
 * `--snapshot-store` says. Undefined where there is none. Throws a SettingsError.
 */
export function objectStoreOf(env: Env): ObjectStore | undefined {
  const store = stores.get(env) ?? openStore(env)
  if (store !== undefined) {
    stores.set(env, store)
  }
  return store
}

function openStore(env: Env): ObjectStore | undefined {
  // R2 itself is known to keep what it promises.
  if (env.SNAPSHOTS !== undefined) {
    return new R2Store(env.SNAPSHOTS)
  }
  const { snapshotStore } = settingsOf(env)
  if (snapshotStore?.kind === 's3') {
    const store = new S3Store(snapshotStore)
    return new ProbedStore(store, probingOf(store.name))
  }
  if (snapshotStore === undefined) {
    return undefined
  }
  const { HOST, SNAPSHOT_DIRECTORY } = env
  const store = SNAPSHOT_DIRECTORY ?? (HOST && new HostStore(HOST, snapshotStore.url))
  return store && new ProbedStore(store, probingOf(snapshotStore.url))
}

function probingOf(name: string): Probing {
  const probing = probings.get(name) ?? { name }
  probings.set(name, probing)
  return probing
}
