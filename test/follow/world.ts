import type { Follower } from '../../src/follow/follower.ts'
import type { Revision } from '../../src/mvcc/types.ts'
import type { ModelLeader, ModelState } from './model-leader.ts'
import type { Network } from './network.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What a replica has done that it may not. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export type FollowerClass = new (...args: ConstructorParameters<typeof Follower>) => Follower

/** What a linearizable read has to see. */
export interface Required {
  readonly epoch: number
  readonly revision: Revision
  readonly state: ModelState
}

/** What is around a replica. */
export interface World {
  readonly time: VirtualTime
  readonly random: () => number
  readonly network: Network
  readonly leader: ModelLeader
  /** By their epochs. */
  readonly leaders: ReadonlyMap<number, ModelLeader>
  /** Some were lost, with what only they had. */
  readonly hasLostLeader: boolean
  /** Nothing goes wrong any more. */
  readonly isWell: boolean
  /** Of a read that comes now. */
  readonly required: Required
  answered(): void
  /** What the leader had acknowledged by then. */
  pastState(time: number): ModelState
  isDead(leader: ModelLeader): boolean
  /** Wakes at the time that `wakeAt` answers; `act` may change it. */
  arm(owner: object, wakeAt: () => number, act: () => void): void
  armLeader(leader: ModelLeader): void
}
