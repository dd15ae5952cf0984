import type { Region } from '../config/region.ts'
import { settingsOf } from '../config/settings.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import type { AccessTokenRpc } from '../door/access-token-rpc.ts'
import { leaderStub, replicaStub } from '../protocol/object-address.ts'
import { isRefused, type Refused, type ShardRpc } from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import { FetchedCalls, type ShardCalls } from './fetched-calls.ts'
import { askDirectory, forgetAddress } from './keyspace-address.ts'
import { retrying } from './platform-failure.ts'
import type { Places } from './reading-place.ts'

const keyspaceNotFound = statusOf('keyspace-not-found').message
const moved = statusOf('keyspace-moved').message
const lost = statusOf('timeout-connection-lost').message

/** To move takes a moment: after so many ms each the directory is asked again who leads. */
const MOVING_MS: readonly number[] = [0, 100, 300, 600, 1_000, 2_000]

/** What a stub offers, without the types that it wraps answers in. */
type Stub = ShardRpc & AccessTokenRpc & Pick<DurableObjectStub, 'fetch'>

/** One of a keyspace's objects. A stub that has thrown is of no use any more, so each attempt takes a new one. */
export interface Target {
  /** Undefined for the leader. */
  readonly region: Region | undefined
  readonly stub: () => Stub
  /** What may write is asked by this. */
  readonly calls: () => ShardCalls
}

interface Question<T> {
  /** How often it may be asked again where the platform has lost it. */
  readonly retries: number
  /** Whether a replica may answer it that is nearer than the leader. */
  readonly reads?: boolean
  readonly ask: (target: Target) => Promise<T>
}

/** The leader of a keyspace and its replicas, and which of them a request goes to. They may change meanwhile. */
export class KeyspaceObjects {
  readonly #environment: Env
  #address: KeyspaceAddress
  #places: Places

  constructor(environment: Env, address: KeyspaceAddress, places: Places) {
    this.#environment = environment
    this.#address = address
    this.#places = places
  }

  get address(): KeyspaceAddress {
    return this.#address
  }

  /** Where all goes that is not for the leader. */
  get place(): Region | undefined {
    return this.#places.all
  }

  /** Of a client of the leader, where replicas would be nearer. */
  get nearer(): readonly Region[] {
    const { all, nearer = [] } = this.#places
    return all === undefined ? nearer : []
  }

  /** Undefined for the leader. */
  regionFor({ reads = false }: Pick<Question<unknown>, 'reads'>): Region | undefined {
    return this.#places.all ?? (reads ? this.#places.reads : undefined)
  }

  target(region: Region | undefined): Target {
    const address = this.#address
    const stub = (): Stub =>
      // The types of a stub wrap answers.
      (region === undefined
        ? leaderStub(this.#environment, address)
        : replicaStub(this.#environment, address, region)) as unknown as Stub
    const isShard = region === undefined && address.leader === undefined
    const isShared = settingsOf(this.#environment).cluster !== undefined
    const calls = isShard && isShared ? (): ShardCalls => new FetchedCalls(stub()) : stub
    return { region, stub, calls }
  }

  /**
   * Who leads no more, or is no replica any more, says so and has done nothing: then the next one is asked. Throws an
   * RpcStatus for a refusal, and for the platform's failures.
   */
  async ask<T>(question: Question<T>): Promise<Exclude<T, Refused>> {
    let answer = await this.#first(question)
    for (const pause of MOVING_MS) {
      if (!isRefused(answer)) {
        break
      }
      if (!this.#isElsewhere(answer, question.reads === true)) {
        throw this.#statusOf(answer)
      }
      await scheduler.wait(pause)
      await this.#find()
      answer = await this.#attempt(question, this.regionFor(question))
    }
    if (isRefused(answer)) {
      throw this.#statusOf(answer)
    }
    return answer as Exclude<T, Refused>
  }

  /** Where a replica was chosen and is lost, the leader reads instead. */
  async #first<T>(question: Question<T>): Promise<T> {
    const region = this.regionFor(question)
    const isChosen = region !== undefined && this.#places.all === undefined
    try {
      return await this.#attempt(question, region)
    } catch (error) {
      if (!isChosen || !(error instanceof RpcStatus)) {
        throw error
      }
      return this.#attempt(question, undefined)
    }
  }

  /** Where the connection is lost another one may lead by now: it is asked for before the next try. */
  async #attempt<T>({ retries, ask }: Question<T>, region: Region | undefined): Promise<T> {
    try {
      return await retrying(
        retries,
        () => ask(this.target(region)),
        async () => {
          if (region === undefined) {
            await this.#find().catch(() => undefined)
          }
        },
      )
    } catch (error) {
      if (error instanceof RpcStatus && error.message === lost) {
        forgetAddress(this.#address, this.#environment)
      }
      throw error
    }
  }

  #isElsewhere({ refused: { message } }: Refused, reads: boolean): boolean {
    const isReplica = this.regionFor({ reads }) !== undefined
    return message === moved || (isReplica && message === keyspaceNotFound)
  }

  async #find(): Promise<void> {
    const address = await askDirectory(this.#address.name, this.#environment)
    const { leader, replicas = [] } = address
    const { all, reads } = this.#places
    if (all !== undefined && all !== leader && !replicas.includes(all)) {
      throw statusOf('replica-not-found')
    }
    this.#address = address
    this.#places = {
      ...this.#places,
      all: all === leader ? undefined : all,
      reads: reads !== undefined && replicas.includes(reads) ? reads : undefined,
    }
  }

  /** Where there is no keyspace any more, the directory was asked at another time than the shard. */
  #statusOf({ refused: { code, message } }: Refused): RpcStatus {
    if (message === keyspaceNotFound) {
      forgetAddress(this.#address, this.#environment)
    }
    return new RpcStatus(code, message)
  }
}
