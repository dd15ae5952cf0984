import type { Revision } from '../../mvcc/types.ts'
import { OBJECT_BYTES_MAX } from '../../object-store/object-store.ts'
import { type Position, UNLISTED_MAX } from './position.ts'

/** With so many bytes of changes a segment is sent before its time. */
export const SEGMENT_BYTES = 8 * 1024 * 1024
/** A segment ends at the end of a revision, however long that is, but has no more than that. */
export const SEGMENT_BYTES_MAX = OBJECT_BYTES_MAX - 1024 * 1024
/** A segment leaves so much earlier than the lag that is allowed, as it takes its time. */
const AHEAD = 0.05
/** A segment is named by a manifest so long after it was sent, at most, and so long after the last one. */
const MANIFEST_BUSY_MS = 120_000
const MANIFEST_QUIET_MS = 60_000
/** Segments may have as many bytes as the full before them, and as that. */
const BYTES_SINCE_FULL = 64 * 1024 * 1024
/** However fast they do, the next full is not made before: it costs as much as all of them. */
const FULL_SPACE_MS = 10 * 60_000
const FULL_AGE_MS = 24 * 3_600_000

/** What decides what is to be done next. */
export interface Situation {
  readonly position: Position
  /** The store's. */
  readonly revision: Revision
  /** Whether the log still has all that is behind the position. */
  readonly isWhole: boolean
  /** When the first change came that was not sent, in ms since 1970; undefined where all was. */
  readonly since: number | undefined
  /** About so many bytes of changes wait. */
  readonly waitingBytes: number
  /** A full is being sent. */
  readonly isFullUnderWay: boolean
  /** Nothing is tried before, in ms since 1970. */
  readonly retryAt: number
  /** How far behind the archive may be. */
  readonly lagMs: number
}

export type Step =
  /** Claim an epoch, which begins with a full. */
  | { readonly do: 'epoch' }
  /** `full`: and make a full of the state behind it. */
  | { readonly do: 'segment'; readonly full: boolean }
  | { readonly do: 'full' }
  | { readonly do: 'manifest' }
  /** `until` is in ms since 1970; undefined is until something happens. */
  | { readonly do: 'wait'; readonly until: number | undefined }

/** What replication does next. */
export function nextStep(situation: Situation, now: number): Step {
  const { position, since, retryAt } = situation
  if (position.deposed !== undefined) {
    return { do: 'wait', until: undefined }
  }
  if (now < retryAt) {
    return { do: 'wait', until: retryAt }
  }
  const due = segmentDue(situation)
  if (position.epoch === 0 || !situation.isWhole) {
    return now >= due ? { do: 'epoch' } : wait(due)
  }
  if (wantsFull(situation, now)) {
    return since === undefined ? { do: 'full' } : { do: 'segment', full: true }
  }
  if (now >= due) {
    return { do: 'segment', full: false }
  }
  const listing = manifestDue(position)
  return now >= listing ? { do: 'manifest' } : wait(Math.min(due, listing))
}

function wait(until: number): Step {
  return { do: 'wait', until: until === Infinity ? undefined : until }
}

function segmentDue({ since, waitingBytes, lagMs }: Situation): number {
  if (since === undefined) {
    return Infinity
  }
  return waitingBytes >= SEGMENT_BYTES ? since : since + lagMs * (1 - AHEAD)
}

function wantsFull(
  { position: { full, bytesSince }, revision, since, isFullUnderWay }: Situation,
  now: number,
): boolean {
  if (isFullUnderWay) {
    return false
  }
  if (full === undefined) {
    return true
  }
  const hasGrown =
    bytesSince > Math.max(full.bytes, BYTES_SINCE_FULL) && now >= full.time + FULL_SPACE_MS
  const hasChanged = since !== undefined || revision > full.revision
  return hasGrown || (hasChanged && now >= full.time + FULL_AGE_MS)
}

function manifestDue({ full, unlisted }: Position): number {
  const [first] = unlisted
  const last = unlisted.at(-1)
  if (full === undefined) {
    return Infinity
  }
  if (!full.listed || unlisted.length === UNLISTED_MAX) {
    return -Infinity
  }
  return first === undefined || last === undefined
    ? Infinity
    : Math.min(first.time + MANIFEST_BUSY_MS, last.time + MANIFEST_QUIET_MS)
}
