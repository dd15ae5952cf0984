import type { Revision } from '../mvcc/types.ts'
import type { FeedRefusal, LeaderPosition, StatePosition } from '../protocol/replica-rpc.ts'
import type { Frame } from './frame.ts'

/** What a replica has, to be stored in the transaction that changes it. */
export interface Standing {
  readonly epoch: number
  readonly revision: Revision
  /** Undefined where the log is ahead of the state: nothing is answered before that is made up for. */
  readonly state: StatePosition | undefined
}

/** Somebody waits to read. */
export interface ReadRequest {
  /** Not that of another one who waits. */
  readonly id: number
  readonly level: 'serializable' | 'linearizable'
  /** What the answer is to have at least. */
  readonly minRevision?: Revision | undefined
  /** The keyspace asks who comes: it has users, or access tokens. */
  readonly isGuarded: boolean
  /** In ms; undefined is `READ_MS` from now on. */
  readonly deadline?: number | undefined
}

/** What a follower hears. Answers of a question or pull that is over are passed over. */
export type FollowerInput =
  /** Pushed by the leader: the answer tells `standing` and `isAwake`, as they are then. */
  | { readonly kind: 'pushed'; readonly frame: Frame }
  /** Of a frame that comes in parts each one is told by itself. */
  | {
      readonly kind: 'pulled'
      readonly pull: number
      readonly frame: Frame
      readonly more?: boolean | undefined
    }
  /** Of a question, or a `follow`. */
  | {
      readonly kind: 'asked'
      readonly question: number
      readonly leader: LeaderPosition
      readonly frame?: Frame | undefined
    }
  /** A piece of the log from the keyspace's archive, without a state. */
  | { readonly kind: 'filled'; readonly fill: number; readonly frame: Frame }
  /** The archive has no more of it; or what is there is of no use. */
  | { readonly kind: 'fill-ended'; readonly fill: number; readonly isUseless?: boolean | undefined }
  /** The leader has refused to answer. */
  | {
      readonly kind: 'refused'
      readonly of: 'question' | 'pull'
      readonly id: number
      readonly refusal: FeedRefusal
    }
  /** It was not reached, or the answer was lost. */
  | { readonly kind: 'failed'; readonly of: 'question' | 'pull'; readonly id: number }
  /** The directory has told who leads, and in which epoch: what others had promised is over. */
  | { readonly kind: 'led'; readonly epoch: number }
  /** A copy is done. */
  | { readonly kind: 'copied'; readonly standing: Standing }
  | ({ readonly kind: 'read' } & ReadRequest)
  /** Who waited is gone. */
  | { readonly kind: 'gone'; readonly id: number }
  /** So many watches and sessions are open. */
  | { readonly kind: 'open'; readonly count: number }
  /** It is `wakeAt`, or later. */
  | { readonly kind: 'tick' }

/** What is to be done, in this order. */
export type FollowerOutput =
  /**
   * The changes behind `after`, in one transaction with `standing`, and beside them the frame's state and its
   * compaction, where they count.
   */
  | {
      readonly kind: 'apply'
      readonly frame: Frame
      readonly after: Revision
      readonly state: boolean
      readonly compaction: boolean
      readonly standing: Standing
    }
  /** Ask the leader for a frame behind `standing`. */
  | { readonly kind: 'pull'; readonly pull: number; readonly standing: Standing }
  /** Ask the leader where it is, by `follow` where that is to be told to push as well, else by `readIndex`. */
  | {
      readonly kind: 'ask'
      readonly question: number
      readonly follow: boolean
      readonly standing: Standing
    }
  /** The leader's log does not reach back to `after`: tell what the archive has behind that, and then `fill-ended`. */
  | {
      readonly kind: 'fill'
      readonly fill: number
      readonly epoch: number
      readonly after: Revision
    }
  /** What is here is of no use: copy the leader's keyspace anew, and say `copied`. */
  | { readonly kind: 'copy' }
  /** Who was asked leads no more, or is not there: ask the directory who does. */
  | { readonly kind: 'find-leader' }
  /** The leader knows no such replica. */
  | { readonly kind: 'removed' }
  | { readonly kind: 'answer'; readonly id: number }
  | {
      readonly kind: 'refuse'
      readonly id: number
      readonly why: 'timeout' | 'unreachable'
    }
