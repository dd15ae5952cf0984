import type { WatchCreateRequest } from '../protocol/generated/messages.ts'
import { eventRevision, type WatchHead, type WatchId, withoutEvents } from './watch-head.ts'

/**
 * How far a watch has come at its client: what it is to begin with on a new stream, and which of
 * the events that come there its client has already.
 *
 * An example: a watch from revision 5 on that has passed on the events of 7, and of 9, cut into
 * fragments, the first three, has `next` 9 and `partial` 3. On a new stream it begins at 9 and
 * drops three events.
 */
export class WatchPlace {
  readonly #request: WatchCreateRequest
  /** The first revision of which something may be missing. */
  #next: number
  /** How many events of revision `next` have been passed on. */
  #partial = 0
  /**
   * Whether the store is known to be at `next - 1` or further. Then the watch begins anew there and
   * not at `next`: a watch that waits for a revision to come is told of no progress.
   */
  #reached: boolean
  /** `next - 1` is compacted, and `next` is not. */
  #exact = false
  /** The last response passed on was a fragment that others follow. */
  #inSeries = false
  /**
   * On this stream events may come that have been passed on, so many of revision `next` among them.
   */
  #repeats = false
  #skip = 0

  /** `request` has the watch's id; `revision` is that of the answer that told of its creation. */
  constructor(request: WatchCreateRequest, revision: number) {
    this.#request = request
    this.#reached = request.startRevision === 0
    this.#next = this.#reached ? revision + 1 : request.startRevision
  }

  get watchId(): WatchId {
    return this.#request.watchId
  }

  /**
   * Its client waits for the rest of a response. etcd's client loses what comes in between for
   * other watches, so that nothing may.
   */
  get inSeries(): boolean {
    return this.#inSeries
  }

  /** What creates the watch again on a new stream, and begins to count there. */
  again(): WatchCreateRequest {
    this.#repeats = true
    this.#skip = this.#partial
    const before = this.#reached && this.#partial === 0 && !this.#exact
    return { ...this.#request, startRevision: before ? this.#next - 1 : this.#next }
  }

  /** Everything up to this revision has been passed on. */
  reached(revision: number): void {
    if (revision >= this.#next) {
      this.#moveTo(revision + 1, 0)
    }
  }

  /**
   * The watch was canceled because it began below this compacted revision. Answers whether that is
   * only for beginning before `next`, of which nothing is missing.
   */
  compactedBefore(compactRevision: number): boolean {
    const needless = compactRevision <= this.#next && !this.#exact
    this.#exact ||= needless
    return needless
  }

  /** What of a response with events is to be passed on; undefined if nothing. */
  pass(message: Uint8Array, head: WatchHead): Uint8Array | undefined {
    const { events, fragment } = head
    const repeated = this.#repeats ? this.#repeated(message, events) : 0
    if (repeated === events.length) {
      return undefined
    }
    this.#repeats = false
    this.#inSeries = fragment
    const last = eventRevision(message, events.at(-1) ?? 0)
    if (fragment) {
      this.#moveTo(last, this.#countOf(last, message, events.slice(repeated)))
    } else {
      this.#moveTo(last + 1, 0)
    }
    return repeated === 0 ? message : withoutEvents(message, head, repeated)
  }

  #repeated(message: Uint8Array, events: readonly number[]): number {
    let count = 0
    for (const start of events) {
      const revision = eventRevision(message, start)
      if (revision > this.#next || (revision === this.#next && this.#skip === 0)) {
        break
      }
      this.#skip -= revision === this.#next ? 1 : 0
      count++
    }
    return count
  }

  #countOf(last: number, message: Uint8Array, events: readonly number[]): number {
    const earlier = last === this.#next ? this.#partial : 0
    return earlier + events.filter((start) => eventRevision(message, start) === last).length
  }

  #moveTo(next: number, partial: number): void {
    this.#next = next
    this.#partial = partial
    this.#reached = true
    this.#exact = false
  }
}
