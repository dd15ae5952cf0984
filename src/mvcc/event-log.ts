import type { Bounds } from './key-range.ts'
import type { Event, KeyValue, Revision } from './types.ts'

/** What watches read of a store. */
export interface EventLog {
  /** The current revision. */
  readonly revision: Revision
  /** Below it there is no history any more; -1 when nothing has been compacted. */
  readonly compactRevision: Revision
  /**
   * The events from revision `from` on whose keys are in bounds, in order of revision and
   * sub-revision, with `prevKv` not filled in. They are read as they are asked for. Nobody asks for
   * those of `before` and later, so a log that has to search for the next one may end there.
   */
  events(from: Revision, bounds: Bounds, before: Revision): Iterable<Event>
  /**
   * The revision before which a search from `from` on is to end, `before` at the latest, so that it passes over
   * about `changesMax` changes: those of one revision are never parted.
   */
  searchEnd(from: Revision, before: Revision, changesMax: number): Revision
  /**
   * The version before the event's revision; undefined for a creation, and where that revision is
   * compacted.
   */
  previous(event: Event): KeyValue | undefined
}
