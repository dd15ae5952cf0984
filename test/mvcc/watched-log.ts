import type { Revision } from '../../src/mvcc/types.ts'
import type { ReplayLimits } from '../../src/mvcc/watch-replay.ts'
import type { WatchResponse } from '../../src/mvcc/watch-response.ts'
import type { WatchStream } from '../../src/mvcc/watch-stream.ts'
import { WatchHub } from '../../src/mvcc/watch.ts'
import type { WatchCreateRequest } from '../../src/mvcc/watcher.ts'
import { bytes, type Change, type MemoryLog, text, type WatchableLog } from './memory-log.ts'
import { RecordingSink } from './recording-sink.ts'

export const FRAGMENT_BYTES_MAX = 1000

/** A request for one key from now on, unless told otherwise. */
export function watchOf(
  key: string,
  rest: Partial<Omit<WatchCreateRequest, 'key' | 'rangeEnd'>> & { readonly end?: string } = {},
): WatchCreateRequest {
  return {
    key: bytes(key),
    rangeEnd: bytes(rest.end ?? ''),
    startRevision: rest.startRevision ?? 0,
    progressNotify: rest.progressNotify ?? false,
    filters: rest.filters ?? [],
    prevKv: rest.prevKv ?? false,
    watchId: rest.watchId ?? 0,
    fragment: rest.fragment ?? false,
  }
}

/** A log with a hub that hears of each of its revisions. */
export class WatchedLog<Log extends WatchableLog = MemoryLog> {
  readonly log: Log
  readonly #replayLimits: ReplayLimits | undefined
  hub: WatchHub

  constructor(log: Log, replayLimits?: ReplayLimits) {
    this.log = log
    this.#replayLimits = replayLimits
    this.hub = this.#newHub()
  }

  #newHub(): WatchHub {
    const options = { fragmentBytesMax: FRAGMENT_BYTES_MAX }
    const replayLimits = this.#replayLimits
    return new WatchHub(
      this.log,
      replayLimits === undefined ? options : { ...options, replayLimits },
    )
  }

  /** The object's memory is lost; the log is not. */
  evict(): void {
    this.hub = this.#newHub()
  }

  /** Commits one revision; a change of no value deletes. */
  commit(...changes: readonly Change[]): Revision {
    const events = this.log.commit(changes)
    this.hub.notify(this.log.revision, events)
    return this.log.revision
  }

  put(key: string, value = 'v'): Revision {
    return this.commit({ key, value })
  }

  /** Commits one revision of which the hub is told only that much has happened. */
  commitMany(...changes: readonly Change[]): void {
    this.log.commit(changes)
    this.hub.notify(this.log.revision, 'many')
  }

  open(room = Infinity): { sink: RecordingSink; stream: WatchStream } {
    const sink = new RecordingSink(room)
    return { sink, stream: this.hub.open(sink) }
  }

  catchUp(): void {
    while (this.hub.pending()) {
      this.hub.catchUp()
    }
  }
}

/** Responses as short words: `1@7: put a, delete b` is what watch 1 was told at revision 7. */
export function told(responses: readonly WatchResponse[]): readonly string[] {
  return responses.map((response) => {
    const words = [
      ...(response.created ? ['created'] : []),
      ...(response.canceled ? ['canceled'] : []),
      ...(response.compactRevision === 0 ? [] : [`compacted ${response.compactRevision}`]),
      ...(response.cancelReason === '' ? [] : [response.cancelReason]),
      ...(response.fragment ? ['fragment'] : []),
      ...response.events.map(({ type, kv }) => `${type === 0 ? 'put' : 'delete'} ${text(kv.key)}`),
    ]
    return `${response.watchId}@${response.revision}: ${words.join(', ')}`.trim()
  })
}
