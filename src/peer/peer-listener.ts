import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import type { TlsServer } from '../port/tls-server.ts'
import { join } from './joined.ts'

export interface PeerAddress {
  readonly host: string
  readonly port: number
}

/** How many connections wait for a runtime that is being started again. */
const WAITING_MAX = 1_000

/** Where the other members' traffic comes in, in TLS, for the runtime that listens on loopback. */
export class PeerListener {
  readonly #servers: Server[] = []
  readonly #waiting = new Set<Socket>()
  #runtimePort: number | undefined

  /** Rejects with a system error. */
  async listen(tls: TlsServer, addresses: readonly PeerAddress[]): Promise<void> {
    for (const { host, port } of addresses) {
      const server = tls.create({ pauseOnConnect: false }, [], (socket) => this.#accept(socket))
      this.#servers.push(server)
      server.listen(port, host)
      await once(server, 'listening')
    }
  }

  /** The runtime listens there from now on; undefined while there is none. */
  passTo(runtimePort: number | undefined): void {
    this.#runtimePort = runtimePort
    if (runtimePort !== undefined) {
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      waiting.forEach((socket) => this.#accept(socket))
    }
  }

  close(): void {
    this.#servers.forEach((server) => server.close())
    this.#waiting.forEach((socket) => socket.destroy())
  }

  #accept(socket: Socket): void {
    if (this.#runtimePort !== undefined) {
      join(socket, connect({ host: '127.0.0.1', port: this.#runtimePort }))
    } else if (this.#waiting.size < WAITING_MAX) {
      this.#waiting.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.#waiting.delete(socket))
    } else {
      socket.destroy()
    }
  }
}
