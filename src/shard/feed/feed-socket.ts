import { FEED_HEADER, type Pushed } from '../../protocol/replica-rpc.ts'

/** The part of a replica's stub that opens one. */
type Opens = Pick<DurableObjectStub, 'fetch'>

interface Waiting {
  readonly resolve: (pushed: Pushed) => void
  readonly reject: (reason: unknown) => void
}

/** The socket to a replica that frames go over under load. Each is answered, in their order. */
export class FeedSocket {
  readonly #waiting: Waiting[] = []
  /** What is pushed before the socket is open. */
  readonly #unsent: Uint8Array[] = []
  #socket: WebSocket | undefined
  /** Nothing more goes over it. */
  isOver = false

  constructor(replica: Opens) {
    void this.#open(replica)
  }

  /** Rejects where the socket ends before the answer comes. */
  push(frame: Uint8Array): Promise<Pushed> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.#socket === undefined) {
        this.#unsent.push(frame)
      } else {
        this.#socket.send(frame)
      }
    })
  }

  /** What is under way is answered still. */
  close(): void {
    this.isOver = true
    if (this.#waiting.length === 0) {
      this.#socket?.close(1000)
    }
  }

  async #open(replica: Opens): Promise<void> {
    try {
      const headers = { Upgrade: 'websocket', [FEED_HEADER]: '1' }
      const { webSocket } = await replica.fetch('http://replica/feed', { headers })
      if (webSocket === null) {
        throw new Error('the replica takes no frames')
      }
      webSocket.accept()
      webSocket.addEventListener('message', ({ data }) => this.#answered(String(data)))
      webSocket.addEventListener('close', () => this.#lost(new Error('the socket was closed')))
      webSocket.addEventListener('error', () => this.#lost(new Error('the socket has failed')))
      this.#socket = webSocket
      this.#unsent.splice(0).forEach((frame) => webSocket.send(frame))
    } catch (error) {
      this.#lost(error)
    }
  }

  #answered(text: string): void {
    this.#waiting.shift()?.resolve(JSON.parse(text) as Pushed)
    if (this.isOver) {
      this.close()
    }
  }

  #lost(reason: unknown): void {
    this.isOver = true
    this.#waiting.splice(0).forEach(({ reject }) => reject(reason))
  }
}
