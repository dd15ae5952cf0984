import { expect, it, onTestFinished } from 'vitest'
import type { Event } from '../../src/mvcc/types.ts'
import { WatchCreateRequest, WatchResponse } from '../../src/protocol/generated/messages.ts'
import { decodeJsonValue } from '../../src/protocol/json-decode.ts'
import { create } from '../../src/protocol/message-type.ts'
import { seeds } from '../runs.ts'
import {
  type RecordedResponse,
  resumed,
  violations,
  type WatchRecord,
} from '../watch-guarantees.ts'
import { base64 } from './http.ts'
import { Random } from './random.ts'
import { httpTransport, webSocketTransport } from './streams.ts'
import { Target } from './target.ts'
import { Keyspace, WatchSession } from './watch-session.ts'

const KEYS = 'abcdefgh'
const WRITES = 150
const WRITERS = 4
const WATCHERS = 16
const PROGRESS_MS = 50

/** A client that watches, and begins anew where it was when it lost its stream. */
class Recorder {
  readonly request: WatchCreateRequest
  readonly #webSocket: boolean
  readonly #lives: WatchRecord[] = []
  #next: number
  #session: WatchSession | undefined
  #life: RecordedResponse[] = []

  constructor(random: Random, startRevision: number) {
    const first = KEYS.charCodeAt(random.integer(0, KEYS.length - 1))
    const rangeEnd = random.chance(0.3)
      ? Uint8Array.of()
      : Uint8Array.of(random.chance(0.2) ? 0 : first + random.integer(1, 4))
    this.request = create(WatchCreateRequest, {
      key: Uint8Array.of(first),
      rangeEnd,
      startRevision,
      prevKv: random.chance(0.5),
      filters: random.chance(0.3) ? [random.integer(0, 1)] : [],
    })
    this.#webSocket = random.chance(0.5)
    this.#next = startRevision
  }

  async open(url: string): Promise<void> {
    const transport = this.#webSocket ? webSocketTransport : httpTransport
    this.#session = new WatchSession(transport(url, '/v3/watch'))
    const { key, rangeEnd, prevKv, filters } = this.request
    this.#session.create({
      key: Buffer.from(key).toString('base64'),
      range_end: Buffer.from(rangeEnd).toString('base64'),
      start_revision: this.#next,
      prev_kv: prevKv,
      filters: [...filters],
    })
    this.#life = []
    await this.#take()
  }

  async #take(): Promise<RecordedResponse> {
    if (this.#session === undefined) {
      throw new Error('records nothing')
    }
    const answer = await this.#session.next()
    // Ids of the server were replaced by words, which are no numbers any more.
    const header = answer['header'] as { readonly revision?: string } | undefined
    const { header: _, ...rest } = answer
    const response = decodeJsonValue(WatchResponse, new TextEncoder().encode(JSON.stringify(rest)))
    const revision = Number(header?.revision ?? 0)
    const events = response.events.map((event): Event => {
      const { kv } = event
      if (kv === undefined) {
        throw new Error('an event has a key')
      }
      return { type: event.type, kv, prevKv: event.prevKv }
    })
    const recorded = { ...response, revision, events }
    this.#life.push(recorded)
    const last = events.at(-1)?.kv.modRevision ?? 0
    if (!response.created) {
      this.#next = Math.max(this.#next, last + 1)
    } else if (this.#next === 0) {
      this.#next = revision + 1
    }
    return recorded
  }

  /**
   * Asks for progress until it speaks of the revision; everything before it has come then. A
   * request that comes while the watch still replays is passed over in silence, so it is repeated.
   */
  async upTo(revision: number): Promise<void> {
    const asking = setInterval(() => this.#session?.progress(), PROGRESS_MS)
    for (;;) {
      const response = await this.#take()
      if (response.events.length === 0 && response.revision >= revision) {
        break
      }
    }
    clearInterval(asking)
    this.#lives.push({ request: this.request, responses: this.#life, upTo: revision })
  }

  /** The stream is cut, with whatever was on its way. */
  cut(): void {
    this.#session?.stream.close()
    this.#lives.push({ request: this.request, responses: this.#life, upTo: 0 })
  }

  get record(): WatchRecord {
    this.#session?.stream.close()
    return resumed(this.#lives)
  }
}

async function write(keyspace: Keyspace, random: Random): Promise<void> {
  const key = KEYS.charAt(random.integer(0, KEYS.length - 1))
  const kind = random.integer(0, 5)
  if (kind <= 2) {
    await keyspace.put(key, 'v'.repeat(random.integer(0, 40)))
  } else if (kind === 3) {
    await keyspace.delete(key)
  } else if (kind === 4) {
    await keyspace.delete(key, String.fromCharCode(key.charCodeAt(0) + 3))
  } else {
    const keys = [...new Set([key, KEYS.charAt(random.integer(0, KEYS.length - 1))])]
    await keyspace.txn(keys.map((name) => ({ request_put: { key: base64(name) } })))
  }
}

it.for(seeds(3))('[WSH40] the guarantees hold on what clients saw, seed %d', async (seed) => {
  const random = new Random(seed)
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const keyspace = new Keyspace(() => target.url)
  const early = Array.from({ length: WATCHERS / 2 }, () => new Recorder(random, 0))
  await Promise.all(early.map((recorder) => recorder.open(target.url)))
  const round = (): Promise<unknown> =>
    Promise.all(
      Array.from({ length: WRITERS }, async () => {
        for (let i = 0; i < WRITES; i++) {
          await write(keyspace, random)
        }
      }),
    )
  const writing = round()
  const late = Array.from(
    { length: WATCHERS / 2 },
    () => new Recorder(random, random.integer(1, 50)),
  )
  await Promise.all(late.map((recorder) => recorder.open(target.url)))
  await writing
  for (const recorder of [...early, ...late]) {
    recorder.cut()
  }
  await target.restart()
  await Promise.all([...early, ...late].map((recorder) => recorder.open(target.url)))
  await round()
  const last = await keyspace.revision()
  const all = new Recorder(new Random(0), 1)
  Object.assign(all.request, { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0), filters: [] })
  await all.open(target.url)
  await all.upTo(last)
  const history = {
    events: all.record.responses.flatMap(({ events }) => events),
    compactRevision: -1,
  }
  expect(history.events.at(-1)?.kv.modRevision).toBe(last)
  for (const recorder of [...early, ...late]) {
    await recorder.upTo(last)
    expect(violations(recorder.record, history)).toEqual([])
  }
})
