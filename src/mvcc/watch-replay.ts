import { IntervalIndex } from './interval.ts'
import { type Bounds, compareBytes } from './key-range.ts'
import type { KeyValue, Revision } from './types.ts'
import { Delivery, type DeliverySource } from './watch-delivery.ts'
import { watchResponse } from './watch-response.ts'
import type { WatcherGroups } from './watcher-groups.ts'
import type { Watcher } from './watcher.ts'

/**
 * The bounds of one step, which keep it to some milliseconds. A revision is never split, so the
 * last one of a step may go beyond them.
 */
export interface ReplayLimits {
  /** Revisions with events, hence also the most that a response speaks of. */
  readonly revisionsMax: number
  /** Revisions passed over in search of events. */
  readonly scannedRevisionsMax: number
  /** Keys and values read, previous ones too. */
  readonly bytesMax: number
  /** Watchers served by one read of the log. */
  readonly watchersMax: number
  /** Events times watchers. */
  readonly matchesMax: number
}

export const REPLAY_LIMITS: ReplayLimits = {
  // etcd's watchBatchMaxRevs.
  revisionsMax: 1000,
  scannedRevisionsMax: 10_000,
  bytesMax: 4 * 1024 * 1024,
  watchersMax: 1000,
  matchesMax: 100_000,
}

/**
 * Brings the watchers that are behind up to date from the log (etcd's syncWatchers). In each step
 * the watcher whose turn it is names the revision; all others that are near to it share the read,
 * and from then on go together.
 */
export class Replay {
  readonly #groups: WatcherGroups
  readonly #source: DeliverySource
  readonly #limits: ReplayLimits

  constructor(groups: WatcherGroups, source: DeliverySource, limits: ReplayLimits) {
    this.#groups = groups
    this.#source = source
    this.#limits = limits
  }

  step(): void {
    const { group, compacted } = this.#choose()
    for (const watcher of compacted) {
      this.#cancel(watcher)
    }
    const first = group[0]
    if (first !== undefined) {
      const delivery = new Delivery(this.#source, this.#groups.revision)
      const end = this.#read(group, first.next, delivery)
      for (const watcher of group) {
        this.#advance(watcher, end, delivery)
      }
    }
  }

  #choose(): { readonly group: readonly Watcher[]; readonly compacted: readonly Watcher[] } {
    const { watchersMax, revisionsMax } = this.#limits
    const group: Watcher[] = []
    const compacted: Watcher[] = []
    for (const watcher of this.#groups.ready()) {
      if (watcher.next < this.#source.log.compactRevision) {
        compacted.push(watcher)
      } else if (near(watcher, group[0], revisionsMax)) {
        group.push(watcher)
      }
      if (group.length + compacted.length === watchersMax) {
        break
      }
    }
    return { group, compacted }
  }

  /** etcd names no reason here, and no revision in the header. */
  #cancel(watcher: Watcher): void {
    const { compactRevision } = this.#source.log
    if (watcher.owner.sink.ready) {
      this.#groups.compact(watcher)
      const response = { watchId: watcher.id, canceled: true, compactRevision }
      watcher.owner.sink.send(watchResponse(response))
    }
  }

  /** Matches the group with the log; answers the first revision that was not read. */
  #read(group: readonly Watcher[], from: Revision, delivery: Delivery): Revision {
    const { revisionsMax, scannedRevisionsMax, bytesMax, matchesMax } = this.#limits
    const before = Math.min(this.#groups.revision + 1, from + scannedRevisionsMax)
    const index = new IntervalIndex<Watcher>()
    for (const watcher of group) {
      index.add(watcher.bounds, watcher)
    }
    let revision = 0
    let revisions = 0
    let bytes = 0
    for (const event of this.#source.log.events(from, hull(group), before)) {
      if (event.kv.modRevision >= before) {
        break
      }
      if (event.kv.modRevision !== revision) {
        if (revisions >= revisionsMax || bytes >= bytesMax || delivery.matches >= matchesMax) {
          return event.kv.modRevision
        }
        revision = event.kv.modRevision
        revisions++
      }
      bytes += bytesOf(event.kv)
      if (delivery.add(index, event)) {
        bytes += bytesOf(delivery.prevKv(event))
      }
    }
    return before
  }

  /** A watcher whose reader has been filled up by others meanwhile reads the same again later. */
  #advance(watcher: Watcher, end: Revision, delivery: Delivery): void {
    const due = delivery.has(watcher)
    if (watcher.next < end && (!due || watcher.owner.sink.ready)) {
      this.#groups.advance(watcher, end)
      delivery.send(watcher)
    }
  }
}

function bytesOf(kv: KeyValue | undefined): number {
  return kv === undefined ? 0 : kv.key.length + kv.value.length
}

/** Whether a read from where the first of a group is will come to the watcher. */
function near(watcher: Watcher, first: Watcher | undefined, revisionsMax: number): boolean {
  const distance = watcher.next - (first ?? watcher).next
  return distance >= 0 && distance < revisionsMax
}

/** The narrowest range with those of all watchers in it. */
function hull(watchers: readonly Watcher[]): Bounds {
  const all = watchers.map((watcher) => watcher.bounds)
  return all.reduce((a, b) => ({
    start: compareBytes(a.start, b.start) <= 0 ? a.start : b.start,
    end:
      a.end === undefined || b.end === undefined
        ? undefined
        : compareBytes(a.end, b.end) >= 0
          ? a.end
          : b.end,
  }))
}
