// Clients of a cluster, as etcd's are: each knows all nodes, and goes to the next one when one fails it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyValue } from '../../../../src/mvcc/types.ts'
import { GrpcClient } from '../../grpc-client.ts'
import { isRefusal } from '../../grpc-streams.ts'
import { isTold, type Operation } from './history.ts'

const DEADLINE_MS = 8000
/** A hung test ends some day; nothing is said about speed. */
const WRITTEN_MS_MAX = 180_000
const KEYS = 5
/** Of one client: the machine has more to do than to write. */
const PAUSE_MS = 4
/** After a refusal. */
const BACKOFF_MS = 50

export interface LoadOptions {
  readonly writers: number
  /** For each node, and they stay there. */
  readonly readersOfEach: number
}

/** Writers and readers that go on until they are told to stop. */
export class ClusterLoad {
  readonly operations: Operation[] = []
  readonly #urls: readonly string[]
  readonly #clients: Promise<void>[] = []
  #isOver = false

  constructor(urls: readonly string[], { writers, readersOfEach }: LoadOptions) {
    this.#urls = urls
    for (let name = 0; name < writers; name++) {
      this.#clients.push(this.#write(name))
    }
    for (const url of urls) {
      for (let name = 0; name < readersOfEach; name++) {
        this.#clients.push(this.#read(url))
      }
    }
  }

  /** Waits until so many more puts were acknowledged that were asked for from now on. A takeover is waited for. */
  written(count: number): Promise<void> {
    return this.#seen(
      `${count} puts`,
      count,
      ({ kind, outcome }) => kind === 'put' && isTold(outcome),
    )
  }

  /** Waits until a node has answered so many requests that it was asked from now on. */
  answered(url: string, count: number): Promise<void> {
    return this.#seen(
      `${count} answers of ${url}`,
      count,
      (one) => one.url === url && isTold(one.outcome),
    )
  }

  /** Waits until requests from now on have ended at a node, well or not. */
  ended(url: string, count: number): Promise<void> {
    return this.#seen(`${count} ends at ${url}`, count, (one) => one.url === url)
  }

  async #seen(what: string, count: number, isMeant: (one: Operation) => boolean): Promise<void> {
    const now = performance.now()
    for (let from = this.operations.length, seen = 0; seen < count;) {
      const more = this.operations.slice(from)
      from += more.length
      seen += more.filter((one) => one.began >= now && isMeant(one)).length
      if (performance.now() - now > WRITTEN_MS_MAX) {
        throw new Error(
          `only ${seen} of ${what} in ${WRITTEN_MS_MAX} ms; last: ${this.#lastWords()}`,
        )
      }
      await sleep(5)
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  /** The longest time since then in which no put was acknowledged, in ms. */
  longestGapSince(then: number): number {
    const ends = this.operations
      .filter(({ kind, ended, outcome }) => kind === 'put' && ended > then && 'revision' in outcome)
      .map(({ ended }) => ended)
      .toSorted((a, b) => a - b)
    return Math.max(...ends.map((ended, place) => ended - (ends[place - 1] ?? then)))
  }

  #lastWords(): string {
    return this.operations
      .slice(-8)
      .map(({ url, outcome }) => `${url} ${JSON.stringify(outcome)}`)
      .join('; ')
  }

  async #write(name: number): Promise<void> {
    const client = new Wandering(this.#urls, name)
    for (let count = 0; !this.#isOver; count++) {
      const key = `key-${(name + count) % KEYS}`
      const value = `${name}-${count}`
      await this.#tell(client, { kind: 'put', key, value }, async (grpc) => {
        const request = { key: Buffer.from(key), value: Buffer.from(value) }
        const answer = await grpc.call('/etcdserverpb.KV/Put', request, { deadlineMs: DEADLINE_MS })
        return { revision: answer.header?.revision ?? 0 }
      })
    }
    client.close()
  }

  async #read(url: string): Promise<void> {
    const client = new Wandering([url], 0)
    for (let count = 0; !this.#isOver; count++) {
      const key = `key-${count % KEYS}`
      await this.#tell(client, { kind: 'read', key }, async (grpc) => {
        const request = { key: Buffer.from(key) }
        const answer = await grpc.call('/etcdserverpb.KV/Range', request, {
          deadlineMs: DEADLINE_MS,
        })
        return { revision: answer.header?.revision ?? 0, found: foundIn(answer.kvs) }
      })
    }
    client.close()
  }

  async #tell(
    client: Wandering,
    asked: Pick<Operation, 'kind' | 'key' | 'value'>,
    ask: (grpc: GrpcClient) => Promise<Operation['outcome']>,
  ): Promise<void> {
    const { url } = client
    const began = performance.now()
    const keep = (outcome: Operation['outcome']): void => {
      this.operations.push({ ...asked, url, began, ended: performance.now(), outcome })
    }
    try {
      keep(await ask(client.grpc))
      await sleep(PAUSE_MS)
    } catch (error) {
      if (!isRefusal(error)) {
        throw error
      }
      keep({ code: error.code, message: error.details })
      client.next()
      await sleep(BACKOFF_MS)
    }
  }
}

/** A connection to one of several nodes. */
class Wandering {
  readonly #urls: readonly string[]
  #place: number
  grpc: GrpcClient

  constructor(urls: readonly string[], first: number) {
    this.#urls = urls
    this.#place = first % urls.length
    this.grpc = new GrpcClient(this.url)
  }

  get url(): string {
    return this.#urls[this.#place] ?? ''
  }

  /** Anew, so that it waits for nothing that a former connection has met. */
  next(): void {
    this.grpc.close()
    this.#place = (this.#place + 1) % this.#urls.length
    this.grpc = new GrpcClient(this.url)
  }

  close(): void {
    this.grpc.close()
  }
}

function foundIn(
  kvs: readonly Pick<KeyValue, 'value' | 'modRevision'>[],
): { readonly value: string; readonly modRevision: number } | undefined {
  const [kv] = kvs
  return kv && { value: Buffer.from(kv.value).toString(), modRevision: kv.modRevision }
}
