// A watch of everything, which a client opens again where it was when its node failed it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Event } from '../../../../src/mvcc/types.ts'
import {
  WatchCreateRequest,
  type WatchResponse,
} from '../../../../src/protocol/generated/messages.ts'
import { create } from '../../../../src/protocol/message-type.ts'
import { type RecordedResponse, resumed, type WatchRecord } from '../../../watch-guarantees.ts'
import { GrpcClient } from '../../grpc-client.ts'
import { isRefusal, NoMessage } from '../../grpc-streams.ts'

const ALL = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) }
/** Where nothing is written the keyspace has no owner, or this node does not hear of it. */
const PATIENCE_MS = 15_000
const BACKOFF_MS = 100

/** Goes from node to node, as clientv3 does. */
export class Watcher {
  readonly #urls: readonly string[]
  readonly #lives: { record: Omit<WatchRecord, 'upTo'>; responses: RecordedResponse[] }[] = []
  readonly #done: Promise<void>
  #place: number
  #cancel: (() => void) | undefined
  #last = 1
  #isOver = false

  /** From revision 2 on, at the node in that place first. */
  constructor(urls: readonly string[], place: number) {
    this.#urls = urls
    this.#place = place
    this.#done = this.#follow()
  }

  get events(): readonly Event[] {
    return this.#lives.flatMap(({ responses }) => responses).flatMap(({ events }) => events)
  }

  /** How often it was opened. */
  get lives(): number {
    return this.#lives.length
  }

  /** What has come up to a revision that is waited for; leases may end behind it. */
  async upTo(revision: number): Promise<WatchRecord> {
    while (this.#last < revision) {
      await sleep(10)
    }
    this.#isOver = true
    this.#cancel?.()
    await this.#done
    const lives = this.#lives.map(({ record }) => ({
      ...record,
      responses: record.responses.filter(
        ({ events }) => (events[0]?.kv.modRevision ?? 0) <= revision,
      ),
      upTo: revision,
    }))
    return resumed(lives)
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#live()
      } catch (error) {
        if (!isRefusal(error) && !(error instanceof NoMessage)) {
          throw error
        }
      }
      this.#place = (this.#place + 1) % this.#urls.length
      await sleep(BACKOFF_MS)
    }
  }

  async #live(): Promise<void> {
    const client = new GrpcClient(this.#urls[this.#place] ?? '')
    const stream = client.stream('/etcdserverpb.Watch/Watch', { patienceMs: PATIENCE_MS })
    this.#cancel = () => stream.cancel()
    const startRevision = this.#last + 1
    stream.send({
      createRequest: create(WatchCreateRequest, { ...ALL, startRevision, prevKv: true }),
    })
    const responses: RecordedResponse[] = []
    const request = { ...ALL, startRevision, filters: [], prevKv: true }
    this.#lives.push({ record: { request, responses }, responses })
    try {
      for (let next = await stream.next(); next !== undefined; next = await stream.next()) {
        const recorded = recordedOf(next)
        responses.push(recorded)
        this.#last = recorded.events.at(-1)?.kv.modRevision ?? this.#last
      }
    } finally {
      stream.cancel()
      client.close()
    }
  }
}

function recordedOf(response: WatchResponse): RecordedResponse {
  const { created, canceled, fragment, header, events } = response
  return {
    created,
    canceled,
    fragment,
    revision: header?.revision ?? 0,
    events: events.map(({ type, kv, prevKv }) => {
      if (kv === undefined) {
        throw new Error('an event has a key')
      }
      return { type, kv, prevKv }
    }),
  }
}
