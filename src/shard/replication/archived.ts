import type { ArchivedOptions } from '../../archive/state.ts'
import { DEFAULT_KEYSPACE } from '../../config/keyspace-name.ts'
import { objectStoreOf } from '../../object-store/object-store-of.ts'
import type { ObjectStore } from '../../object-store/object-store.ts'
import type { Creation, ReplicationStatus } from '../../protocol/shard-rpc.ts'
import { nextTurn } from '../commit.ts'
import type { Clock } from './clock.ts'

/** Where a keyspace is sent to, and what it was made with. */
export interface Archived {
  readonly objects: ObjectStore
  /** Undefined where the object does not know it, as when its alarm has woken it. */
  readonly keyspace: string | undefined
  readonly generation: number
  readonly options: ArchivedOptions
}

/** Undefined where the deployment has no store. `creation` is so of `default`, which nobody makes. */
export function archivedIn(
  env: Env,
  ctx: DurableObjectState,
  creation: Creation | undefined,
): Archived | undefined {
  const objects = objectStoreOf(env)
  return (
    objects && {
      objects,
      keyspace: creation === undefined ? DEFAULT_KEYSPACE : ctx.id.name,
      generation: creation?.created ?? 0,
      options: archivedOptions(creation),
    }
  )
}

/** What is not given is null. */
export function archivedOptions(creation: Creation | undefined): ArchivedOptions {
  return {
    quotaBackendBytes: creation?.quotaBackendBytes ?? null,
    autoCompactionMode: creation?.autoCompactionMode ?? null,
    autoCompactionRetention: creation?.autoCompactionRetention ?? null,
  }
}

/** Of a keyspace without an object store. */
export const NOT_REPLICATED: ReplicationStatus = {
  state: 'off',
  reason: null,
  epoch: 0,
  revision: 0,
  lagSeconds: 0,
  lagRevisions: 0,
  lastSegment: null,
  lastFull: null,
  segments: 0,
  fulls: 0,
  failures: 0,
}

/** The Worker's own. */
export const workerClock: Clock = {
  now: () => Date.now(),
  turn: nextTurn,
  wait: (ms) => scheduler.wait(ms),
}
