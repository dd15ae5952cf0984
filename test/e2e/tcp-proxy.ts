// A network that can fail, in front of a server that does not.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Where new connections go, such as `http://127.0.0.1:2379`. */
  target: string

  private constructor(server: Server, target: string) {
    this.#server = server
    this.target = target
  }

  static async start(target: string): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server, target)
    server.on('connection', (client) => proxy.#join(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') {
      throw new Error('the proxy is closed')
    }
    return `http://127.0.0.1:${address.port}`
  }

  #join(client: Socket): void {
    const { hostname, port } = new URL(this.target)
    const server = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.pipe(to)
      // An error is followed by a close, which both sides share.
      from.on('error', () => undefined)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }

  /** Cuts all connections; clients may come again. */
  cut(): void {
    this.#sockets.forEach((socket) => socket.destroy())
  }

  close(): void {
    this.#server.close()
    this.cut()
  }
}
