import { type Bounds, boundsOf } from './key-range.ts'
import { type Event, EventType, FilterType, type KeyRange, type Revision } from './types.ts'
import type { Sink } from './watch-response.ts'

/** What a client asks for; `startRevision` 0 is "from now on", `watchId` 0 is "choose one". */
export interface WatchCreateRequest extends KeyRange {
  readonly startRevision: Revision
  readonly progressNotify: boolean
  readonly filters: readonly number[]
  readonly prevKv: boolean
  readonly watchId: number
  readonly fragment: boolean
}

/** All that a watch is between two events: what a hibernating socket has to remember of it. */
export interface WatcherState extends Omit<WatchCreateRequest, 'startRevision'> {
  /** Every event up to the current revision has been sent. */
  readonly synced: boolean
  /** The revision to go on at, if that is known; 0 of an unsynced one: its history is compacted. */
  readonly next: Revision
}

export interface WatcherChange {
  readonly watchId: number
  /** Undefined of a watch that is gone. */
  readonly state: WatcherState | undefined
  readonly gone: boolean
}

/** The stream that a watcher belongs to. */
export interface WatcherOwner {
  readonly sink: Sink
  /** The state of a watcher is another than it was. */
  touch(watchId: number): void
}

/**
 * `behind` watchers read the log from `next` on; `synced` ones hear of each revision, and pass over
 * those before `next`; `compacted` ones have been cancelled and only keep their id taken.
 */
type Phase = 'behind' | 'synced' | 'compacted'

/** One watch of a stream. */
export class Watcher {
  readonly owner: WatcherOwner
  readonly id: number
  readonly bounds: Bounds
  readonly progressNotify: boolean
  readonly prevKv: boolean
  readonly fragment: boolean
  readonly #request: Omit<WatchCreateRequest, 'startRevision'>
  readonly #withoutPuts: boolean
  readonly #withoutDeletes: boolean
  phase: Phase
  next: Revision
  /** Whether no event has been sent since the last periodic progress. */
  quiet = true

  constructor(owner: WatcherOwner, { synced, next, ...request }: WatcherState) {
    this.owner = owner
    this.id = request.watchId
    this.bounds = boundsOf(request)
    this.progressNotify = request.progressNotify
    this.prevKv = request.prevKv
    this.fragment = request.fragment
    this.#request = request
    this.#withoutPuts = request.filters.includes(FilterType.NOPUT)
    this.#withoutDeletes = request.filters.includes(FilterType.NODELETE)
    this.phase = synced ? 'synced' : next === 0 ? 'compacted' : 'behind'
    this.next = next
  }

  wants(event: Event): boolean {
    const filtered = event.type === EventType.DELETE ? this.#withoutDeletes : this.#withoutPuts
    return event.kv.modRevision >= this.next && !filtered
  }

  state(): WatcherState {
    return { ...this.#request, synced: this.phase === 'synced', next: this.next }
  }
}
