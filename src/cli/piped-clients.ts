import type { StrictConnection } from '../http1/strict-connection.ts'
import { pipeToGateway } from '../port/http-pipe.ts'

/** How long what they have asked may take to be answered when this node stops. */
const FINISH_MS_MAX = 2_000

/** The connections of clients that the Worker in another process serves. */
export class PipedClients {
  readonly #connections = new Set<StrictConnection>()
  #whenGone: (() => void) | undefined

  add(connection: StrictConnection): void {
    this.#connections.add(connection)
    connection.once('close', () => {
      this.#connections.delete(connection)
      if (this.#connections.size === 0) {
        this.#whenGone?.()
      }
    })
  }

  pipe(connection: StrictConnection, path: string): void {
    if (!connection.destroyed && !connection.writableEnded) {
      pipeToGateway(connection, path)
    }
  }

  /** Has what was asked answered, and nothing behind it, so that no client is cut off in a request. */
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
