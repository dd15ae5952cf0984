import { setImmediate as nextTurn } from 'node:timers/promises'
import { serverPrincipal } from '../../src/auth/principal.ts'
import { Observer, observeRequest } from '../../src/concurrency/observer.ts'
import { firstInQueue, prefixOf } from '../../src/concurrency/queue.ts'
import { type RecipeClients, refusingAsUnknown } from '../../src/concurrency/recipe-client.ts'
import { Waiters } from '../../src/concurrency/waiters.ts'
import { parseSettings } from '../../src/config/settings.ts'
import type { KeyValue, LeaseId } from '../../src/mvcc/types.ts'
import {
  type CampaignResponse,
  type DeleteRangeRequest,
  type LeaseGrantRequest,
  type LockResponse,
  PutRequest,
  type RangeRequest,
  type TxnRequest,
} from '../../src/protocol/generated/messages.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { Keyspace } from '../../src/shard/keyspace.ts'
import { deleteRange, range, txn } from '../../src/shard/methods/kv.ts'
import { leaseGrant } from '../../src/shard/methods/lease.ts'
import { Metrics } from '../../src/shard/metrics.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

/** In ms since 1970; leases only end here when a test says so. */
const NOW = 1_800_000_000_000

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A waiting call, and what has become of it. */
export class Waiter {
  readonly lease: LeaseId
  readonly #gone = new AbortController()
  #outcome: LockResponse | CampaignResponse | Error | undefined

  constructor(
    lease: LeaseId,
    begin: (gone: AbortSignal) => Promise<LockResponse | CampaignResponse>,
  ) {
    this.lease = lease
    void this.#await(begin(this.#gone.signal))
  }

  async #await(answer: Promise<LockResponse | CampaignResponse>): Promise<void> {
    try {
      this.#outcome = await answer
    } catch (error) {
      this.#outcome = error instanceof Error ? error : new Error(String(error))
    }
  }

  get waits(): boolean {
    return this.#outcome === undefined && !this.#gone.signal.aborted
  }

  get outcome(): LockResponse | CampaignResponse | Error | undefined {
    return this.#outcome
  }

  get won(): boolean {
    return this.#outcome !== undefined && !(this.#outcome instanceof Error)
  }

  drop(): void {
    this.#gone.abort()
  }
}

/** What an Observe stream has been told. */
export interface News {
  readonly revision: number
  readonly kv: KeyValue
}

/** A keyspace with the two services over it, put together as the shard does. */
export class World {
  readonly keyspace = new Keyspace(openNodeSql(), parseSettings({}), new Metrics(0, 'basic'))
  readonly #writes: (() => void)[] = []
  /** Steps that waiting calls have taken. */
  steps = 0
  readonly calls = new Waiters(this.keyspace.hub, (write) => this.#submit(write))
  readonly clients: RecipeClients
  /** Whether the callers' calls are refused. */
  denied = false

  constructor() {
    const { keyspace } = this
    const server = {
      range: (request: RangeRequest) => range(keyspace, request).response,
      deleteRange: (request: DeleteRangeRequest) => deleteRange(keyspace, request, serverPrincipal),
      txn: (request: TxnRequest) => txn(keyspace, request, serverPrincipal),
      leaseGrant: (request: LeaseGrantRequest) =>
        leaseGrant(keyspace, request, { now: NOW, principal: serverPrincipal }),
    }
    const permitted = (): typeof server => {
      if (this.denied) {
        throw statusOf('permission-denied')
      }
      return server
    }
    const caller = {
      range: (request: RangeRequest) => permitted().range(request),
      deleteRange: (request: DeleteRangeRequest) => permitted().deleteRange(request),
      txn: (request: TxnRequest) => permitted().txn(request),
      leaseGrant: (request: LeaseGrantRequest) => permitted().leaseGrant(request),
    }
    this.clients = { caller: refusingAsUnknown(caller), server: refusingAsUnknown(server) }
  }

  grant(...leases: readonly LeaseId[]): void {
    for (const ID of leases) {
      this.keyspace.lessor.grant({ ID, TTL: 60 }, NOW)
    }
  }

  lock(name: string, lease: LeaseId): Waiter {
    const request = { name: utf8(name), lease }
    return new Waiter(lease, (gone) => this.calls.lock(this.clients, request, gone))
  }

  campaign(name: string, lease: LeaseId, value: string): Waiter {
    const request = { name: utf8(name), lease, value: utf8(value) }
    return new Waiter(lease, (gone) => this.calls.campaign(this.clients, request, gone))
  }

  /** What an Observe stream is told whose reader keeps up. */
  observe(name: string): News[] {
    const news: News[] = []
    const { store, hub } = this.keyspace
    const observer = new Observer({
      ready: () => true,
      send: (revision, kv) => news.push({ revision, kv }),
      end: () => undefined,
      changed: () => undefined,
      leader: () => ({
        revision: store.revision,
        kv: store.range(firstInQueue(prefixOf(utf8(name))), Infinity).kvs[0],
      }),
    })
    hub.open(observer).create(observeRequest(utf8(name)))
    observer.begin()
    return news
  }

  #submit<T>(write: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#writes.push(() => {
      try {
        resolve(write())
      } catch (error) {
        reject(error)
      }
    })
    return promise
  }

  /** Turns of writes, and of what those wake, until there is nothing left to run. */
  async settle(): Promise<void> {
    do {
      for (const write of this.#writes.splice(0)) {
        this.steps++
        write()
      }
      while (this.keyspace.hub.pending()) {
        this.keyspace.hub.catchUp()
      }
      await nextTurn()
    } while (this.#writes.length > 0)
  }

  /** The keys below a name, in the order in which they were created. */
  queue(name: string): readonly string[] {
    const request = { ...firstInQueue(prefixOf(utf8(name))), limit: 0 }
    const { kvs } = this.keyspace.store.range(request, Infinity)
    return kvs.map(({ key }) => new TextDecoder().decode(key))
  }

  put(key: string, value = ''): void {
    const request = { ...PutRequest.empty(), key: utf8(key), value: utf8(value) }
    this.keyspace.store.put(request)
  }

  delete(key: string, end = ''): void {
    this.keyspace.store.deleteRange({ key: utf8(key), rangeEnd: utf8(end), prevKv: false })
  }
}
