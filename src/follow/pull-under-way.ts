import type { Revision } from '../mvcc/types.ts'
import type { Standing } from './follower-events.ts'

/** What the leader was asked to send, or an archive is read for. */
export interface PullUnderWay {
  readonly id: number
  /** Infinity for an archive, which is waited for until it says that it has ended. */
  readonly sent: number
  /** What was here then, or is of the parts that have come. */
  readonly standing: Standing
  /** Of an archive: the revision that was here then. */
  readonly after?: Revision
}
