import type { SentSegment as ListedSegment } from '../../archive/manifest.ts'
import { numberOf, type Sql, textOf } from '../../mvcc/sql.ts'
import type { Revision } from '../../mvcc/types.ts'
import { marksOfIndex } from './marks.ts'

/** A segment that was sent. */
export interface SentSegment extends ListedSegment {
  /** The checksum of the one before it; null for the first of an epoch. */
  readonly previous: number | null
  /** The index that the v2 store had before it; undefined of one that an earlier version has sent. */
  readonly v2?: number
}

/** A full that was sent: the state right behind segment `seq`. */
export interface SentFull {
  readonly seq: number
  readonly revision: Revision
  readonly compactRevision: Revision
  /** When the state was that, in ms since 1970. */
  readonly time: number
  readonly parts: number
  readonly bytes: number
  /** Whether a manifest names it. */
  readonly listed: boolean
}

/** How far a keyspace has come in sending itself: what its storage keeps of that. */
export interface Position {
  /** The keyspace's name. */
  readonly name: string
  /** By whom the epoch was claimed, or is to be: a random text for each claim. */
  readonly claimant: string
  /** The one that was claimed last, 0 for none. */
  readonly epoch: number
  /** Of the last segment of the epoch: its number, its last revision, its checksum, and its end in ms since 1970. */
  readonly seq: number
  readonly revision: Revision
  readonly checksum: number | null
  readonly time: number
  /** The last one of the epoch. */
  readonly full: SentFull | undefined
  /** Of the segments behind it. */
  readonly bytesSince: number
  /** The number of the last manifest that is known, 0 for none. */
  readonly manifest: number
  /** The segments that no manifest covers yet, the last `UNLISTED_MAX` of them. */
  readonly unlisted: readonly SentSegment[]
  /** Tells whether what is beside the history is as it was sent (`state-marks.ts`). */
  readonly marks: string
  /** Why nothing more is sent. */
  readonly deposed: string | undefined
}

/** So many segments are remembered until a manifest covers them, which is due then. */
export const UNLISTED_MAX = 64

const SELECT_POSITION = `
SELECT name, claimant, epoch, seq, revision, checksum, time, full, bytes_since, manifest, unlisted, marks,
  deposed
FROM replication`
const INSERT_POSITION = `
INSERT OR REPLACE INTO replication (one, name, claimant, epoch, seq, revision, checksum, time, full,
  bytes_since, manifest, unlisted, marks, deposed)
VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Of a keyspace that has sent nothing yet. */
export function noPosition(name: string): Position {
  return {
    name,
    claimant: '',
    epoch: 0,
    seq: 0,
    revision: 0,
    checksum: null,
    time: 0,
    full: undefined,
    bytesSince: 0,
    manifest: 0,
    unlisted: [],
    marks: '',
    deposed: undefined,
  }
}

/** Undefined where nothing was begun. */
export function positionIn(sql: Sql): Position | undefined {
  const row = sql.first(SELECT_POSITION)
  if (row === undefined) {
    return undefined
  }
  const [name, claimant, epoch, seq, revision, checksum, time, full, bytesSince, ...rest] = row
  const [manifest, unlisted, marks, deposed] = rest
  return {
    name: textOf(name),
    claimant: textOf(claimant),
    epoch: numberOf(epoch),
    seq: numberOf(seq),
    revision: numberOf(revision),
    checksum: checksum === null ? null : numberOf(checksum),
    time: numberOf(time),
    full: full === null ? undefined : (JSON.parse(textOf(full)) as SentFull),
    bytesSince: numberOf(bytesSince),
    manifest: numberOf(manifest),
    unlisted: JSON.parse(textOf(unlisted)) as readonly SentSegment[],
    marks: textOf(marks),
    deposed: deposed === null ? undefined : textOf(deposed),
  }
}

export function recordPosition(sql: Sql, position: Position): void {
  const { full, deposed } = position
  sql.run(
    INSERT_POSITION,
    position.name,
    position.claimant,
    position.epoch,
    position.seq,
    position.revision,
    position.checksum,
    position.time,
    full === undefined ? null : JSON.stringify(full),
    position.bytesSince,
    position.manifest,
    JSON.stringify(position.unlisted),
    position.marks,
    deposed ?? null,
  )
}

/** Behind that segment. What it says of the state is in `marks`. */
export function behind(position: Position, segment: SentSegment, marks: string): Position {
  return {
    ...position,
    seq: segment.seq,
    revision: segment.to,
    checksum: segment.checksum,
    time: segment.time,
    bytesSince: position.bytesSince + segment.bytes,
    unlisted: [...position.unlisted, segment].slice(-UNLISTED_MAX),
    marks,
  }
}

/**
 * As it was before that segment, which the store has lost: what it had is sent again, and all of the state
 * with it.
 */
export function before(position: Position, segment: SentSegment): Position {
  const kept = position.unlisted.filter(({ seq }) => seq < segment.seq)
  const lost = position.unlisted.filter(({ seq }) => seq >= segment.seq)
  return {
    ...position,
    seq: segment.seq - 1,
    revision: segment.from - 1,
    checksum: segment.previous,
    bytesSince: lost.reduce((bytes, each) => bytes - each.bytes, position.bytesSince),
    unlisted: kept,
    marks: segment.v2 === undefined ? '{}' : marksOfIndex(segment.v2),
  }
}
