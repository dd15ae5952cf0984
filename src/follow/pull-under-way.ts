import type { Standing } from './follower-events.ts'

/** What the leader was asked to send. */
export interface PullUnderWay {
  readonly id: number
  readonly sent: number
  /** What was here then, or is of the parts that have come. */
  readonly standing: Standing
}
