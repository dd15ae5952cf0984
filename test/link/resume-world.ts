// A client's watch stream over sockets that come and go, between the real resumption and the real
// hub.
import fc from 'fast-check'
import { WatchResume } from '../../src/link/watch-resume.ts'
import type { Event } from '../../src/mvcc/types.ts'
import type { Sink, WatchResponse as HubResponse } from '../../src/mvcc/watch-response.ts'
import type { WatchStream } from '../../src/mvcc/watch-stream.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  ResponseHeader,
  type WatchCreateRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { type Change, MemoryLog } from '../mvcc/memory-log.ts'
import { WatchedLog, watchOf } from '../mvcc/watched-log.ts'
import type { RecordedResponse, WatchRecord } from '../watch-guarantees.ts'

const change: fc.Arbitrary<Change> = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.option(
    fc.nat({ max: 600 }).map((length) => 'v'.repeat(length)),
    { nil: undefined },
  ),
})
const changes = fc.uniqueArray(change, {
  minLength: 1,
  maxLength: 8,
  selector: ({ key, value }) => `${key} ${value === undefined}`,
})

/**
 * The random things that can happen. Messages cross one by one, and any of them may be the last.
 */
export const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      changes,
      many: fc.nat({ max: 9 }).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', ''),
      end: fc.constantFrom('', 'c', 'e', '\0'),
      start: fc.option(fc.integer({ min: -12, max: 3 }), { nil: undefined }),
      watchId: fc.constantFrom<number | bigint>(0, 0, 0, 2, 7, -7, 2n ** 53n + 1n),
      filters: fc.constantFrom([], [], [], [0], [1]),
      prevKv: fc.boolean(),
      fragment: fc.boolean(),
      progressNotify: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), nth: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('progress' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('room' as const), room: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('catch-up' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('notify-progress' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask-progress' as const) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('to-shard' as const), count: fc.nat(4) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('to-link' as const), count: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('connect' as const) }) },
)

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** One watch, as its client knows it. */
interface Watch {
  readonly request: WatchCreateRequest
  readonly responses: RecordedResponse[]
  upTo: number
  compacted: boolean
}

interface Socket {
  readonly toShard: Uint8Array[]
  readonly toLink: Uint8Array[]
  stream: WatchStream
  readonly sink: HubSink
}

class HubSink implements Sink {
  room = 4
  readonly #sent: (response: HubResponse) => void

  constructor(sent: (response: HubResponse) => void) {
    this.#sent = sent
  }

  get ready(): boolean {
    return this.room > 0
  }

  send(response: HubResponse): void {
    this.room = Math.max(0, this.room - 1)
    this.#sent(response)
  }

  changed(): void {
    // Nothing hibernates here.
  }
}

const REPLAY_LIMITS = {
  revisionsMax: 3,
  scannedRevisionsMax: 5,
  scannedChangesMax: 4,
  bytesMax: 600,
  responseBytesMax: 600,
  fragmentedBytesMax: 2000,
  watchersMax: 3,
  matchesMax: 8,
}

export class ResumeWorld {
  readonly #watched = new WatchedLog(new MemoryLog(), REPLAY_LIMITS)
  readonly #resume: WatchResume
  #socket: Socket | undefined
  readonly #created: WatchCreateRequest[] = []
  readonly #open = new Map<number | bigint, Watch>()
  readonly #watches: Watch[] = []
  #lastAutoId = -1
  #series: number | bigint | undefined
  readonly seen = {
    events: 0,
    fragments: 0,
    progress: 0,
    compacted: 0,
    refused: 0,
    cut: 0,
    reopened: 0,
    cutSeries: 0,
  }

  constructor() {
    this.#resume = new WatchResume({
      request: (message) => this.#socket?.toShard.push(message),
      response: (message) => this.#hear(decode(WatchResponse, message)),
      reopen: () => {
        this.seen.reopened++
        this.#cut()
        this.#connect()
      },
    })
  }

  get log(): MemoryLog {
    return this.#watched.log
  }

  get watches(): readonly WatchRecord[] {
    return this.#watches
  }

  run(one: Step): void {
    switch (one.kind) {
      case 'commit':
        this.#commit(one.changes, one.many)
        break
      case 'create':
        this.#create(one)
        break
      case 'cancel':
        this.#cancel(one.nth)
        break
      case 'progress':
        this.#ask({ progressRequest: {} })
        break
      case 'room':
        this.#giveRoom(one.room)
        break
      case 'compact':
        this.#compact(one.back)
        break
      case 'catch-up':
        if (this.#watched.hub.pending()) {
          this.#watched.hub.catchUp()
        }
        break
      case 'notify-progress':
        this.#watched.hub.progressNotify()
        break
      case 'ask-progress':
        this.#resume.askProgress()
        break
      case 'to-shard':
        this.#toShard(one.count)
        break
      case 'to-link':
        this.#toLink(one.count)
        break
      case 'cut':
        this.#cut()
        break
      case 'connect':
        this.#connect()
        break
    }
  }

  /** Everything arrives, nothing is lost any more, and everybody hears that it was all. */
  settle(): void {
    this.#connect()
    this.#drain()
    if (this.#created.length > 0) {
      throw new Error(`${this.#created.length} creations are never answered`)
    }
    const live = [...this.#open.values()]
    live.forEach((watch) => (watch.upTo = watch.compacted ? 0 : this.log.revision))
    const reached = live.every(({ request }) => request.startRevision <= this.log.revision)
    const expected = live.length > 0 && reached && !live.some(({ compacted }) => compacted)
    const before = this.seen.progress
    this.#ask({ progressRequest: {} })
    this.#drain()
    if (this.seen.progress > before !== expected) {
      throw new Error(`progress is ${expected ? 'not told' : 'told'} at the end`)
    }
    for (const id of this.#open.keys()) {
      this.#ask({ cancelRequest: { watchId: id } })
    }
    this.#drain()
    if (this.#open.size > 0) {
      throw new Error(`${this.#open.size} cancels are never answered`)
    }
  }

  #drain(): void {
    for (let quiet = false; !quiet;) {
      this.#giveRoom(Infinity)
      this.#toShard(Infinity)
      this.#watched.catchUp()
      this.#toLink(Infinity)
      quiet = this.#socket?.toShard.length === 0 && this.#socket.toLink.length === 0
    }
  }

  #connect(): void {
    if (this.#socket !== undefined) {
      return
    }
    const toLink: Uint8Array[] = []
    const sink = new HubSink((response) => {
      const header = create(ResponseHeader, { revision: response.revision })
      toLink.push(encode(WatchResponse, { ...response, header }))
    })
    this.#socket = { toShard: [], toLink, sink, stream: this.#watched.hub.open(sink) }
    this.#resume.resume()
  }

  #cut(): void {
    if (this.#socket !== undefined) {
      this.seen.cut++
      this.seen.cutSeries += this.#series === undefined ? 0 : 1
      this.#watched.hub.close(this.#socket.stream)
      this.#socket = undefined
      this.#resume.lost()
    }
  }

  #toShard(count: number): void {
    const socket = this.#socket
    for (let i = 0; i < count; i++) {
      const message = socket?.toShard.shift()
      if (socket === undefined || message === undefined) {
        return
      }
      const request = decode(WatchRequest, message)
      if (request.createRequest !== undefined) {
        socket.stream.create(request.createRequest)
      } else if (request.cancelRequest !== undefined) {
        socket.stream.cancel(request.cancelRequest.watchId)
      } else if (request.progressRequest !== undefined) {
        socket.stream.progress()
      }
    }
  }

  #toLink(count: number): void {
    for (let i = 0; i < count; i++) {
      const message = this.#socket?.toLink.shift()
      if (message === undefined) {
        return
      }
      this.#resume.response(message)
    }
  }

  #giveRoom(room: number): void {
    if (this.#socket !== undefined) {
      this.#socket.sink.room = room
      if (room > 0) {
        this.#watched.hub.drained(this.#socket.stream)
      }
    }
  }

  #commit(transaction: readonly Change[], many: boolean): void {
    const events = this.log.commit(transaction)
    if (events.length > 0) {
      this.#watched.hub.notify(this.log.revision, many ? 'many' : events)
    }
  }

  #compact(back: number): void {
    const revision = this.log.revision - back
    if (revision > this.log.compactRevision && revision >= 1) {
      this.log.compact(revision)
    }
  }

  #ask(request: Partial<WatchRequest>): void {
    this.#resume.request(encode(WatchRequest, create(WatchRequest, request)))
  }

  #create({ start, ...options }: Extract<Step, { readonly kind: 'create' }>): void {
    const startRevision = start === undefined ? 0 : Math.max(this.log.revision + start, 1)
    const createRequest = watchOf(options.key, { ...options, startRevision })
    this.#created.push(createRequest)
    this.#ask({ createRequest })
  }

  #cancel(nth: number): void {
    const ids = [...this.#open.keys()]
    this.#ask({ cancelRequest: { watchId: ids[nth % ids.length] ?? nth } })
  }

  #hear(response: WatchResponse): void {
    const recorded = recordedOf(response)
    if (this.#series !== undefined && response.watchId !== this.#series) {
      throw new Error(`something comes between the fragments of watch ${this.#series}`)
    }
    this.#series = response.fragment ? response.watchId : undefined
    this.seen.fragments += response.fragment ? 1 : 0
    if (response.created) {
      this.#hearCreated(response, recorded)
    } else if (response.watchId === -1) {
      this.seen.progress++
      this.#open.forEach(({ responses }) => responses.push(recorded))
    } else {
      this.#hearOf(response, recorded)
    }
  }

  #hearCreated(response: WatchResponse, recorded: RecordedResponse): void {
    const asked = this.#created.shift()
    if (asked === undefined) {
      throw new Error('a watch is created that nobody asked for')
    }
    if (response.canceled) {
      this.seen.refused++
      return
    }
    const { watchId } = response
    if (this.#open.has(watchId) || (asked.watchId !== 0 && asked.watchId !== watchId)) {
      throw new Error(`a watch is created as ${watchId}`)
    }
    if (asked.watchId === 0) {
      if (watchId <= this.#lastAutoId) {
        throw new Error(`id ${watchId} is given after ${this.#lastAutoId}`)
      }
      this.#lastAutoId = Number(watchId)
    }
    const key = asked.key.length === 0 ? new Uint8Array([0]) : asked.key
    const request = { ...asked, key }
    const watch = { request, responses: [recorded], upTo: 0, compacted: false }
    this.#watches.push(watch)
    this.#open.set(watchId, watch)
  }

  #hearOf({ watchId, canceled, compactRevision }: WatchResponse, recorded: RecordedResponse): void {
    const watch = this.#open.get(watchId)
    if (watch === undefined || (watch.compacted && (!canceled || compactRevision > 0))) {
      throw new Error(`watch ${watchId} has ended, and yet something comes of it`)
    }
    if (canceled) {
      // As etcd's client does with what it has of a response that is never completed.
      while (watch.responses.at(-1)?.fragment === true) {
        watch.responses.pop()
      }
    }
    if (compactRevision > 0) {
      if (nextOf(watch) >= compactRevision) {
        throw new Error(`watch ${watchId} is canceled by compaction and has missed nothing`)
      }
      watch.compacted = true
      this.seen.compacted++
    } else if (canceled) {
      this.#open.delete(watchId)
    }
    this.seen.events += recorded.events.length
    watch.responses.push(recorded)
  }
}

function recordedOf(response: WatchResponse): RecordedResponse {
  const { created, canceled, fragment } = response
  const events = response.events.map(({ type, kv, prevKv }): Event => {
    if (kv === undefined) {
      throw new Error('an event has a key')
    }
    return { type, kv, prevKv }
  })
  return { created, canceled, fragment, events, revision: response.header?.revision ?? 0 }
}

/** The first revision of which a watch does not know all. */
function nextOf({ request, responses }: Watch): number {
  const [first] = responses
  const begin = request.startRevision === 0 ? (first?.revision ?? 0) + 1 : request.startRevision
  const known = responses.map(({ events, created, revision, fragment }) => {
    const last = events.at(-1)?.kv.modRevision
    return last === undefined ? (created ? 0 : revision + 1) : last + (fragment ? 0 : 1)
  })
  return Math.max(begin, ...known)
}
