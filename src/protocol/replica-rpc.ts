import type { Jurisdiction } from '../config/keyspace-options.ts'
import type { Region } from '../config/region.ts'
import type { Revision } from '../mvcc/types.ts'
import type { Creation, Refused } from './shard-rpc.ts'

/** How far the state beside the log has come: a stay of the leader in memory, and its frames, counted from 1. */
export interface StatePosition {
  readonly incarnation: string
  readonly seq: number
}

/** What a leader and a replica say of themselves in each answer. */
export interface LeaderPosition {
  readonly epoch: number
  readonly revision: Revision
  /** That of the last frame, which has all of the state that there is. */
  readonly state: StatePosition
  /** The leader's clock, in ms since 1970. */
  readonly time: number
  /** Whether frames are pushed to whoever asks. Where not, it is to `follow`. */
  readonly isPushing: boolean
}

/**
 * Why a leader does not answer a replica. `compacted`: its log does not reach back so far. `deposed`: it leads no
 * more, or the epoch is not its own. `diverged`: the replica has what this leader never had. `removed`: it has no
 * such replica.
 */
export interface FeedRefusal {
  readonly refused: 'compacted' | 'deposed' | 'diverged' | 'removed'
  readonly epoch: number
}

/** Where a replica is. */
export interface ReplicaPosition {
  readonly region: Region
  readonly epoch: number
  readonly revision: Revision
  /** Undefined where it has nothing of the state. */
  readonly state: StatePosition | undefined
  /** The index of its v2 store, if that is known to be of the epoch. */
  readonly v2?: number | undefined
}

export interface Pull {
  readonly region: Region
  readonly epoch: number
  /** The last revision that is there. */
  readonly after: Revision
  /** What of the state is there: all of it comes along where that is not the leader's own position. */
  readonly state: StatePosition | undefined
  /** The index of the v2 store that is there, if that is known to be of the epoch. */
  readonly v2?: number | undefined
  /** What of the log is enough. */
  readonly bytesMax: number
}

/** What replicas ask the leader. Refusals are answers, because an error loses its fields on the way. */
export interface FeedRpc {
  /** The replica is awake: frames are to be pushed to it from there on. */
  follow(replica: ReplicaPosition): Promise<LeaderPosition | FeedRefusal>
  /**
   * A frame (follow/frame.ts) of the log behind a revision, of a MiB at most but for one longer revision. It has no
   * state where it does not reach the leader's own revision. `epoch` and `after` say whether the replica may follow at
   * all (follow/leadership.ts). A SELECT is executed, also where nothing is new.
   */
  pull(wanted: Pull): Promise<{ readonly frame: Uint8Array } | FeedRefusal>
  /**
   * The position that a linearizable read has to wait for. A SELECT is executed, so that no deposed object answers.
   * Where the replica is not being pushed to and little is missing, the frame comes along, as a pull would answer it.
   */
  readIndex(
    question: ReplicaPosition,
  ): Promise<(LeaderPosition & { readonly frame?: Uint8Array }) | FeedRefusal>
}

/** What a replica answers to a frame. */
export interface Pushed {
  readonly epoch: number
  readonly revision: Revision
  readonly state: StatePosition | undefined
  /** Whether further frames are to be pushed. */
  readonly isAwake: boolean
}

/** Tells a replica's `fetch` that the socket is the leader's: each message a frame, answered by a `Pushed` in JSON. */
export const FEED_HEADER = 'X-Etcdurable-Feed'

/** What a replica is told that it is. */
export interface ReplicaCharge {
  readonly keyspace: string
  readonly jurisdiction: Jurisdiction | undefined
  readonly region: Region
  /** Where the leader is; undefined for the keyspace's own object (`Shard`). */
  readonly leader: Region | undefined
  readonly epoch: number
  /** Decimal uint64s: those of the keyspace, and of the replica as its member. */
  readonly clusterId: string
  readonly memberId: string
  /** The member that leads. */
  readonly leaderId: string
  /** Undefined for `default`, which nobody makes. */
  readonly creation: Creation | undefined
}

/** What the leader keeps of a replica. */
export interface ReplicaMember {
  readonly region: Region
  /** A uint64 in decimal. */
  readonly memberId: string
  /** In ms since 1970. */
  readonly added: number
}

/** What the leader knows of one. */
export interface ReplicaStatus extends ReplicaMember {
  /** `asleep`: nobody reads it, and nothing is pushed. `unknown`: not heard of since the leader came into memory. */
  readonly state: 'current' | 'behind' | 'asleep' | 'unreachable' | 'unknown'
  /** The last one that it has acknowledged. */
  readonly revision: Revision
  readonly lagRevisions: number
}

/** How the leader's replicas are told, and its place is given away. */
export interface LeadershipRpc {
  /** Adding one twice is adding it once. */
  addReplica(added: AddedReplica): Promise<ReplicaCharge | Refused>
  removeReplica(region: Region): Promise<void>
  replicas(): Promise<ReplicaStatuses | Refused>
  /**
   * Gives the keyspace to the replica there, durably, before it answers: nothing is served here from then on. Doing it
   * twice is doing it once.
   */
  handOver(to: Succession): Promise<HandedOver | Refused>
  /** Somebody has heard of a leader in a later epoch: if the directory says so too, nothing is served here any more. */
  deposed(epoch: number): Promise<void>
  /** Frees the storage of what was handed over, but for the word that it was. Does nothing to a leader. */
  retire(): Promise<void>
}

export interface AddedReplica {
  readonly keyspace: string
  readonly jurisdiction: Jurisdiction | undefined
  readonly region: Region
}

export interface ReplicaStatuses {
  readonly epoch: number
  readonly revision: Revision
  readonly replicas: readonly ReplicaStatus[]
}

export interface Succession {
  readonly region: Region
  /** The successor's. */
  readonly epoch: number
  /** Whether it is given away even if the successor has not all of it. */
  readonly force: boolean
}

export interface HandedOver {
  /** The last revision of the epoch that ends. */
  readonly revision: Revision
  readonly replicas: readonly ReplicaMember[]
}

/** What a replica says of itself. */
export interface ReplicaReport {
  readonly region: Region
  readonly role: 'follower' | 'leader'
  readonly epoch: number
  readonly revision: Revision
  /** The last one that it has heard the leader to have. */
  readonly leaderRevision: Revision
  /** When it last heard of the leader, in ms since 1970; undefined for never. */
  readonly contact: number | undefined
  /** Whether it has copied all that it began with. */
  readonly isWhole: boolean
  /** How long the last frame was on its way, in ms, as far as the clocks agree. */
  readonly lagMs: number
  /** A uint64 in decimal. */
  readonly memberId: string
}

/** What the leader and the directory tell a replica; beside it, it answers what a shard does (`ShardRpc`). */
export interface ReplicaRpc {
  /** Also with a later epoch. Doing it twice is doing it once. */
  beReplica(charge: ReplicaCharge): Promise<void>
  push(frame: Uint8Array): Promise<Pushed>
  report(): Promise<ReplicaReport | Refused>
  /** Follows from now on for a while, as if it were read: resolves when it has what the leader has now. */
  wake(): Promise<void | Refused>
  /**
   * Leads from now on: with all that the former leader had, where that has handed over, or with what is here.
   * Doing it twice is doing it once.
   */
  promote(promotion: Promotion): Promise<ReplicaReport | Refused>
  /** Frees the storage. The object is lost at it, and so is this call. */
  destroy(): Promise<void>
}

export interface Promotion {
  readonly epoch: number
  /** Undefined where the former leader is lost. */
  readonly handedOver: HandedOver | undefined
  /** The other replicas, which it leads then. */
  readonly replicas: readonly ReplicaMember[]
}
