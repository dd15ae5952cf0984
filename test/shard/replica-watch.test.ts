import { evictDurableObject } from 'cloudflare:test'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Event, EventType } from '../../src/mvcc/types.ts'
import {
  DeleteRangeRequest,
  type PutResponse,
  RequestOp,
  TxnRequest,
  type WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { LINK_HEADER } from '../../src/protocol/shard-rpc.ts'
import { resumed, violations, type WatchRecord } from '../watch-guarantees.ts'
import {
  ask,
  bytes,
  call,
  deletion,
  DELETE_RANGE,
  put,
  PUT,
  range,
  RANGE,
  type Serving,
} from './calls.ts'
import { replicaOf, untilWhole, wholeReplicaOf } from './replica-objects.ts'
import { SessionClient } from './session-client.ts'

const HISTORIES = 4
const WATCHED = { key: bytes('b'), rangeEnd: bytes('d') }

type Step =
  | { readonly do: 'put' | 'delete'; readonly key: string; readonly at: number }
  | { readonly do: 'txn'; readonly keys: readonly string[]; readonly at: number }
  | { readonly do: 'move'; readonly to: number }
  | { readonly do: 'evict'; readonly at: number }

const key = fc.constantFrom('a', 'b', 'b1', 'c', 'd')
const at = fc.nat(2)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'delete' as const), key, at }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('txn' as const),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
      at,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('move' as const), to: at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evict' as const), at }) },
)

let histories = 0

/** A client whose watch is now here, now there, and begins each time behind the last that it knows of. */
class Mover {
  readonly #lives: WatchRecord[] = []
  #client: SessionClient | undefined

  async move(to: Serving): Promise<void> {
    const startRevision = this.#next()
    await this.leave()
    const client = await SessionClient.open(to)
    this.#client = client
    client.watch({ ...WATCHED, startRevision, prevKv: true })
    await client.until(() => client.responses.length > 0)
    this.#lives.push({
      request: { ...WATCHED, startRevision, filters: [], prevKv: true },
      responses: [],
      upTo: 0,
    })
  }

  #next(): number {
    const heard = this.#client?.responses.flatMap(({ header, events }) =>
      events.length > 0 ? [header?.revision ?? 0] : [],
    )
    return Math.max(0, ...(heard ?? []), this.#last) + 1
  }

  get #last(): number {
    return Math.max(1, ...this.#lives.flatMap(({ responses }) => responses.map(lastOf)))
  }

  /** What has been heard of the watch that ends. */
  async leave(): Promise<void> {
    const client = this.#client
    const life = this.#lives.at(-1)
    if (client !== undefined && life !== undefined) {
      client.socket.close()
      this.#lives[this.#lives.length - 1] = {
        ...life,
        responses: client.responses.map(recorded),
      }
    }
    await Promise.resolve()
  }

  /**
   * Waits for the event of the last revision. To ask for progress would not do: a watch that begins behind all that has
   * happened is told of none.
   */
  async finish(revision: number): Promise<WatchRecord> {
    const client = this.#client
    if (client === undefined) {
      throw new Error('nobody watches')
    }
    await client.until(() => client.revisions.includes(revision))
    await this.leave()
    const watch = resumed(this.#lives)
    return { ...watch, upTo: revision }
  }
}

function lastOf({ revision, events }: WatchRecord['responses'][number]): number {
  return events.length > 0 ? revision : 0
}

function recorded({ header, created, canceled, fragment, events }: WatchResponse) {
  return {
    revision: header?.revision ?? 0,
    created,
    canceled,
    fragment,
    events: events.map(eventOf),
  }
}

function eventOf({ type, kv, prevKv }: WatchResponse['events'][number]): Event {
  if (kv === undefined) {
    throw new Error('an event without a key')
  }
  return {
    type: type === 1 ? EventType.DELETE : EventType.PUT,
    kv,
    prevKv,
    replaced: undefined,
  }
}

/** All that has happened, as a watch at the leader from the first revision tells it. */
async function historyOf(leader: Serving, revision: number): Promise<readonly Event[]> {
  const client = await SessionClient.open(leader)
  client.watch({
    key: new Uint8Array(1),
    rangeEnd: new Uint8Array(1),
    startRevision: 2,
    prevKv: true,
  })
  client.request({ progressRequest: {} })
  await client.until(() => revision === 1 || client.revisions.includes(revision))
  client.socket.close()
  return client.responses.flatMap(({ events }) => events.map(eventOf))
}

async function hold(steps: readonly Step[]): Promise<void> {
  const name = `moved-${histories++}`
  const { leader, replica } = await wholeReplicaOf(name, 'weur')
  const { replica: second } = await replicaOf(name, 'apac')
  await untilWhole(second)
  const all = [leader, replica, second] as const
  const mover = new Mover()
  await mover.move(replica)
  for (const step of steps) {
    const place = all[step.do === 'move' ? step.to : step.at] ?? leader
    if (step.do === 'put') {
      await ask(place, PUT, put(step.key))
    } else if (step.do === 'delete') {
      await ask(place, DELETE_RANGE, deletion(step.key))
    } else if (step.do === 'txn') {
      const success = step.keys.map((one, nth) =>
        create(
          RequestOp,
          nth === 1
            ? { requestDeleteRange: create(DeleteRangeRequest, { key: bytes(one) }) }
            : { requestPut: put(one) },
        ),
      )
      await ask(place, '/etcdserverpb.KV/Txn', create(TxnRequest, { success }))
    } else if (step.do === 'move') {
      await mover.move(place)
    } else {
      await call(place, RANGE, range('a'))
      await evictDurableObject(place)
    }
  }
  const { header } = await ask<{ header: { revision: number } }>(leader, PUT, put('b'))
  const events = await historyOf(leader, header.revision)
  const watch = await mover.finish(header.revision)
  expect(violations(watch, { events, compactRevision: -1 })).toEqual([])
}

it('[RPL24] a watch that moves between leader and replicas keeps all that etcd promises of one', async () => {
  const steps = fc.array(anyStep, { minLength: 10, maxLength: 30, size: 'max' })
  await fc.assert(fc.asyncProperty(steps, hold), { numRuns: HISTORIES, endOnFailure: true })
}, 300_000)

it('[RPL31] a link that the leader has served is asked to leave when the replica is whole, and its watch goes on', async () => {
  const { leader, replica } = await replicaOf('left', 'weur')
  const asLink = (): Promise<SessionClient> =>
    SessionClient.of(replica, { administrator: true }, { [LINK_HEADER]: '1' })
  const first = await asLink()
  first.watchStream({})
  first.watch({ ...WATCHED, startRevision: 1 })
  // The test's own socket stays at the leader, whom no link has asked.
  const stream = await SessionClient.open(replica)
  const { header } = await ask<PutResponse>(leader, PUT, put('b', '1'))
  await first.until(() => first.revisions.length > 0)
  expect(first.revisions).toEqual([header?.revision])
  first.call(PUT, put('b', '2'), 2)
  await first.until(() => first.leaves && first.answers.has(2))
  expect(stream.leaves).toBe(false)
  first.socket.close(1000)
  const second = await asLink()
  second.watchStream({})
  second.watch({ ...WATCHED, startRevision: (header?.revision ?? 0) + 1 })
  await ask(leader, PUT, put('b', '3'))
  await second.until(() => second.revisions.length > 1)
  expect(second.revisions).toEqual([1, 2].map((more) => (header?.revision ?? 0) + more))
  expect(second.responses[0]?.header?.memberId).not.toBe(header?.memberId)
  expect(second.leaves).toBe(false)
  second.socket.close(1000)
  stream.socket.close(1000)
})
