import { LINK_HEADER } from '../protocol/shard-rpc.ts'
import { LEAVING } from '../shard/nearer-links.ts'
import { stayFor } from '../shard/staying-socket.ts'
import type { LeaderClient } from './leader-client.ts'

/** RFC 6455 §7.4.1: who closes says so, but for these, which a socket finds out by itself. */
const CLOSE_NO_STATUS = 1005
const CLOSE_ABNORMAL = 1006

/**
 * Sessions of links that were opened while the replica was not whole. The leader serves them, and what they say passes
 * here, so that they can be asked to leave when the replica serves. They are opened anew then, and their watches go on.
 */
export class PassedSessions {
  readonly #links = new Set<WebSocket>()
  #isOver = false

  async open(request: Request, leader: LeaderClient): Promise<Response> {
    const response = await leader.stub.fetch(request)
    const far = response.webSocket
    if (far === null || !request.headers.has(LINK_HEADER)) {
      return response
    }
    const { 0: client, 1: own } = new WebSocketPair()
    this.#links.add(own)
    pass(far, own, () => this.#links.delete(own))
    pass(own, far, () => this.#links.delete(own))
    if (this.#isOver) {
      own.send(LEAVING)
    }
    return new Response(null, { status: 101, webSocket: client })
  }

  /** The replica is whole. What was sent before is answered yet, and then the client goes. */
  end(): void {
    this.#isOver = true
    this.#links.forEach((link) => link.send(LEAVING))
  }
}

function pass(from: WebSocket, to: WebSocket, ended: () => void): void {
  stayFor(from, {
    message: (message) => {
      if (to.readyState === WebSocket.OPEN) {
        to.send(message)
      }
    },
    close: ({ code, reason }) => {
      ended()
      const isSaid = code !== CLOSE_NO_STATUS && code !== CLOSE_ABNORMAL
      close(to, isSaid ? { code, reason } : {})
      close(from, {})
    },
    error: () => {
      ended()
      close(to, {})
    },
  })
}

function close(socket: WebSocket, { code, reason }: { code?: number; reason?: string }): void {
  if (socket.readyState !== WebSocket.CLOSED) {
    socket.close(code, reason)
  }
}
