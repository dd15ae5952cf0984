import type { Revision } from '../../mvcc/types.ts'
import type { Position } from './position.ts'

/** Compaction deletes nothing that was not sent, but waits no longer than that. */
const HOLD_MS_MAX = 10 * 60_000
/** And no longer for a full that is being sent. */
const FULL_HOLD_MS_MAX = 60 * 60_000
/** A revision that no compaction leaves as it was. */
const BEFORE_ALL: Revision = -1

interface Held {
  /** Undefined where what was sent does not go on. */
  readonly position: Position | undefined
  readonly compactRevision: Revision
  readonly isFullUnderWay: boolean
}

/** What compaction leaves for what is still to be sent, and for how long. */
export class CompactionHold {
  #since: number | undefined

  /** The lowest revision that is needed, at a time in ms since 1970. */
  lowest({ position, compactRevision, isFullUnderWay }: Held, now: number): Revision | undefined {
    const isSending = position !== undefined && position.epoch > 0 && position.deposed === undefined
    if (!isSending || (!isFullUnderWay && position.revision >= compactRevision)) {
      this.#since = undefined
      return undefined
    }
    this.#since ??= now
    if (now - this.#since > (isFullUnderWay ? FULL_HOLD_MS_MAX : HOLD_MS_MAX)) {
      return undefined
    }
    return isFullUnderWay ? BEFORE_ALL : position.revision
  }
}
