import { IntervalIndex } from './interval.ts'
import { type Bounds, compareBytes } from './key-range.ts'
import type { Event, Revision } from './types.ts'
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
  /** Changes passed over: a revision may have many. */
  readonly scannedChangesMax: number
  /** Keys and values read. */
  readonly bytesMax: number
  /** Events of a response, previous versions too, in which a watcher's revisions are gathered. */
  readonly responseBytesMax: number
  /** The same where a watcher asked for fragments, and for what is read for it. */
  readonly fragmentedBytesMax: number
  /** Watchers served by one read of the log. */
  readonly watchersMax: number
  /** Events times watchers. */
  readonly matchesMax: number
}

export const REPLAY_LIMITS: ReplayLimits = {
  // etcd's watchBatchMaxRevs.
  revisionsMax: 1000,
  scannedRevisionsMax: 10_000,
  scannedChangesMax: 1000,
  bytesMax: 4 * 1024 * 1024,
  // Most gRPC clients take messages of 4 MiB, and many of WebSocket 1 MiB, which this is not in base64.
  responseBytesMax: 512 * 1024,
  fragmentedBytesMax: 12 * 1024 * 1024,
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
    const limits = this.#limits
    const fragmented = group.every(({ fragment }) => fragment)
    const bytesMax = fragmented ? limits.fragmentedBytesMax : limits.bytesMax
    const responseBytesMax = fragmented ? limits.fragmentedBytesMax : limits.responseBytesMax
    const latest = Math.min(this.#groups.revision + 1, from + limits.scannedRevisionsMax)
    const before = this.#source.log.searchEnd(from, latest, limits.scannedChangesMax)
    const index = new IntervalIndex<Watcher>()
    for (const watcher of group) {
      index.add(watcher.bounds, watcher)
    }
    let revisions = 0
    let bytes = 0
    let responseBytes = 0
    for (const { revision, events } of byRevision(
      this.#source.log.events(from, hull(group), before),
      before,
    )) {
      if (
        revisions >= limits.revisionsMax ||
        bytes >= bytesMax ||
        delivery.matches >= limits.matchesMax
      ) {
        return revision
      }
      for (const event of events) {
        bytes += event.kv.key.length + event.kv.value.length
        responseBytes += delivery.sizeFor(index, event)
      }
      if (delivery.matches > 0 && responseBytes > responseBytesMax) {
        return revision
      }
      for (const event of events) {
        delivery.add(index, event)
      }
      revisions++
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

/** The events of each revision; the last are those of the one that is before `before`. */
function* byRevision(
  events: Iterable<Event>,
  before: Revision,
): Iterable<{ readonly revision: Revision; readonly events: readonly Event[] }> {
  let revision = 0
  let own: Event[] = []
  for (const event of events) {
    const { modRevision } = event.kv
    if (modRevision !== revision && own.length > 0) {
      yield { revision, events: own }
      own = []
    }
    if (modRevision >= before) {
      return
    }
    revision = modRevision
    own.push(event)
  }
  if (own.length > 0) {
    yield { revision, events: own }
  }
}

/**
 * Whether a read from where the first of a group is will come to the watcher. One that asked for
 * fragments reads more at a time, and alone.
 */
function near(watcher: Watcher, first: Watcher | undefined, revisionsMax: number): boolean {
  if (first === undefined) {
    return true
  }
  const distance = watcher.next - first.next
  return distance >= 0 && distance < revisionsMax && !watcher.fragment && !first.fragment
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
