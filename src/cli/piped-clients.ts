import type { StrictConnection } from '../http1/strict-connection.ts'
import { type ClientConnection, pipeToGateway } from '../port/http-pipe.ts'
import type { WorkerSockets } from './worker-sockets.ts'

/** As long as a call waits for a link. */
const WAIT_MS_MAX = 5_000
/** How long what was asked may take to be answered when this node stops. */
const FINISH_MS_MAX = 2_000

const reason = 'the keyspace cannot be reached\n'
/** What /readyz says too of a node that the cluster's bucket is away for. */
const unavailable = [
  'HTTP/1.1 503 Service Unavailable',
  'Content-Type: text/plain; charset=utf-8',
  `Content-Length: ${reason.length}`,
  'Connection: close',
  '',
  reason,
].join('\r\n')

/** The connections of clients that the Worker in another process serves. */
export class PipedClients {
  readonly #sockets: WorkerSockets
  readonly #servesAgain: () => Promise<void> | undefined
  readonly #connections = new Set<StrictConnection>()
  #whenGone: (() => void) | undefined

  /** `servesAgain` is that of `KeptWorkerd`. */
  constructor(sockets: WorkerSockets, servesAgain: () => Promise<void> | undefined) {
    this.#sockets = sockets
    this.#servesAgain = servesAgain
  }

  accept(connection: StrictConnection, isSecure: boolean): void {
    this.#connections.add(connection)
    connection.once('close', () => {
      this.#connections.delete(connection)
      if (this.#connections.size === 0) {
        this.#whenGone?.()
      }
    })
    const path = isSecure ? this.#sockets.secure : this.#sockets.plain
    const servesAgain = this.#servesAgain()
    if (servesAgain === undefined) {
      pipeToGateway(connection, path)
    } else {
      void pipeWhenServing(connection, path, servesAgain)
    }
  }

  /** Has what was asked answered and lets clients go, so that none is cut off in a request. */
  async finish(): Promise<void> {
    this.#connections.forEach((connection) => connection.finish())
    if (this.#connections.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#whenGone = resolve
      const timer = setTimeout(resolve, FINISH_MS_MAX)
      await promise
      clearTimeout(timer)
    }
  }
}

/** A client that comes between two workerds waits, as those of the link do. */
async function pipeWhenServing(
  client: ClientConnection,
  path: string,
  servesAgain: Promise<void>,
): Promise<void> {
  const giveUp = setTimeout(() => client.end(unavailable), WAIT_MS_MAX)
  // What it says meanwhile is left where it is.
  client.pause()
  await servesAgain
  clearTimeout(giveUp)
  if (!client.destroyed && !client.writableEnded) {
    pipeToGateway(client, path)
  }
}
