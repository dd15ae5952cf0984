import { assert } from './errors.ts'
import { IntervalIndex } from './interval.ts'
import type { Revision } from './types.ts'
import type { Watcher, WatcherOwner } from './watcher.ts'

/**
 * Which watchers hear of events as they happen, and which are behind (etcd's synced and unsynced
 * groups in watchable_store.go). A watcher is behind from its creation at an old revision, or from
 * an event for which its reader was not ready, until it has read the log up to `revision`.
 */
export class WatcherGroups {
  /** The last revision that the watchers were notified of. */
  revision: Revision
  readonly synced = new IntervalIndex<Watcher>()
  readonly #behind = new Map<WatcherOwner, Set<Watcher>>()
  /**
   * Those of the streams behind that can be sent to, as far as is known, in the order of their
   * turns. One whose reader is not ready is taken out as it is come upon, so that any number of
   * stuck readers costs nothing.
   */
  readonly #turns = new Set<WatcherOwner>()
  readonly #progress = new Set<Watcher>()
  #watchers = 0
  #watchersBehind = 0

  constructor(revision: Revision) {
    this.revision = revision
  }

  get watcherCount(): number {
    return this.#watchers
  }

  get behindCount(): number {
    return this.#watchersBehind
  }

  /** Those that asked for progress to be notified. */
  get progress(): ReadonlySet<Watcher> {
    return this.#progress
  }

  add(watcher: Watcher): void {
    this.#watchers++
    if (watcher.progressNotify) {
      this.#progress.add(watcher)
    }
    if (watcher.phase === 'synced') {
      this.synced.add(watcher.bounds, watcher)
    } else if (watcher.phase === 'behind') {
      this.#join(watcher)
    }
  }

  remove(watcher: Watcher): void {
    this.#watchers--
    this.#progress.delete(watcher)
    if (watcher.phase === 'synced') {
      this.synced.remove(watcher.bounds, watcher)
    } else if (watcher.phase === 'behind') {
      this.#leave(watcher)
    }
  }

  /** A synced watcher could not be sent the events of revision `next`. */
  fallBehind(watcher: Watcher, next: Revision): void {
    this.synced.remove(watcher.bounds, watcher)
    watcher.phase = 'behind'
    watcher.next = next
    this.#join(watcher)
    watcher.owner.touch(watcher.id)
  }

  /** A watcher behind has been sent everything before `next`. Others have their turn first now. */
  advance(watcher: Watcher, next: Revision): void {
    this.#leave(watcher)
    if (next > this.revision) {
      watcher.phase = 'synced'
      watcher.next = 0
      this.synced.add(watcher.bounds, watcher)
    } else {
      watcher.next = next
      this.#join(watcher)
    }
    watcher.owner.touch(watcher.id)
  }

  /** What a watcher behind was to read is compacted. */
  compact(watcher: Watcher): void {
    this.#leave(watcher)
    watcher.phase = 'compacted'
    watcher.next = 0
    watcher.owner.touch(watcher.id)
  }

  /** The reader of a stream is ready again. */
  drained(owner: WatcherOwner): void {
    if (this.#behind.has(owner)) {
      this.#turns.add(owner)
    }
  }

  /** Whether a watcher is behind that can be sent to. */
  get pending(): boolean {
    for (const owner of this.#turns) {
      if (owner.sink.ready) {
        return true
      }
      this.#turns.delete(owner)
    }
    return false
  }

  /** The watchers behind that can be sent to, in the order of their turns. */
  *ready(): Iterable<Watcher> {
    for (const owner of this.#turns) {
      if (owner.sink.ready) {
        yield* this.#behind.get(owner) ?? []
      }
    }
  }

  #join(watcher: Watcher): void {
    const watchers = this.#behind.get(watcher.owner) ?? new Set()
    watchers.add(watcher)
    this.#behind.set(watcher.owner, watchers)
    this.#turns.add(watcher.owner)
    this.#watchersBehind++
  }

  #leave(watcher: Watcher): void {
    const watchers = this.#behind.get(watcher.owner)
    assert(watchers?.delete(watcher) === true, 'a watcher is not where its phase says')
    this.#watchersBehind--
    this.#turns.delete(watcher.owner)
    if (watchers.size === 0) {
      this.#behind.delete(watcher.owner)
    } else {
      this.#turns.add(watcher.owner)
    }
  }
}
