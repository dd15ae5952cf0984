import type { FollowerInput, FollowerOutput, Standing } from './follower-events.ts'

/** The follower's protocol, without a clock: the driver tells what happens and when, and does what is answered. */
export interface FollowerMachine {
  /** What is here now: the revision, and what it is of. */
  readonly standing: Standing
  /** Whether frames are to be pushed. */
  readonly isAwake: boolean
  /** When `tick` is to come at the latest; Infinity for never. It changes with each input. */
  readonly wakeAt: number
  take(input: FollowerInput, now: number): readonly FollowerOutput[]
}
