import type { Revision } from '../../mvcc/types.ts'
import type { ReplicationStatus } from '../../protocol/shard-rpc.ts'
import type { Position } from './position.ts'
import type { StoreHealth } from './store-health.ts'

/** An archive is behind when it is so much further than it may be: a put takes its time. */
const LATE = 2

interface Told {
  readonly position: Position
  readonly health: Pick<StoreHealth, 'reason' | 'failures'>
  /** The store's. */
  readonly revision: Revision
  /** When the first change came that was not sent, in ms since 1970; undefined where all was. */
  readonly since: number | undefined
  /** The same of what the first full of the epoch is to have, which is of no use before. */
  readonly epochSince: number
  readonly counts: { readonly segments: number; readonly fulls: number }
  readonly now: number
  readonly lagMs: number
}

export function replicationStatus(told: Told): ReplicationStatus {
  const { position, health, counts } = told
  const { epoch, deposed, full, time } = position
  const isWithoutFull = epoch > 0 && full === undefined
  const since = isWithoutFull ? told.epochSince : told.since
  const lagMs = since === undefined ? 0 : Math.max(0, told.now - since)
  const sent = isWithoutFull ? 0 : position.revision
  return {
    state: stateOf(told, lagMs),
    reason: deposed ?? health.reason ?? null,
    epoch,
    revision: sent,
    lagSeconds: lagMs / 1000,
    lagRevisions: since === undefined ? 0 : told.revision - sent,
    lastSegment: time === 0 ? null : time,
    lastFull: full === undefined ? null : lastFull(full),
    segments: counts.segments,
    fulls: counts.fulls,
    failures: health.failures,
  }
}

function stateOf({ position, health, ...told }: Told, lagMs: number): ReplicationStatus['state'] {
  if (position.deposed !== undefined) {
    return 'deposed'
  }
  if (health.reason !== undefined) {
    return 'failing'
  }
  return lagMs > LATE * told.lagMs ? 'behind' : 'current'
}

function lastFull({ revision, time, bytes }: NonNullable<Position['full']>) {
  return { revision, time, bytes }
}
