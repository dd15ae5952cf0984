import { equalBytes } from '../mvcc/key-range.ts'
import { type Event, EventType, type KeyValue, type Revision } from '../mvcc/types.ts'
import type { Sink, WatchResponse } from '../mvcc/watch-response.ts'
import type { WatchCreateRequest } from '../mvcc/watcher.ts'
import { prefixEnd, prefixOf } from './queue.ts'

/** Where an observer's news goes, and what it asks. Nothing in here may throw. */
export interface ObserverOut {
  /** As a sink's: false while the reader is behind. */
  readonly ready: () => boolean
  /** One LeaderResponse; the revision is its header's. */
  readonly send: (revision: Revision, kv: KeyValue) => void
  /** The stream ends, without an error: the history that it was to tell has been compacted. */
  readonly end: () => void
  /** As a sink's. */
  readonly changed: () => void
  /** The first in the queue now, and the current revision. */
  readonly leader: () => { readonly revision: Revision; readonly kv: KeyValue | undefined }
}

/** What an Observe stream watches: every candidate. To be created before `begin`. */
export function observeRequest(name: Uint8Array): WatchCreateRequest {
  const key = prefixOf(name)
  return {
    key,
    rangeEnd: prefixEnd(key),
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0,
    fragment: false,
  }
}

/**
 * Election.Observe (client/v3/concurrency/election.go): the leader, each value that it proclaims,
 * and who leads after it. It hears of all candidates through a watch and passes on what is the
 * leader's. While nobody leads, the first to come does. A reader that falls behind may miss values
 * of leaders gone since, but never the last of the one that leads.
 */
export class Observer implements Sink {
  readonly #out: ObserverOut
  #leader: Uint8Array | undefined
  /** Events up to here have been told, or are told by what was read at it. */
  #seen: Revision = 0

  constructor(out: ObserverOut) {
    this.#out = out
  }

  get ready(): boolean {
    return this.#out.ready()
  }

  changed(): void {
    this.#out.changed()
  }

  /** Tells who leads, if anybody does. */
  begin(): void {
    const { revision, kv } = this.#look()
    if (kv !== undefined) {
      this.#out.send(revision, kv)
    }
  }

  /** After hibernation, for a stream that had been told of all there was. */
  resume(): void {
    this.#look()
  }

  send({ revision, events, canceled }: WatchResponse): void {
    if (canceled) {
      this.#out.end()
      return
    }
    for (const event of events) {
      if (event.kv.modRevision > this.#seen) {
        this.#hear(revision, event)
      }
    }
  }

  #hear(revision: Revision, { type, kv }: Event): void {
    if (this.#leader === undefined) {
      if (type === EventType.PUT) {
        this.#leader = kv.key.slice()
        this.#seen = kv.modRevision
        this.#out.send(kv.modRevision, kv)
      }
    } else if (equalBytes(this.#leader, kv.key)) {
      if (type === EventType.PUT) {
        this.#out.send(revision, kv)
      } else {
        this.begin()
      }
    }
  }

  #look(): ReturnType<ObserverOut['leader']> {
    const found = this.#out.leader()
    this.#seen = found.revision
    this.#leader = found.kv?.key
    return found
  }
}
