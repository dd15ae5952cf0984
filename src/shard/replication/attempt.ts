import type { ArchivedCompaction, Mark } from '../../archive/origin.ts'
import type { Revision } from '../../mvcc/types.ts'
import type { Tail } from './change-tail.ts'
import type { CapturedState } from './keyspace-state.ts'
import type { FullFacts } from './send-full.ts'

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
