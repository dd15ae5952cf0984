import type { V2Watched } from './event-history.ts'
import type { V2Event } from './event.ts'
import { isHiddenFrom, lineage, prefixOf } from './path.ts'

/** Somebody who waits for a change, or who is told of each. */
export interface V2Watcher extends V2Watched {
  /** Told of every change, not of the first alone. */
  readonly isStream: boolean
  /** Earlier changes do not concern it. */
  readonly since: bigint
  /** `event` is in JSON. Unless it is a stream, it waits no more. */
  tell(event: string): void
}

/** Who waits for changes, by the paths that they watch: a change looks at nobody but those on its own way. */
export class V2WatchHub {
  readonly #watchers = new Map<string, Set<V2Watcher>>()
  #count = 0

  get count(): number {
    return this.#count
  }

  add(watcher: V2Watcher): void {
    const others = this.#watchers.get(watcher.path)
    if (others === undefined) {
      this.#watchers.set(watcher.path, new Set([watcher]))
    } else {
      others.add(watcher)
    }
    this.#count++
  }

  /** Waits no more; nothing where it does not wait. */
  remove(watcher: V2Watcher): void {
    const all = this.#watchers.get(watcher.path)
    if (all?.delete(watcher) === true) {
      this.#count--
      if (all.size === 0) {
        this.#watchers.delete(watcher.path)
      }
    }
  }

  /** Those of the watched paths that lie below one. */
  watchedBelow(path: string): readonly string[] {
    const prefix = prefixOf(path)
    return [...this.#watchers.keys()].filter((watched) => watched.startsWith(prefix))
  }

  /**
   * Tells of a change. `removed` are the paths that have gone with it, whose watchers hear of it in any
   * case: a stream that watches the path itself hears of its removal twice, as in etcd.
   */
  notify(event: V2Event, removed: readonly string[]): void {
    if (this.#count === 0) {
      return
    }
    removed.forEach((path) => this.#tell(event, path, true))
    lineage(event.node.path).forEach((path) => this.#tell(event, path, false))
  }

  #tell(event: V2Event, path: string, isRemoved: boolean): void {
    const { node } = event
    const isItself = node.path === path
    if (!isItself && isHiddenFrom(path, node.path)) {
      return
    }
    for (const watcher of this.#watchers.get(path) ?? []) {
      if ((watcher.isRecursive || isItself || isRemoved) && watcher.since <= node.modified) {
        if (!watcher.isStream) {
          this.remove(watcher)
        }
        watcher.tell(event.json)
      }
    }
  }
}
