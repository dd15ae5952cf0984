import type { Event, Revision, WatchId } from './types.ts'

/** One message to a watch stream (etcd's WatchResponse; its header is the revision). */
export interface WatchResponse {
  /** The header's revision; 0 where etcd sends none. */
  readonly revision: Revision
  readonly watchId: WatchId
  readonly created: boolean
  readonly canceled: boolean
  /** Why a watch was canceled: the lowest revision that one could begin at; otherwise 0. */
  readonly compactRevision: Revision
  readonly cancelReason: string
  /** More events of the same response follow in the next message. */
  readonly fragment: boolean
  /** Watchers that are sent the same events are sent the same array: it can be encoded once. */
  readonly events: readonly Event[]
}

/**
 * The way out of one watch stream. Nothing in here may throw, nor call the hub: it is in the midst
 * of other watchers.
 */
export interface Sink {
  /**
   * False while the reader is behind. Then events stay in the log and the stream's watchers read
   * them there, once `WatchHub.drained` has been called. Answers to requests are sent all the same.
   */
  readonly ready: boolean
  send(response: WatchResponse): void
  /**
   * `WatchStream.takeChanges` has something to take, and not only where something is sent: a
   * watcher whose reader is behind must be remembered as behind. Called once until it is taken.
   */
  changed(): void
}

/** The watch id that speaks for a whole stream, or for no watch. */
export const NO_WATCH_ID = -1

const NO_EVENTS: readonly Event[] = []

/** A response with only the given fields set. */
export function watchResponse(
  fields: Partial<WatchResponse> & Pick<WatchResponse, 'watchId'>,
): WatchResponse {
  return {
    revision: fields.revision ?? 0,
    watchId: fields.watchId,
    created: fields.created ?? false,
    canceled: fields.canceled ?? false,
    compactRevision: fields.compactRevision ?? 0,
    cancelReason: fields.cancelReason ?? '',
    fragment: fields.fragment ?? false,
    events: fields.events ?? NO_EVENTS,
  }
}
