import type { Event } from '../mvcc/types.ts'
import type { Sink, WatchResponse as HubResponse } from '../mvcc/watch-response.ts'
import { encode } from '../protocol/binary.ts'
import { CREDIT_WINDOW_BYTES } from '../protocol/frames.ts'
import { type ResponseHeader, WatchResponse } from '../protocol/generated/messages.ts'

/** Watchers that see the same events share the list, and here its encoding. */
const encodedEvents = new WeakMap<readonly Event[], Uint8Array>()

/** What a sink needs of its session. */
export interface WatchOut {
  readonly header: (revision: number) => ResponseHeader
  readonly send: (payload: Uint8Array) => void
  readonly changed: () => void
}

/**
 * One stream's way out. It is ready while less than a window of bytes is on its way to the reader,
 * which gives credit for what it has taken; behind that, the hub lets its watchers read the log
 * later instead of holding their events in memory.
 */
export class WatchSink implements Sink {
  readonly #out: WatchOut
  readonly changed: () => void
  #underWay = 0

  constructor(out: WatchOut) {
    this.#out = out
    this.changed = out.changed
  }

  get ready(): boolean {
    return this.#underWay < CREDIT_WINDOW_BYTES
  }

  send(response: HubResponse): void {
    const header = this.#out.header(response.revision)
    const head = encode(WatchResponse, { ...response, header, events: [] })
    const events = encodeEvents(response.events)
    // The events are the message's last field, so both encodings in a row are that of the whole.
    const payload = new Uint8Array(head.length + events.length)
    payload.set(head)
    payload.set(events, head.length)
    this.#underWay += payload.length
    this.#out.send(payload)
  }

  /** The reader has taken so many bytes. Answers whether that has made the stream ready again. */
  credit(taken: number): boolean {
    const behind = !this.ready
    this.#underWay = Math.max(0, this.#underWay - taken)
    return behind && this.ready
  }
}

function encodeEvents(events: readonly Event[]): Uint8Array {
  let encoded = encodedEvents.get(events)
  if (encoded === undefined) {
    encoded = encode(WatchResponse, { ...WatchResponse.empty(), events })
    encodedEvents.set(events, encoded)
  }
  return encoded
}
