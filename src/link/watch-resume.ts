import { decode, encode } from '../protocol/binary.ts'
import { type WatchCreateRequest, WatchRequest } from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import { statusOf } from '../protocol/status.ts'
import { readWatchHead, type WatchHead, type WatchId } from './watch-head.ts'
import { WatchPlace } from './watch-place.ts'

/** The watch id that speaks for a whole stream, or for no watch. */
const NO_WATCH_ID = -1
/** Requests that are not answered: what a client can have us remember for it. */
const UNANSWERED_BYTES_MAX = 8 * 1024 * 1024
const REQUEST_OVERHEAD_BYTES = 200

const PROGRESS = encode(WatchRequest, create(WatchRequest, { progressRequest: {} }))

export interface WatchOut {
  /** A WatchRequest for the shard. */
  readonly request: (message: Uint8Array) => void
  /** A WatchResponse for the client. */
  readonly response: (message: Uint8Array) => void
  /** The stream to the shard is to be closed, and the watches resumed on a new one. */
  readonly reopen: () => void
}

/** A request that is not answered. An answer comes for each creation, and in their order. */
type Unanswered =
  | { readonly kind: 'create'; request: WatchCreateRequest; readonly bytes: number }
  | { readonly kind: 'cancel'; readonly watchId: WatchId; readonly bytes: number }

/** A watch that the client knows of. */
interface Watch {
  readonly place: WatchPlace
  /** The client has asked for its end, and waits for the answer. */
  canceling: boolean
  /**
   * The client knows that compaction has canceled it. Its id stays taken until the client cancels
   * it, too.
   */
  compacted: boolean
}

/**
 * One watch stream of a client, which outlives the streams to the shard that carry it one after the
 * other. On a new one each watch is created again under its id where its place is, and what was not
 * answered is asked again; the client sees nothing of it.
 *
 * Ids that the shard has chosen count on: on a new stream, whose count begins at 0 again, they are
 * chosen here.
 */
export class WatchResume {
  readonly #out: WatchOut
  readonly #watches = new Map<WatchId, Watch>()
  readonly #unanswered: Unanswered[] = []
  #unansweredBytes = 0
  /** For each creation that this stream still owes an answer: the watch if it is created again. */
  #creations: (Watch | undefined)[] = []
  /** There is a stream, and it is not in the middle of a response that it must first complete. */
  #sending = false
  #completing: Watch | undefined
  #progressWanted = 0
  #nextWatchId = 0
  #choosesIds = false
  /** How many creations that are not answered ask for an id. */
  readonly #asked = new Map<WatchId, number>()

  constructor(out: WatchOut) {
    this.#out = out
  }

  /**
   * A message of the client, an encoded WatchRequest. Throws WireError, or a status where it asks
   * too much.
   */
  request(message: Uint8Array): void {
    // What is kept must not hold on to the buffer that it arrived in.
    const { createRequest, cancelRequest, progressRequest } = decode(
      WatchRequest,
      new Uint8Array(message),
    )
    if (createRequest !== undefined) {
      const bytes = message.length + REQUEST_OVERHEAD_BYTES
      this.#ask({ kind: 'create', request: createRequest, bytes })
    } else if (cancelRequest !== undefined) {
      this.#cancel(cancelRequest.watchId)
    } else if (progressRequest !== undefined) {
      this.#progressWanted++
      this.#send(PROGRESS)
    }
  }

  #ask(request: Unanswered): void {
    if (this.#unansweredBytes + request.bytes > UNANSWERED_BYTES_MAX) {
      throw statusOf('too-many-requests')
    }
    this.#unansweredBytes += request.bytes
    this.#unanswered.push(request)
    this.#countAsked(request, 1)
    this.#sendUnanswered(request)
  }

  /** Nobody answers the cancel of an id that is not known. */
  #cancel(watchId: WatchId): void {
    const watch = this.#watches.get(watchId)
    if (this.#unanswered.length > 0) {
      this.#ask({ kind: 'cancel', watchId, bytes: REQUEST_OVERHEAD_BYTES })
    } else if (watch !== undefined) {
      watch.canceling = true
      this.#send(cancelOf(watchId))
    }
  }

  #send(message: Uint8Array): void {
    if (this.#sending) {
      this.#out.request(message)
    }
  }

  #sendUnanswered(request: Unanswered): void {
    if (!this.#sending) {
      return
    }
    if (request.kind === 'cancel') {
      this.#out.request(cancelOf(request.watchId))
      return
    }
    if (this.#choosesIds && request.request.watchId === 0) {
      request.request = { ...request.request, watchId: this.#freeId() }
      this.#countAsked(request, 1)
    }
    this.#creations.push(undefined)
    this.#out.request(createOf(request.request))
  }

  #countAsked(request: Unanswered, more: 1 | -1): void {
    const watchId = request.kind === 'create' ? request.request.watchId : 0
    const count = (this.#asked.get(watchId) ?? 0) + more
    if (watchId === 0) {
      return
    }
    if (count > 0) {
      this.#asked.set(watchId, count)
    } else {
      this.#asked.delete(watchId)
    }
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextWatchId) || this.#asked.has(this.#nextWatchId)) {
      this.#nextWatchId++
    }
    return this.#nextWatchId++
  }

  /**
   * Asks for progress: for the client where it waits for some, since a request is passed over as
   * long as a watch that was resumed reads the log; otherwise so that no compaction finds the place
   * of a quiet watch far behind.
   */
  askProgress(): void {
    if (this.#watches.size > 0) {
      this.#send(PROGRESS)
    }
  }

  /** Whether the client waits for progress, as far as is known. */
  get progressWanted(): boolean {
    return this.#progressWanted > 0
  }

  /** The stream to the shard is gone. */
  lost(): void {
    this.#sending = false
    this.#completing = undefined
    this.#creations = []
  }

  /** There is a new, empty stream to the shard. */
  resume(): void {
    this.#choosesIds = this.#nextWatchId > (this.#watches.has(0) ? 1 : 0)
    const watches = [...this.#watches.values()]
    this.#completing = watches.find(({ place, compacted }) => place.inSeries && !compacted)
    if (this.#completing === undefined) {
      this.#resumeAll(watches)
    } else {
      this.#create(this.#completing)
    }
  }

  #resumeAll(watches: readonly Watch[]): void {
    this.#sending = true
    for (const watch of watches) {
      this.#create(watch)
    }
    for (const request of this.#unanswered) {
      this.#sendUnanswered(request)
    }
    if (this.#progressWanted > 0) {
      this.#progressWanted = 1
      this.#out.request(PROGRESS)
    }
  }

  #create(watch: Watch): void {
    this.#creations.push(watch)
    this.#out.request(createOf(watch.place.again()))
    if (watch.canceling) {
      this.#out.request(cancelOf(watch.place.watchId))
    }
  }

  /** A message of the shard, an encoded WatchResponse. Throws WireError for what is none. */
  response(message: Uint8Array): void {
    const head = readWatchHead(message)
    if (head.created) {
      this.#created(message, head)
    } else if (head.canceled) {
      this.#canceled(message, head)
    } else if (head.events.length > 0) {
      const watch = this.#watches.get(head.watchId)
      const passed = watch === undefined ? message : watch.place.pass(message, head)
      if (passed !== undefined) {
        this.#out.response(passed)
      }
    } else {
      this.#progress(message, head)
    }
    this.#completed()
  }

  /** Goes on with all other watches when the response that was cut off is complete. */
  #completed(): void {
    const watch = this.#completing
    if (watch !== undefined && (watch.compacted || !watch.place.inSeries || !this.#knows(watch))) {
      this.#completing = undefined
      this.#resumeAll([...this.#watches.values()].filter((other) => other !== watch))
      if (watch.canceling && this.#knows(watch)) {
        this.#out.request(cancelOf(watch.place.watchId))
      }
    }
  }

  #knows(watch: Watch): boolean {
    return this.#watches.get(watch.place.watchId) === watch
  }

  #created(message: Uint8Array, head: WatchHead): void {
    const again = this.#creations.shift()
    if (again !== undefined) {
      if (head.canceled) {
        // Its token has expired meanwhile, or may no more: the client comes again with a new one.
        throw statusOf('leader-changed')
      }
      return
    }
    const asked = this.#shift()
    if (asked?.kind === 'create' && !head.canceled) {
      const { watchId, revision } = head
      if (asked.request.watchId === 0) {
        this.#nextWatchId = Number(watchId) + 1
      }
      const place = new WatchPlace({ ...asked.request, watchId }, revision)
      this.#watches.set(watchId, { place, canceling: false, compacted: false })
    }
    this.#settleCancels()
    this.#out.response(message)
  }

  #shift(): Unanswered | undefined {
    const first = this.#unanswered.shift()
    if (first !== undefined) {
      this.#unansweredBytes -= first.bytes
      this.#countAsked(first, -1)
    }
    return first
  }

  /** Whether a cancel will be answered is known once the creations before it have been. */
  #settleCancels(): void {
    for (let [first] = this.#unanswered; first?.kind === 'cancel'; [first] = this.#unanswered) {
      this.#shift()
      const watch = this.#watches.get(first.watchId)
      if (watch !== undefined) {
        watch.canceling = true
      }
    }
  }

  #canceled(message: Uint8Array, { watchId, compactRevision }: WatchHead): void {
    const watch = this.#watches.get(watchId)
    if (watch !== undefined && compactRevision !== 0) {
      if (watch.compacted) {
        return
      }
      if (watch.place.compactedBefore(compactRevision)) {
        this.#out.reopen()
        return
      }
      watch.compacted = true
    } else {
      this.#watches.delete(watchId)
    }
    this.#out.response(message)
  }

  #progress(message: Uint8Array, { watchId, revision }: WatchHead): void {
    const watch = this.#watches.get(watchId)
    if (watch !== undefined) {
      watch.place.reached(revision)
    } else if (watchId === NO_WATCH_ID) {
      for (const { place } of this.#watches.values()) {
        place.reached(revision)
      }
      if (this.#progressWanted === 0) {
        return
      }
      this.#progressWanted--
    }
    this.#out.response(message)
  }
}

function createOf(createRequest: WatchCreateRequest): Uint8Array {
  return encode(WatchRequest, create(WatchRequest, { createRequest }))
}

function cancelOf(watchId: WatchId): Uint8Array {
  return encode(WatchRequest, create(WatchRequest, { cancelRequest: { watchId } }))
}
