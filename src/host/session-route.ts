import type { LinkConnection, LinkRoute, SocketEnd, SocketListener } from '../link/connection.ts'
import { sendFrames, takeFrames } from '../protocol/frame-socket.ts'
import { decodeFrames, type Frame, SESSION_PROTOCOL } from '../protocol/frames.ts'
import { statusOf } from '../protocol/status.ts'
import { isStorageFull } from '../protocol/storage-full.ts'
import type { Host } from './host.ts'
import type { WorkerWebSocket } from './web-socket.ts'

/** The link's way to a keyspace of this process: the same session as over a socket, but in memory. */
export function sessionRoute(host: Pick<Host, 'fetch'>, path: string, secret: string): LinkRoute {
  return {
    name: path,
    connect: (listener) => new SessionConnection(host, { path, secret }, listener),
  }
}

class SessionConnection implements LinkConnection {
  readonly #listener: SocketListener
  #socket: WorkerWebSocket | undefined
  #isClosed = false

  constructor(
    host: Pick<Host, 'fetch'>,
    { path, secret }: { readonly path: string; readonly secret: string },
    listener: SocketListener,
  ) {
    this.#listener = listener
    const request = new Request(`http://host${path}`, {
      headers: {
        'Upgrade': 'websocket',
        'Authorization': `Bearer ${secret}`,
        'Sec-WebSocket-Protocol': SESSION_PROTOCOL,
        // The list of hosts is not for the link.
        'X-Forwarded-Proto': 'https',
      },
    })
    this.#open(host, request).catch((error: unknown) => {
      this.#over(error instanceof Error ? error.message : String(error))
    })
  }

  async #open(host: Pick<Host, 'fetch'>, request: Request): Promise<void> {
    const response = await host.fetch(request)
    const socket = response.webSocket
    if (socket === null) {
      const said = (await response.text()).trim()
      const missing = said.includes(statusOf('keyspace-not-found').message)
      this.#over(`it answers HTTP ${response.status}: ${said}`, { missing })
      return
    }
    socket.addEventListener('message', (event) => {
      if (event.type === 'message' && typeof event.data !== 'string') {
        decodeFrames(new Uint8Array(event.data)).forEach((frame) => this.#received(frame))
      }
    })
    socket.addEventListener('close', (event) => {
      if (event.type === 'close') {
        const { code, reason } = event
        this.#over(
          `closed with ${code}${reason === '' ? '' : `, ${reason}`}`,
          isStorageFull(reason) ? { full: 'not-done' } : {},
        )
      }
    })
    if (this.#isClosed) {
      socket.accept()
      socket.close(1000)
      return
    }
    this.#socket = socket
    takeFrames(socket, (frames) => frames.forEach((frame) => this.#received(frame)))
    this.#listener.opened()
    socket.accept()
  }

  #received(frame: Frame): void {
    if (!this.#isClosed) {
      this.#listener.received(frame)
    }
  }

  #over(reason: string, end: Pick<SocketEnd, 'missing' | 'full'> = {}): void {
    if (!this.#isClosed) {
      this.#isClosed = true
      this.#listener.closed({ reason, refused: false, ...end })
    }
  }

  /** What was sent is with the shard already. */
  readonly queuedBytes = 0

  send(frames: readonly Frame[]): void {
    if (this.#socket?.readyState === 1) {
      sendFrames(this.#socket, frames)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#socket?.close(1000)
  }
}
