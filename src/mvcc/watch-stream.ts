import { assert } from './errors.ts'
import { boundsOf, isEmpty } from './key-range.ts'
import type { WatchId } from './types.ts'
import { NO_WATCH_ID, type Sink, watchResponse } from './watch-response.ts'
import type { WatcherGroups } from './watcher-groups.ts'
import {
  type WatchCreateRequest,
  Watcher,
  type WatcherChange,
  type WatcherOwner,
  type WatcherState,
} from './watcher.ts'

// etcd's words for the refusal of a watch (server/storage/mvcc/watcher.go, api/v3rpc/rpctypes).
const RANGE_IS_EMPTY = 'mvcc: watcher range is empty'
const DUPLICATE_ID = 'mvcc: duplicate watch ID provided on the WatchStream'
const COMPACTED = 'etcdserver: mvcc: required revision has been compacted'

/** etcd takes an empty key for the smallest one. */
const SMALLEST_KEY = new Uint8Array([0])

/**
 * One client's stream of watches, as etcd's bidirectional Watch call has it. Requests are answered
 * through the sink, in the order in which they come.
 */
export class WatchStream implements WatcherOwner {
  readonly sink: Sink
  readonly #groups: WatcherGroups
  readonly #watchers = new Map<WatchId, Watcher>()
  readonly #touched = new Set<WatchId>()
  #nextWatchId = 0

  constructor(sink: Sink, groups: WatcherGroups) {
    this.sink = sink
    this.#groups = groups
  }

  /** The counter of the ids that are chosen here; to be remembered with the watchers' states. */
  get nextWatchId(): number {
    return this.#nextWatchId
  }

  create(request: WatchCreateRequest): void {
    const revision = this.#groups.revision
    const key = request.key.length === 0 ? SMALLEST_KEY : request.key
    const cancelReason = this.#refusal({ ...request, key })
    if (cancelReason !== undefined) {
      this.refuse(cancelReason)
      return
    }
    const { startRevision, ...options } = request
    const watchId = request.watchId === 0 ? this.#freeId() : request.watchId
    const synced = startRevision === 0 || startRevision > revision
    this.sink.send(watchResponse({ revision, watchId, created: true }))
    this.#add({ ...options, key, watchId, synced, next: startRevision })
    this.touch(watchId)
  }

  /** Answers a creation that comes to nothing, in the words that etcd has for why. */
  refuse(cancelReason: string): void {
    const revision = this.#groups.revision
    const refused = { watchId: NO_WATCH_ID, created: true, canceled: true, cancelReason }
    this.sink.send(watchResponse({ ...refused, revision }))
  }

  #refusal(request: WatchCreateRequest): string | undefined {
    if (request.startRevision < 0) {
      return COMPACTED
    }
    if (isEmpty(boundsOf(request))) {
      return RANGE_IS_EMPTY
    }
    return request.watchId !== 0 && this.#watchers.has(request.watchId) ? DUPLICATE_ID : undefined
  }

  #freeId(): number {
    while (this.#watchers.has(this.#nextWatchId)) {
      this.#nextWatchId++
    }
    return this.#nextWatchId++
  }

  #add(state: WatcherState): void {
    assert(!this.#watchers.has(state.watchId), `watch ${state.watchId} is there`)
    const watcher = new Watcher(this, state)
    this.#watchers.set(watcher.id, watcher)
    this.#groups.add(watcher)
  }

  /** An id that is not known is passed over in silence, as by etcd. */
  cancel(watchId: WatchId): void {
    if (this.#remove(watchId)) {
      const revision = this.#groups.revision
      this.sink.send(watchResponse({ revision, watchId, canceled: true }))
    }
  }

  #remove(watchId: WatchId): boolean {
    const watcher = this.#watchers.get(watchId)
    if (watcher === undefined) {
      return false
    }
    this.#watchers.delete(watchId)
    this.#groups.remove(watcher)
    this.touch(watchId)
    return true
  }

  /**
   * Says that every event up to now has been sent on this stream, if that is so and every watcher
   * has reached the revision that it was to begin at; etcd is silent otherwise, and so are we.
   */
  progress(): void {
    const revision = this.#groups.revision
    const watchers = [...this.#watchers.values()]
    const reached = watchers.every(({ phase, next }) => phase === 'synced' && next <= revision)
    if (watchers.length > 0 && reached && this.sink.ready) {
      this.sink.send(watchResponse({ revision, watchId: NO_WATCH_ID }))
    }
  }

  /**
   * Puts remembered watchers into a stream just opened, before the hub hears of a further revision:
   * the synced ones go on with the next one, the others where they were. One that is behind a
   * revision which then was not committed after all is not behind.
   */
  restore(watchers: readonly WatcherState[], nextWatchId: number): void {
    this.#nextWatchId = nextWatchId
    for (const state of watchers) {
      this.#add({ ...state, synced: state.synced || state.next > this.#groups.revision })
    }
  }

  /** What `restore` needs. */
  state(): readonly WatcherState[] {
    return [...this.#watchers.values()].map((watcher) => watcher.state())
  }

  touch(watchId: WatchId): void {
    this.#touched.add(watchId)
    if (this.#touched.size === 1) {
      this.sink.changed()
    }
  }

  /**
   * What a hibernating keyspace has to remember anew: the watchers created, gone, synced, fallen
   * behind or moved on since the last call. An event sent to a synced watcher changes nothing.
   */
  takeChanges(): readonly WatcherChange[] {
    const changes = [...this.#touched].map((watchId) => {
      return { watchId, state: this.#watchers.get(watchId)?.state() }
    })
    this.#touched.clear()
    return changes
  }

  /** Ends every watch without a word: the client is gone. */
  close(): void {
    for (const watchId of this.#watchers.keys()) {
      this.#remove(watchId)
    }
  }
}
