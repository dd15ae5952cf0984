import type { DurableObjectId } from './durable-object-id.ts'
import { ObjectLost } from './object-lost.ts'
import type { DurableObjectStorage } from './storage.ts'
import type { WorkerWebSocket } from './web-socket.ts'

/** What an object's `ctx` asks of its stay in memory. */
export interface ObjectLife {
  readonly storage: DurableObjectStorage
  readonly sockets: readonly WorkerWebSocket[]
  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T>
  acceptWebSocket(socket: WorkerWebSocket): void
  /** The object stays in memory until it has settled. */
  waitFor(promise: Promise<unknown>): void
  break(reason: string): void
}

/** `ctx` of an object. */
export class DurableObjectState {
  readonly id: DurableObjectId
  readonly storage: DurableObjectStorage
  readonly #life: ObjectLife

  constructor(id: DurableObjectId, life: ObjectLife) {
    this.id = id
    this.storage = life.storage
    this.#life = life
  }

  blockConcurrencyWhile<T>(run: () => Promise<T>): Promise<T> {
    return this.#life.blockConcurrencyWhile(run)
  }

  /** The object goes on with it by itself. */
  waitUntil(promise: Promise<unknown>): void {
    this.#life.waitFor(promise)
  }

  /** By its tags it is found again. */
  acceptWebSocket(socket: WorkerWebSocket, tags: readonly string[] = []): void {
    socket.tags = tags
    this.#life.acceptWebSocket(socket)
  }

  getWebSockets(tag?: string): WorkerWebSocket[] {
    return this.#life.sockets.filter(({ tags }) => tag === undefined || tags.includes(tag))
  }

  /** Does not return. */
  abort(reason = 'the object was aborted'): never {
    this.#life.break(reason)
    throw new ObjectLost(reason)
  }
}
