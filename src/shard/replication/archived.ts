import type { ArchiveName } from '../../archive/names.ts'
import type { ArchivedOptions } from '../../archive/state.ts'
import type { ObjectStore } from '../../object-store/object-store.ts'
import type { Creation, ReplicationStatus } from '../../protocol/shard-rpc.ts'
import { nextTurn } from '../commit.ts'
import type { Clock } from './clock.ts'

/** Where a keyspace is sent to, and what it was made with. */
export interface Archived {
  readonly objects: ObjectStore
  readonly archive: ArchiveName
  readonly options: ArchivedOptions
}

/** `creation` is undefined of `default`, which nobody makes. */
export function archivedIn(
  objects: ObjectStore,
  keyspace: string,
  creation: Creation | undefined,
): Archived {
  return {
    objects,
    archive: { keyspace, generation: creation?.created ?? 0 },
    options: {
      quotaBackendBytes: creation?.quotaBackendBytes ?? null,
      autoCompactionMode: creation?.autoCompactionMode ?? null,
      autoCompactionRetention: creation?.autoCompactionRetention ?? null,
    },
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
