import { once } from 'node:events'
import { connect, type Server } from 'node:net'
import type { TlsServer } from '../port/tls-server.ts'
import { join } from './joined.ts'

export interface PeerAddress {
  readonly host: string
  readonly port: number
}

/** Where the other members' traffic comes in, in TLS, for the runtime that listens on loopback. */
export class PeerListener {
  readonly #servers: Server[] = []
  #runtimePort: number | undefined

  /** Rejects with a system error. */
  async listen(tls: TlsServer, addresses: readonly PeerAddress[]): Promise<void> {
    for (const { host, port } of addresses) {
      const server = tls.create({ pauseOnConnect: false }, [], (socket) => {
        if (this.#runtimePort === undefined) {
          socket.destroy()
        } else {
          join(socket, connect({ host: '127.0.0.1', port: this.#runtimePort }))
        }
      })
      this.#servers.push(server)
      server.listen(port, host)
      await once(server, 'listening')
    }
  }

  /** The runtime listens there from now on; undefined while there is none. */
  passTo(runtimePort: number | undefined): void {
    this.#runtimePort = runtimePort
  }

  close(): void {
    this.#servers.forEach((server) => server.close())
  }
}
