// The way of the other nodes to one node.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Passes connections on, or holds all bytes without a word to anybody, as a broken network does. */
export class PeerLine {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #port: number
  #isSilent = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.#port = port
  }

  /** To a port of 127.0.0.1. */
  static async start(port: number): Promise<PeerLine> {
    const server = createServer({ pauseOnConnect: true })
    const line = new PeerLine(server, port)
    server.on('connection', (socket) => line.#join(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return line
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get isSilent(): boolean {
    return this.#isSilent
  }

  /** What was held arrives when it is over. */
  set isSilent(isSilent: boolean) {
    this.#isSilent = isSilent
    this.#sockets.forEach((socket) => (isSilent ? socket.pause() : socket.resume()))
  }

  close(): void {
    this.#server.close()
    this.#sockets.forEach((socket) => socket.destroy())
  }

  #join(client: Socket): void {
    const node = connect(this.#port, '127.0.0.1')
    for (const [from, to] of [
      [client, node],
      [node, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (part) => {
        if (!to.write(part)) {
          from.pause()
        }
      })
      to.on('drain', () => {
        if (!this.#isSilent) {
          from.resume()
        }
      })
      // An error is followed by a close.
      from.on('error', () => undefined)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      if (this.#isSilent) {
        from.pause()
      } else {
        from.resume()
      }
    }
  }
}
