import type { Revision } from '../mvcc/types.ts'
import type { Standing } from './follower-events.ts'

/** What the leader was asked to send. */
export interface PullUnderWay {
  readonly id: number
  readonly sent: number
  /** What was here then, or is of the parts that have come. */
  readonly standing: Standing
}

/** What comes from the archive. */
export interface Filling extends Pick<PullUnderWay, 'id' | 'standing'> {
  /** The revision that was here before it. */
  readonly after: Revision
}
