import type { Event } from '../../mvcc/types.ts'
import type { Sink, WatchResponse as HubResponse } from '../../mvcc/watch-response.ts'
import { encode } from '../../protocol/binary.ts'
import { CREDIT_WINDOW_BYTES, FrameKind } from '../../protocol/frames.ts'
import { WatchResponse } from '../../protocol/generated/messages.ts'
import type { MethodMetrics } from '../method-metrics.ts'
import type { WatchMetrics } from '../watch-metrics.ts'
import type { SessionOut } from './session-out.ts'

/** Watchers that see the same events share the list, and here its encoding. */
const encodedEvents = new WeakMap<readonly Event[], Uint8Array>()

interface SinkMetrics {
  readonly watches: MethodMetrics
  readonly sent: WatchMetrics
}

/**
 * One stream's way out. It is ready while less than a window of bytes is on its way to the reader,
 * which gives credit for what it has taken, and as long as its socket has room in this turn; behind
 * that, the hub lets its watchers read the log later instead of holding their events in memory.
 */
export class WatchSink implements Sink {
  readonly #stream: number
  readonly #out: SessionOut
  readonly #metrics: SinkMetrics
  #underWay = 0

  constructor(stream: number, out: SessionOut, metrics: SinkMetrics) {
    this.#stream = stream
    this.#out = out
    this.#metrics = metrics
  }

  get ready(): boolean {
    return this.#hasCredit && !this.#out.full
  }

  get #hasCredit(): boolean {
    return this.#underWay < CREDIT_WINDOW_BYTES
  }

  send(response: HubResponse): void {
    const header = { ...this.#out.header(), revision: response.revision }
    const head = encode(WatchResponse, { ...response, header, events: [] })
    const events = encodeEvents(response.events)
    // The events are the message's last field, so both encodings in a row are that of the whole.
    const payload = new Uint8Array(head.length + events.length)
    payload.set(head)
    payload.set(events, head.length)
    this.#underWay += payload.length
    this.#metrics.watches.send(payload.length)
    this.#metrics.sent.sent(response.events.length)
    this.#out.send({ kind: FrameKind.DATA, stream: this.#stream, payload })
  }

  changed(): void {
    this.#out.changed(this.#stream)
  }

  /** The reader has taken so many bytes. Answers whether there is credit again where there was none. */
  credit(taken: number): boolean {
    const behind = !this.#hasCredit
    this.#underWay = Math.max(0, this.#underWay - taken)
    return behind && this.#hasCredit
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
