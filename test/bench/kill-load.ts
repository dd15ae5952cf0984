import { decode, encode } from '../../src/protocol/binary.ts'
import { PutRequest, PutResponse } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { Running } from './contestant.ts'
import { H2Connection } from './h2-connection.ts'
import { keyAt } from './keys.ts'
import { revisionOfTxn, txnMethod, updateTxn } from './kubernetes-txns.ts'
import { base64, putJson } from './messages.ts'

const GRPC_CONNECTIONS = 4
const PUTS_AT_ONCE = 4
const JSON_CLIENTS = 4
const FILLER = 'v'.repeat(200)

/** A key that is written again and again, each time by comparing with the write before. */
export interface Counter {
  readonly key: string
  /** Of its last acknowledged write; 0 where there was none. */
  revision: number
  /** How many writes were acknowledged. */
  version: number
  /** The same when the load began. */
  before: number
}

/** What a key is written with tells whose value it is. */
export const valueOfKey = (key: string): string => `${key} ${FILLER}`

/** Many clients that write until the server is killed: new keys over gRPC and JSON, and counters. */
export class KillLoad {
  /** The revisions of the new keys whose writes were acknowledged. */
  readonly acknowledged = new Map<string, number>()
  readonly #server: Running
  readonly #prefix: string
  readonly #begun = Promise.withResolvers<void>()
  readonly #ended: Promise<unknown>
  #keys = 0
  #killed = false

  constructor(server: Running, prefix: string, counters: readonly Counter[]) {
    this.#server = server
    this.#prefix = prefix
    const onConnection = Array.from({ length: GRPC_CONNECTIONS }, (_, place) =>
      this.#writeByGrpc(counters[place]),
    )
    const byJson = Array.from({ length: JSON_CLIENTS }, () => this.#putByJson())
    this.#ended = Promise.all(
      [...onConnection, ...byJson].map((writer) => this.#untilKilled(writer)),
    )
  }

  /** Resolves with the first acknowledged write; rejects where one fails before the kill. */
  get begun(): Promise<void> {
    return this.#begun.promise
  }

  /** Resolves when nobody writes any more. */
  async kill(): Promise<void> {
    this.#killed = true
    await this.#server.kill9()
    await this.#ended
  }

  /** A writer ends by its connection's end, and with nothing else. */
  async #untilKilled(writer: Promise<never>): Promise<void> {
    try {
      await writer
    } catch (error) {
      if (!this.#killed) {
        this.#begun.reject(error)
        throw error
      }
    }
  }

  async #writeByGrpc(counter: Counter | undefined): Promise<never> {
    const { promise: broken, reject } = Promise.withResolvers<never>()
    const connection = await Promise.race([H2Connection.open(this.#server.address, reject), broken])
    const ask = (method: string, request: Uint8Array): Promise<Buffer> =>
      Promise.race([connection.ask(method, request), broken])
    const puts = Array.from({ length: PUTS_AT_ONCE }, () => this.#putByGrpc(ask))
    return Promise.race(counter === undefined ? puts : [...puts, count(ask, counter)])
  }

  async #putByGrpc(ask: Ask): Promise<never> {
    for (;;) {
      const key = this.#nextKey()
      const put = { key: Buffer.from(key), value: Buffer.from(valueOfKey(key)) }
      const request = encode(PutRequest, create(PutRequest, put))
      const answer = decode(PutResponse, await ask('/etcdserverpb.KV/Put', request))
      this.#acknowledge(key, answer.header?.revision)
    }
  }

  async #putByJson(): Promise<never> {
    for (;;) {
      const key = this.#nextKey()
      const body = putJson(key, base64(valueOfKey(key)))
      const answer = await fetch(`${this.#server.url}/v3/kv/put`, { method: 'POST', body })
      const text = await answer.text()
      this.#acknowledge(key, Number(/"revision":"(\d+)"/.exec(text)?.[1]))
    }
  }

  #nextKey(): string {
    return keyAt(this.#prefix, this.#keys++)
  }

  #acknowledge(key: string, revision: number | undefined): void {
    if (revision === undefined || Number.isNaN(revision)) {
      throw new Error(`the put of ${key} was answered without a revision`)
    }
    this.acknowledged.set(key, revision)
    this.#begun.resolve()
  }
}

type Ask = (method: string, request: Uint8Array) => Promise<Buffer>

async function count(ask: Ask, counter: Counter): Promise<never> {
  for (;;) {
    const { key, revision } = counter
    const answer = await ask(txnMethod, updateTxn(key, Buffer.from(valueOfKey(key)), revision))
    counter.revision = revisionOfTxn(answer)
    counter.version++
  }
}
