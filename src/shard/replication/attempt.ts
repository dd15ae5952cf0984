import type { ArchivedCompaction, Mark, Origin } from '../../archive/origin.ts'
import { encodeSegment } from '../../archive/segment.ts'
import type { Revision } from '../../mvcc/types.ts'
import type { Tail } from './change-tail.ts'
import type { CapturedState } from './keyspace-state.ts'
import type { ReadChanges } from './read-changes.ts'
import { SEGMENT_BYTES_MAX } from './schedule.ts'
import type { FullFacts } from './send-full.ts'

/** What is sent, or on its way. */
export interface Taken {
  readonly revision: Revision
  /** `KeyspaceState.version` */
  readonly version: number
  /** `Replication.#writtenBytes` */
  readonly writtenBytes: number
}

/** No `KeyspaceState.version`. */
export const NOT_SENT = -1

/** A segment that is being made, and what is undone where it is not sent. */
export interface Attempt {
  readonly captured: CapturedState
  readonly from: Revision
  readonly target: Revision
  /** The changes, where they are at hand. */
  readonly tail: Tail | undefined
  readonly time: number
  readonly compaction: ArchivedCompaction
  readonly marks: readonly Mark[]
  readonly full: FullFacts | undefined
}

/** The segment of the changes that were read: with the state, if they are all and both are not too long together. */
export function encodeAttempt(
  { captured, from, target, tail, time, compaction, marks: known }: Attempt,
  { writer, to }: ReadChanges,
  place: { readonly origin: Origin; readonly seq: number; readonly previous: number | null },
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly checksum: number; readonly isAll: boolean } {
  const { origin, seq, previous } = place
  const rows = captured.state.v2?.rows.pieces ?? []
  const bytes = rows.reduce((sum, piece) => sum + piece.length, writer.bytes)
  const isAll = to === target && bytes <= SEGMENT_BYTES_MAX
  const marks = known
    .filter((mark) => mark[1] <= to)
    .map(([at, revision]): [number, number] => [at, revision])
  const fields = { ...origin, seq, from, to, previous, time, marks, compaction }
  return { ...encodeSegment(fields, writer, isAll ? captured.state : {}, tail?.buffer), isAll }
}
