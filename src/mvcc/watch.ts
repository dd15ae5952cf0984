import { assert } from './errors.ts'
import type { EventLog } from './event-log.ts'
import type { Event, Revision } from './types.ts'
import { Delivery, type DeliverySource } from './watch-delivery.ts'
import { Replay, REPLAY_LIMITS, type ReplayLimits } from './watch-replay.ts'
import { type Sink, watchResponse } from './watch-response.ts'
import { WatchStream } from './watch-stream.ts'
import { WatcherGroups } from './watcher-groups.ts'

export interface WatchOptions {
  /** Responses from this size on are cut for watchers that asked for fragments. */
  readonly fragmentBytesMax: number
  readonly replayLimits?: ReplayLimits
}

/**
 * All watches of a keyspace (etcd's watchableStore). It has no clock and starts nothing by itself:
 * the owner of the store tells it of every revision, calls `catchUp` while `pending`, and
 * `progressNotify` at its interval.
 *
 * A watcher is sent every event that it wants, once, in the order of the log. It is never sent one
 * of a revision that it has not been told of through `notify`, so a progress message at a revision
 * can promise all up to it.
 */
export class WatchHub {
  readonly #groups: WatcherGroups
  readonly #source: DeliverySource
  readonly #replay: Replay
  readonly #streams = new Set<WatchStream>()

  constructor(log: EventLog, { fragmentBytesMax, replayLimits = REPLAY_LIMITS }: WatchOptions) {
    this.#groups = new WatcherGroups(log.revision)
    this.#source = { log, fragmentBytesMax }
    this.#replay = new Replay(this.#groups, this.#source, replayLimits)
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get watcherCount(): number {
    return this.#groups.watcherCount
  }

  /** How many watchers are behind. */
  get unsyncedCount(): number {
    return this.#groups.behindCount
  }

  /** Whether a watcher has asked for `progressNotify`. */
  get wantsProgress(): boolean {
    return this.#groups.progress.size > 0
  }

  open(sink: Sink): WatchStream {
    const stream = new WatchStream(sink, this.#groups)
    this.#streams.add(stream)
    return stream
  }

  /** The client is gone, and so are all its watches. */
  close(stream: WatchStream): void {
    stream.close()
    this.#streams.delete(stream)
  }

  /** To be told when a sink that was not ready is ready again. */
  drained(stream: WatchStream): void {
    this.#groups.drained(stream)
  }

  /**
   * A revision has been committed, with these events in their order: each watcher that wants some
   * of them is sent them in one response. 'many' are left in the log, from where the watchers are
   * brought up to date in steps.
   */
  notify(revision: Revision, events: readonly Event[] | 'many'): void {
    const missed = revision - this.#groups.revision - 1
    assert(missed === 0, `watchers heard of ${this.#groups.revision}, then of ${revision}`)
    this.#groups.revision = revision
    if (events === 'many') {
      this.#leaveInLog(revision)
      return
    }
    const delivery = new Delivery(this.#source, revision)
    for (const event of events) {
      delivery.add(this.#groups.synced, event)
    }
    for (const watcher of delivery.watchers) {
      if (watcher.owner.sink.ready) {
        delivery.send(watcher)
      } else {
        this.#groups.fallBehind(watcher, revision)
      }
    }
  }

  #leaveInLog(revision: Revision): void {
    const synced = Array.from(this.#groups.synced.items())
    for (const watcher of synced.filter(({ next }) => next <= revision)) {
      this.#groups.fallBehind(watcher, revision)
    }
  }

  /** Whether `catchUp` has something to do. */
  pending(): boolean {
    return this.#groups.pending
  }

  /** One bounded step towards having nobody behind whose reader is ready. */
  catchUp(): void {
    this.#replay.step()
  }

  /**
   * Tells the watchers that asked for it how far they are, if they have been sent no event since
   * the last call and have nothing coming.
   */
  progressNotify(): void {
    const revision = this.#groups.revision
    for (const watcher of this.#groups.progress) {
      const { phase, next, quiet, id, owner } = watcher
      watcher.quiet = true
      if (quiet && phase === 'synced' && next <= revision && owner.sink.ready) {
        owner.sink.send(watchResponse({ revision, watchId: id }))
      }
    }
  }
}
