// The network between a link and its upstream, which a test can cut, at any byte, or stop.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Connection {
  readonly near: Socket
  readonly far: Socket
}

/** Where a connection is to be cut: once so many bytes have gone that way. */
export interface Cut {
  readonly way: 'up' | 'down'
  readonly bytes: number
}

export class TcpProxy {
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #target: number
  #next: Cut | undefined
  #stopped = false
  /** Connections that have been accepted so far. */
  accepted = 0
  /** Bytes of the last connection, each way. */
  passed = { up: 0, down: 0 }
  /** As many of them were the heads of the HTTP handshake. */
  heads = { up: 0, down: 0 }

  private constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
    server.on('connection', (near: Socket) => this.#accept(near))
  }

  /** To a port on 127.0.0.1. */
  static async start(target: number, port = 0): Promise<TcpProxy> {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, target)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** For a link. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/session`
  }

  set target(port: number) {
    this.#target = port
  }

  #accept(near: Socket): void {
    this.accepted++
    const far = connect(this.#target, '127.0.0.1')
    const connection = { near, far }
    const cut = this.#next
    const passed = { up: 0, down: 0 }
    this.#next = undefined
    const heads = { up: 0, down: 0 }
    this.passed = passed
    this.heads = heads
    this.#connections.add(connection)
    const end = (): void => this.#end(connection)
    const pipe = (from: Socket, to: Socket, way: Cut['way']): void => {
      from.on('data', (chunk: Buffer) => {
        if (heads[way] === 0) {
          heads[way] = chunk.indexOf('\r\n\r\n') + 4
        }
        const room = cut?.way === way ? cut.bytes - passed[way] : Infinity
        passed[way] += chunk.length
        if (chunk.length < room) {
          to.write(chunk)
        } else {
          to.write(chunk.subarray(0, room), end)
        }
      })
      from.on('error', end).on('close', end)
    }
    pipe(near, far, 'up')
    pipe(far, near, 'down')
    if (this.#stopped) {
      near.pause()
      far.pause()
    }
  }

  #end(connection: Connection): void {
    connection.near.destroy()
    connection.far.destroy()
    this.#connections.delete(connection)
  }

  /** The next connection that is made ends there. */
  cutNext(cut: Cut): void {
    this.#next = cut
  }

  /** Ends all connections; new ones can be made. */
  cut(): void {
    this.#connections.forEach((connection) => this.#end(connection))
  }

  /** Nothing passes any more, the ways named, and nobody is told. */
  stop(way: 'up' | 'down' | 'both' = 'both'): void {
    this.#stopped = way === 'both'
    for (const { near, far } of this.#connections) {
      if (way !== 'down') {
        near.pause()
      }
      if (way !== 'up') {
        far.pause()
      }
    }
  }

  /** What was held back passes. */
  resume(): void {
    this.#stopped = false
    for (const { near, far } of this.#connections) {
      near.resume()
      far.resume()
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }
}
