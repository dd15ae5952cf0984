import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import { type Event, EventType } from '../../src/mvcc/types.ts'
import {
  DeleteRangeRequest,
  type PutResponse,
  RequestOp,
  TxnRequest,
  type WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { isRefused, LINK_HEADER, NEARER_HEADER } from '../../src/protocol/shard-rpc.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { runs } from '../runs.ts'
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
  shardNamed,
} from './calls.ts'
import { replicaOf, untilWhole, wholeReplicaOf } from './replica-objects.ts'
import { SessionClient } from './session-client.ts'

const HISTORIES = runs(16)
/** So many are held at once: most of each is waiting. */
const LANES = 8
const REGIONS = ['weur', 'apac'] as const
const WATCHED = { key: bytes('b'), rangeEnd: bytes('d') }

type Step =
  | { readonly do: 'put' | 'delete'; readonly key: string; readonly at: number }
  | { readonly do: 'txn'; readonly keys: readonly string[]; readonly at: number }
  | { readonly do: 'move'; readonly at: number }
  | { readonly do: 'evict' | 'crash'; readonly at: number }
  | { readonly do: 'promote'; readonly region: Region }

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
  { weight: 3, arbitrary: fc.record({ do: fc.constant('move' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('evict' as const, 'crash' as const), at }),
  },
)
const steps = fc.array(anyStep, { minLength: 6, maxLength: 15, size: 'max' })
const promotion: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('promote' as const),
  region: fc.constantFrom(...REGIONS),
})
/** The leader moves twice, at most to where it is. */
const history = fc
  .tuple(steps, promotion, steps, promotion, steps)
  .map(([first, one, second, other, third]) => [...first, one, ...second, other, ...third])

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

const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME)

/** A keyspace with a replica in each region, and who leads it. */
class Moving {
  readonly #name: string
  #leader: Region | undefined

  private constructor(name: string) {
    this.#name = name
  }

  static async make(name: string): Promise<Moving> {
    await directory().create(name, {})
    for (const region of REGIONS) {
      await directory().addReplica(name, region)
      await untilWhole(env.REPLICA.getByName(`${name}@${region}`))
    }
    return new Moving(name)
  }

  /** Its own object leads at first, and serves no more when another one does. */
  place(nth: number): Region | undefined {
    const serving = this.#leader === undefined ? [undefined, ...REGIONS] : REGIONS
    return serving[nth % serving.length]
  }

  /** A stub that has thrown is of no use any more. */
  at(place: Region | undefined): Serving {
    return place === undefined
      ? env.SHARD.getByName(this.#name)
      : env.REPLICA.getByName(`${this.#name}@${place}`)
  }

  get leader(): Region | undefined {
    return this.#leader
  }

  async promote(region: Region): Promise<void> {
    if (region !== this.#leader) {
      const promoted = await directory().promote(this.#name, { region, force: false })
      if (isRefused(promoted) || !promoted.isWhole) {
        throw new Error(`the leader did not move: ${JSON.stringify(promoted)}`)
      }
      this.#leader = region
    }
  }
}

async function crash(object: Serving): Promise<void> {
  await runInDurableObject(object as DurableObjectStub<Shard>, (_, state) =>
    state.abort('the test has crashed it'),
  ).catch(() => undefined)
}

async function write(object: Serving, step: Step): Promise<void> {
  if (step.do === 'put') {
    await ask(object, PUT, put(step.key))
  } else if (step.do === 'delete') {
    await ask(object, DELETE_RANGE, deletion(step.key))
  } else if (step.do === 'txn') {
    const success = step.keys.map((one, nth) =>
      create(
        RequestOp,
        nth === 1
          ? { requestDeleteRange: create(DeleteRangeRequest, { key: bytes(one) }) }
          : { requestPut: put(one) },
      ),
    )
    await ask(object, '/etcdserverpb.KV/Txn', create(TxnRequest, { success }))
  }
}

async function hold(all: readonly Step[]): Promise<void> {
  const moving = await Moving.make(`moved-${histories++}`)
  const mover = new Mover()
  let watched: Region | undefined = 'weur'
  await mover.move(moving.at(watched))
  for (const step of all) {
    const place = step.do === 'promote' ? step.region : moving.place(step.at)
    const object = moving.at(place)
    if (step.do === 'promote') {
      const former = moving.leader
      await moving.promote(step.region)
      // The sockets of both are closed; a watch elsewhere goes on.
      if (watched === former || watched === place) {
        watched = watched === undefined ? place : watched
        await mover.move(moving.at(watched))
      }
    } else if (step.do === 'move') {
      watched = place
      await mover.move(object)
    } else if (step.do === 'crash' || (step.do === 'evict' && place === moving.leader)) {
      // A leader whose own socket is open is not evicted.
      await crash(object)
      if (watched === place) {
        await mover.move(moving.at(place))
      }
    } else if (step.do === 'evict') {
      await call(object, RANGE, range('a'))
      await evictDurableObject(object)
    } else {
      await write(object, step)
    }
  }
  const leader = moving.at(moving.leader)
  const { header } = await ask<{ header: { revision: number } }>(leader, PUT, put('b'))
  const events = await historyOf(leader, header.revision)
  const watch = await mover.finish(header.revision)
  expect(violations(watch, { events, compactRevision: -1 })).toEqual([])
}

it('[RPL24] a watch that moves between leader and replicas keeps all that etcd promises of one, also when the leader moves', async () => {
  const lanes = Array.from({ length: Math.min(LANES, HISTORIES) }, () =>
    fc.assert(fc.asyncProperty(history, hold), {
      numRuns: Math.ceil(HISTORIES / LANES),
      endOnFailure: true,
    }),
  )
  await Promise.all(lanes)
}, 300_000)

it('[RPL94] a link at the leader is asked to leave when a replica is whole that its client is nearer to', async () => {
  const leader = await shardNamed('nearer')
  const linkOf = (nearer: string): Promise<SessionClient> =>
    SessionClient.of(
      leader,
      { administrator: true },
      { [LINK_HEADER]: '1', [NEARER_HEADER]: nearer },
    )
  const [near, far] = [await linkOf('weur,eeur'), await linkOf('apac')]
  await evictDurableObject(leader)
  near.call(PUT, put('b', '1'), 2)
  await near.until(() => near.answers.has(2))
  await wholeReplicaOf('nearer', 'weur')
  await near.until(() => near.leaves)
  expect(far.leaves).toBe(false)
  near.socket.close(1000)
  far.socket.close(1000)
})

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
