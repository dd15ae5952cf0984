import { once } from 'node:events'
import { type RawData, WebSocket } from 'ws'

export interface Goodbye {
  readonly code: number
  readonly reason: string
}

/** A client's end of a WebSocket, whose messages are read one by one. */
export class SocketClient {
  readonly #socket: WebSocket
  readonly #messages: (string | Uint8Array)[] = []
  readonly #closed: Promise<Goodbye>
  #arrived = Promise.withResolvers<void>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    const arrived = (): void => {
      this.#arrived.resolve()
      this.#arrived = Promise.withResolvers<void>()
    }
    this.#closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        arrived()
      })
    })
    socket.on('error', () => undefined)
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const bytes = data as Buffer
      this.#messages.push(isBinary ? new Uint8Array(bytes) : bytes.toString())
      arrived()
    })
  }

  static async open(
    url: string,
    protocols: readonly string[] = ['contract'],
  ): Promise<SocketClient> {
    const socket = new WebSocket(url.replace('http', 'ws'), [...protocols])
    const client = new SocketClient(socket)
    await once(socket, 'open')
    return client
  }

  get protocol(): string {
    return this.#socket.protocol
  }

  /** What has come and was not asked for. */
  get unread(): readonly (string | Uint8Array)[] {
    return this.#messages
  }

  /** The next message; rejects where none comes any more. */
  async next(): Promise<string | Uint8Array> {
    while (this.#messages.length === 0) {
      if (this.#socket.readyState === WebSocket.CLOSED) {
        throw new Error('the socket is closed')
      }
      await this.#arrived.promise
    }
    return this.#messages.shift() ?? ''
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data)
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason)
  }

  /** How it was closed, when it is. */
  closed(): Promise<Goodbye> {
    return this.#closed
  }

  /** Without a word. */
  end(): void {
    this.#socket.terminate()
  }
}
