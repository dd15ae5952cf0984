import type { Region } from '../config/region.ts'
import type { Revision } from '../mvcc/types.ts'

/** What the leader's side of the protocol hears. */
export type FeedInput =
  /** A turn has ended that changed something. */
  | { readonly kind: 'changed' }
  /** A frame was cut, the next one by its number. Undefined bytes are of one that is too long to be pushed, or that nobody wants. */
  | { readonly kind: 'cut'; readonly seq: number; readonly frame: Uint8Array | undefined }
  | { readonly kind: 'added'; readonly region: Region }
  | { readonly kind: 'removed'; readonly region: Region }
  /** A replica wants frames to be pushed: those behind the last one. */
  | ({ readonly kind: 'followed'; readonly region: Region } & Reached)
  /** A replica is to say where it is, also where it sleeps, and to pull what it has not got. */
  | { readonly kind: 'wake'; readonly region: Region }
  /** It has said where it is, in a question of its own. */
  | ({ readonly kind: 'seen'; readonly region: Region } & Reached)
  /** It has answered a push or an announcement. */
  | ({
      readonly kind: 'acked'
      readonly region: Region
      readonly push: number
      readonly isAwake: boolean
    } & Reached)
  /** It was not reached, or the answer was lost. */
  | { readonly kind: 'failed'; readonly region: Region; readonly push: number }
  /** It is `wakeAt`, or later. */
  | { readonly kind: 'tick' }

/** How far a replica is. */
export interface Reached {
  readonly revision: Revision
  /** The last frame whose state it has; undefined where that is of another stay of the leader, or none. */
  readonly seq: number | undefined
}

/** What is to be done, in this order. */
export type FeedOutput =
  /** Cut a frame of what has changed, and say `cut`. */
  | { readonly kind: 'cut' }
  | {
      readonly kind: 'push'
      readonly region: Region
      readonly push: number
      readonly frame: Uint8Array
      readonly way: 'call' | 'socket'
    }
  /** Push an empty frame that says where the last one ends, by which the replica sees that it is to pull. */
  | {
      readonly kind: 'announce'
      readonly region: Region
      readonly push: number
      readonly way: 'call' | 'socket'
    }
  /** To be kept beyond the stay in memory. */
  | { readonly kind: 'awake'; readonly region: Region; readonly isAwake: boolean }
  | { readonly kind: 'close-sockets' }
