import type { ArchiveName } from '../../archive/names.ts'
import type { ArchivedOptions } from '../../archive/state.ts'
import type { ObjectStore } from '../../object-store/object-store.ts'
import type { Keyspace } from '../keyspace.ts'
import type { Clock } from './clock.ts'

/** What replication works with, and whom it tells. */
export interface ReplicationParts {
  readonly keyspace: Keyspace
  readonly objects: ObjectStore
  readonly archive: ArchiveName
  readonly options: ArchivedOptions
  /** How far behind the archive may be, in ms. */
  readonly lagMs: number
  readonly clock: Clock
  readonly random: () => string
  /** Resolves when all that was written is durable. */
  readonly durable: () => Promise<void>
  /** Has `run` called at a time, in ms since 1970; undefined for never. */
  readonly wakeAt: (time: number | undefined) => void
  /** The object stays in memory until it is settled. */
  readonly keep: (work: Promise<void>) => void
  /** Something was sent that compaction has waited for. */
  readonly sent: () => void
  readonly log: (line: string) => void
}
