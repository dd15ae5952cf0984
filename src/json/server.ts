import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Elsewhere, JsonConnection } from './connection.ts'
import type { JsonServing } from './exchange.ts'

/** How long calls under way may take to end when the server does. */
const DRAIN_MS_MAX = 1000

type JsonOptions = Omit<JsonServing, 'commonName'> & Elsewhere

/**
 * Answers the unary calls of etcd's JSON gateway over the link that gRPC has, by the rules that the
 * Worker's gateway has. Everything else on a connection is somebody else's.
 */
export class JsonServer {
  readonly #options: JsonOptions
  readonly #connections = new Set<JsonConnection>()

  constructor(options: JsonOptions) {
    this.#options = options
  }

  /** Serves a connection that speaks HTTP/1.1, of a client whose certificate may name a user. */
  accept(socket: Socket, isSecure: boolean, commonName: string | undefined): void {
    const connection = new JsonConnection(socket, {
      ...this.#options,
      isSecure,
      commonName,
      left: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }

  /** Ends idle connections, and the others when they have their answer or have waited long enough. */
  async close(): Promise<void> {
    this.#connections.forEach((connection) => connection.close())
    const deadline = performance.now() + DRAIN_MS_MAX
    while (this.#connections.size > 0 && performance.now() < deadline) {
      await sleep(10)
    }
    this.#connections.forEach((connection) => connection.destroy())
  }
}
