// A hub with clients that come, go, lag and come back, over a store whose object loses its memory.
import fc from 'fast-check'
import type { WatchResponse } from '../../src/mvcc/watch-response.ts'
import type { WatchStream } from '../../src/mvcc/watch-stream.ts'
import type { WatchCreateRequest, WatcherState } from '../../src/mvcc/watcher.ts'
import type { WatchRecord } from '../watch-guarantees.ts'
import type { Change, WatchableLog } from './memory-log.ts'
import { RecordingSink } from './recording-sink.ts'
import { WatchedLog, watchOf } from './watched-log.ts'

const CLIENTS = 3

const clients = fc.nat({ max: CLIENTS - 1 })
const keys = fc.constantFrom('a', 'b', 'c', 'd')
const change: fc.Arbitrary<Change> = fc.record({
  key: keys,
  value: fc.option(
    fc.nat({ max: 250 }).map((length) => 'v'.repeat(length)),
    { nil: undefined },
  ),
})
/** A transaction may put a key and then delete it; it does neither twice. */
const changes = fc.uniqueArray(change, {
  minLength: 1,
  maxLength: 5,
  selector: ({ key, value }) => `${key} ${value === undefined}`,
})

/** Where a watch is to begin: from now on, or so far from the current revision. */
const start = fc.option(fc.integer({ min: -12, max: 3 }), { nil: undefined })

/** The random things that can happen. */
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
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      client: clients,
      key: fc.constantFrom('a', 'b', 'c', 'd', ''),
      end: fc.constantFrom('', '', 'c', 'e', '\0'),
      start,
      watchId: fc.constantFrom(0, 0, 0, 2, 7, -7),
      filters: fc.constantFrom([], [], [], [0], [1]),
      prevKv: fc.boolean(),
      fragment: fc.boolean(),
      progressNotify: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cancel' as const), client: clients, nth: fc.nat() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('progress' as const), client: clients }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('room' as const),
      client: clients,
      room: fc.nat({ max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      back: fc.nat({ max: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('reconnect' as const), client: clients }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('catch-up' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('notify-progress' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('evict' as const) }) },
)

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
type Create = Extract<Step, { readonly kind: 'create' }>

/** One watch from its creation to its end or the loss of its stream. */
interface Life {
  readonly request: WatchCreateRequest
  readonly watchId: WatcherState['watchId']
  readonly responses: WatchResponse[]
  upTo: number
  /** Canceled by compaction, but not yet by the client. */
  compacted: boolean
}

interface Client {
  sink: RecordingSink
  stream: WatchStream
  /** The last request that is not answered, and the lives of the watch that it goes on with. */
  asked: { readonly request: WatchCreateRequest; readonly lives: Life[] } | undefined
  readonly open: Map<WatcherState['watchId'], { readonly life: Life; readonly lives: Life[] }>
  /** What survives the loss of memory: only what the stream's changes told of. */
  readonly remembered: Map<WatcherState['watchId'], WatcherState>
  nextWatchId: number
}

/** Limits so low that short histories come upon all of them. */
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

export class WatchWorld {
  readonly #watched: WatchedLog<WatchableLog>
  readonly #clients: readonly Client[]
  readonly #watches: Life[][] = []
  progressTold = 0
  compacted = 0
  refused = 0

  constructor(log: WatchableLog) {
    this.#watched = new WatchedLog(log, REPLAY_LIMITS)
    this.#clients = Array.from({ length: CLIENTS }, () => this.#connect())
  }

  get log(): WatchableLog {
    return this.#watched.log
  }

  /** Every watch, as the lives that it has had on one stream after the other. */
  get watches(): readonly (readonly WatchRecord[])[] {
    return this.#watches
  }

  run(one: Step): void {
    switch (one.kind) {
      case 'commit':
        this.#commit(one.changes, one.many)
        break
      case 'create':
        this.#create(this.#client(one.client), one)
        break
      case 'cancel':
        this.#cancel(this.#client(one.client), one.nth)
        break
      case 'progress':
        this.#client(one.client).stream.progress()
        break
      case 'room':
        this.#giveRoom(this.#client(one.client), one.room)
        break
      case 'compact':
        this.#compact(one.back)
        break
      case 'reconnect':
        this.#reconnect(this.#client(one.client))
        break
      case 'catch-up':
        if (this.#watched.hub.pending()) {
          this.#watched.hub.catchUp()
        }
        break
      case 'notify-progress':
        this.#watched.hub.progressNotify()
        break
      case 'evict':
        this.#evict()
        break
    }
    this.#remember()
  }

  /** Everybody reads until nothing is left, and then hears that it was all. */
  settle(): void {
    for (const client of this.#clients) {
      this.#giveRoom(client, Infinity)
    }
    this.#watched.catchUp()
    if (this.#watched.hub.unsyncedCount > 0) {
      throw new Error(`${this.#watched.hub.unsyncedCount} watchers are behind for good`)
    }
    for (const client of this.#clients) {
      const lives = [...client.open.values()].map(({ life }) => life)
      lives.forEach((life) => (life.upTo = life.compacted ? 0 : this.log.revision))
      const reached = lives.every((life) => life.request.startRevision <= this.log.revision)
      const expected = reached && lives.length > 0 && !lives.some((life) => life.compacted)
      const before = this.progressTold
      client.stream.progress()
      if (this.progressTold - before !== (expected ? 1 : 0)) {
        throw new Error(`progress is ${expected ? 'not told' : 'told'} at the end`)
      }
    }
  }

  #client(index: number): Client {
    const client = this.#clients[index]
    if (client === undefined) {
      throw new Error(`there is no client ${index}`)
    }
    return client
  }

  #connect(): Client {
    const sink = new RecordingSink(4, (response) => this.#hear(client, response))
    const client: Client = {
      sink,
      stream: this.#watched.hub.open(sink),
      asked: undefined,
      open: new Map(),
      remembered: new Map(),
      nextWatchId: 0,
    }
    return client
  }

  #commit(transaction: readonly Change[], many: boolean): void {
    const events = this.log.commit(transaction)
    if (events.length > 0) {
      this.#watched.hub.notify(this.log.revision, many ? 'many' : events)
    }
  }

  #create(client: Client, { start: offset, ...options }: Create): void {
    const startRevision =
      offset === undefined ? 0 : Math.max(this.log.revision + offset, offset < -9 ? -1 : 1)
    this.#ask(client, watchOf(options.key, { ...options, startRevision }), [])
  }

  #ask(client: Client, request: WatchCreateRequest, lives: Life[]): void {
    client.asked = { request, lives }
    client.stream.create(request)
    if (client.asked !== undefined) {
      throw new Error('a watch is neither created nor refused')
    }
  }

  #hear(client: Client, response: WatchResponse): void {
    if (response.created) {
      this.#hearCreated(client, response)
    } else if (response.watchId === -1) {
      this.progressTold++
      for (const { life } of client.open.values()) {
        life.responses.push(response)
      }
    } else {
      this.#hearOf(client, response)
    }
  }

  #hearCreated(client: Client, response: WatchResponse): void {
    const { asked } = client
    client.asked = undefined
    if (asked === undefined || response.revision !== this.log.revision) {
      throw new Error('a watch is created that nobody asked for, or in another time')
    }
    if (response.canceled) {
      this.refused++
      return
    }
    const { request, lives } = asked
    if (client.open.has(response.watchId)) {
      throw new Error(`watch ${response.watchId} is created twice`)
    }
    const { watchId } = response
    const key = request.key.length === 0 ? new Uint8Array([0]) : request.key
    const recorded = { ...request, key }
    const life = { request: recorded, watchId, responses: [response], upTo: 0, compacted: false }
    if (lives.length === 0) {
      this.#watches.push(lives)
    }
    lives.push(life)
    client.open.set(watchId, { life, lives })
  }

  #hearOf(client: Client, response: WatchResponse): void {
    const life = client.open.get(response.watchId)?.life
    if (life === undefined || (life.compacted && !response.canceled)) {
      throw new Error(`watch ${response.watchId} has ended, and yet something comes of it`)
    }
    if (response.compactRevision > 0) {
      if (life.compacted || life.request.startRevision > this.log.revision) {
        throw new Error(`watch ${response.watchId} is canceled for no reason`)
      }
      life.compacted = true
      this.compacted++
    } else if (response.canceled) {
      client.open.delete(response.watchId)
    }
    life.responses.push(response)
  }

  #cancel(client: Client, nth: number): void {
    const ids = [...client.open.keys()]
    const watchId = ids[nth % ids.length]
    if (watchId === undefined) {
      client.stream.cancel(nth)
      return
    }
    client.stream.cancel(watchId)
    if (client.open.has(watchId)) {
      throw new Error(`the cancel of watch ${watchId} is not answered`)
    }
  }

  #giveRoom(client: Client, room: number): void {
    client.sink.room = room
    if (client.sink.ready) {
      this.#watched.hub.drained(client.stream)
    }
  }

  #compact(back: number): void {
    const revision = this.log.revision - back
    if (revision > this.log.compactRevision && revision >= 1) {
      this.log.compact(revision)
    }
  }

  /** As etcd's client does: each watch begins anew after the last revision that it knows of. */
  #reconnect(client: Client): void {
    this.#watched.hub.close(client.stream)
    const lost = [...client.open.values()].filter(({ life }) => !life.compacted)
    Object.assign(client, { stream: this.#watched.hub.open(client.sink), nextWatchId: 0 })
    client.open.clear()
    client.remembered.clear()
    client.sink.room = 4
    for (const { life, lives } of lost) {
      this.#ask(client, { ...life.request, startRevision: nextOf(life) }, lives)
    }
  }

  /** The object's memory goes, its sockets stay, and what they had on their way has arrived. */
  #evict(): void {
    this.#watched.evict()
    for (const client of this.#clients) {
      client.sink.room = 4
      client.stream = this.#watched.hub.open(client.sink)
      client.stream.restore(structuredClone([...client.remembered.values()]), client.nextWatchId)
    }
  }

  /** Takes changes only where the hub has said that there are some. */
  #remember(): void {
    for (const client of this.#clients) {
      if (client.sink.changes > 0) {
        client.sink.changes = 0
        client.nextWatchId = client.stream.nextWatchId
        for (const { watchId, state } of client.stream.takeChanges()) {
          if (state === undefined) {
            client.remembered.delete(watchId)
          } else {
            client.remembered.set(watchId, structuredClone(state))
          }
        }
      }
    }
  }
}

/** The first revision that a life knows nothing of. */
function nextOf(life: Life): number {
  const { startRevision } = life.request
  const begin = startRevision === 0 ? (life.responses[0]?.revision ?? 0) + 1 : startRevision
  const known = life.responses.flatMap(({ events, created, revision }) =>
    events.length > 0 || created ? events.map(({ kv }) => kv.modRevision) : [revision],
  )
  return Math.max(begin, ...known.map((revision) => revision + 1))
}
