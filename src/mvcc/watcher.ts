import { type Bounds, boundsOf } from './key-range.ts'
import {
  type Event,
  EventType,
  FilterType,
  type KeyRange,
  type Revision,
  type WatchId,
} from './types.ts'
import type { Sink } from './watch-response.ts'

/**
 * A filter of ours: events come without values, those before them too. etcd passes over filters that it
 * does not know, so that a client may ask any server for it. Its own are 0 and 1, and 2 may be its next.
 */
export const NO_VALUES = 2379

/** What a client asks to watch. `startRevision` 0 is from now on; `watchId` 0 lets us choose. */
export interface WatchCreateRequest extends KeyRange {
  readonly startRevision: Revision
  readonly progressNotify: boolean
  readonly filters: readonly number[]
  readonly prevKv: boolean
  readonly watchId: WatchId
  readonly fragment: boolean
}

/** A watcher as it is remembered while its keyspace is not in memory. */
export interface WatcherState extends Omit<WatchCreateRequest, 'startRevision'> {
  /** Whether it has been sent all there is for it. */
  readonly synced: boolean
  /**
   * The first revision that it is still to be sent. Of a synced watcher 0, unless it asked to begin
   * in the future; of one behind never 0, unless compaction has canceled it.
   */
  readonly next: Revision
}

/** A change to remember: the watcher's state now, undefined where it is gone. */
export interface WatcherChange {
  readonly watchId: WatchId
  readonly state: WatcherState | undefined
}

/** The stream that a watcher belongs to. */
export interface WatcherOwner {
  readonly sink: Sink
  /** The state of one of its watchers is another now. */
  touch(watchId: WatchId): void
}

/**
 * `synced`: hears of events as they happen. `behind`: reads them from the log (etcd's unsynced).
 * `compacted`: the history that it was to read is gone and it has been canceled, but its client has
 * not canceled it in turn, and as in etcd its id is taken until then.
 */
type WatcherPhase = 'synced' | 'behind' | 'compacted'

/** One watch: what it wants, and how far it has come. `WatcherGroups` alone moves it on. */
export class Watcher {
  readonly owner: WatcherOwner
  readonly id: WatchId
  readonly bounds: Bounds
  readonly prevKv: boolean
  readonly fragment: boolean
  readonly progressNotify: boolean
  readonly keysOnly: boolean
  readonly #range: KeyRange
  readonly #filters: readonly number[]
  phase: WatcherPhase
  /** As in `WatcherState`. */
  next: Revision
  /** No event has been sent since the last time that progress was notified. */
  quiet = true

  constructor(owner: WatcherOwner, state: WatcherState) {
    // Copies, because the request may be a view of a long message that need not be kept for it.
    this.#range = { key: state.key.slice(), rangeEnd: state.rangeEnd.slice() }
    this.#filters = state.filters
    this.owner = owner
    this.id = state.watchId
    this.bounds = boundsOf(this.#range)
    this.prevKv = state.prevKv
    this.fragment = state.fragment
    this.progressNotify = state.progressNotify
    this.keysOnly = state.filters.includes(NO_VALUES)
    this.phase = state.synced ? 'synced' : state.next === 0 ? 'compacted' : 'behind'
    this.next = state.next
  }

  /** Whether an event within its bounds is for it. Others are ignored, as etcd does. */
  wants(event: Event): boolean {
    const filter = event.type === EventType.PUT ? FilterType.NOPUT : FilterType.NODELETE
    return event.kv.modRevision >= this.next && !this.#filters.includes(filter)
  }

  state(): WatcherState {
    return {
      key: this.#range.key,
      rangeEnd: this.#range.rangeEnd,
      progressNotify: this.progressNotify,
      filters: this.#filters,
      prevKv: this.prevKv,
      watchId: this.id,
      fragment: this.fragment,
      synced: this.phase === 'synced',
      next: this.next,
    }
  }
}
