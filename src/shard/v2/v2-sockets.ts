import type { Authority, Door } from '../../door/door.ts'
import type { FrameMessage } from '../../protocol/frame-socket.ts'
import { CREDIT_WINDOW_BYTES } from '../../protocol/frames.ts'
import {
  V2_KEYS_PREFIX,
  V2_WATCH_HEADER,
  type V2WatchAnswer,
  type V2WatchCall,
} from '../../protocol/v2-call.ts'
import type { V2Watcher } from '../../v2/watch-hub.ts'
import type { Keyspace } from '../keyspace.ts'
import { v2Header, v2Refusal } from './v2-calls.ts'

const CLOSE_NORMAL = 1000
/** The client's access token is no more. */
const CLOSE_POLICY_VIOLATION = 1008
/** The client does not keep up. */
const CLOSE_TRY_AGAIN_LATER = 1013

/** No index ever gets there. */
const NEVER = 0xffff_ffff_ffff_ffffn

/** What a socket remembers while the object is not in memory. */
interface Attachment {
  readonly v2: Pick<V2WatchCall, 'path' | 'recursive' | 'stream'> & { readonly since: string }
  /** What the client may (door.ts). */
  readonly access: string
}

/**
 * The sockets of those who wait for changes of the v2 store. Each is for one of them, and hibernates:
 * what it waits for is its attachment. Each message is an event in JSON.
 */
export class V2Sockets {
  readonly #keyspace: Keyspace
  readonly #door: Door
  readonly #waiting = new Map<WebSocket, Waiting>()

  constructor(keyspace: Keyspace, door: Door) {
    this.#keyspace = keyspace
    this.#door = door
  }

  /** Takes back, after a start, the sockets that are of this kind. Answers the others. */
  restore(sockets: readonly WebSocket[]): readonly WebSocket[] {
    return sockets.filter((socket) => {
      const attachment = attachmentOf(socket)
      if (attachment === undefined) {
        return true
      }
      const authority = this.#door.recalled(attachment.access)
      this.#door.expects(authority)
      this.#wait(socket, attachment.v2, authority)
      return false
    })
  }

  has(socket: WebSocket): boolean {
    return this.#waiting.has(socket)
  }

  /** Answers an event of the past, or a refusal, and otherwise, or for a stream, opens a socket by `accept`. */
  open(call: V2WatchCall, authority: Authority, accept: (socket: WebSocket) => void): Response {
    const { v2 } = this.#keyspace
    const path = V2_KEYS_PREFIX + call.path
    const since = BigInt(call.waitIndex) || BigInt(v2.index + 1)
    let event: string | undefined
    try {
      event = v2.firstEvent({ path, isRecursive: call.recursive }, since)
    } catch (error) {
      return this.refused(error)
    }
    const { recursive, stream } = call
    if (event !== undefined && !stream) {
      return told({ header: this.#header(), event })
    }
    const { 0: client, 1: server } = new WebSocketPair()
    accept(server)
    // A stream that begins with an event of the past is told of no other: etcd forgets to let it wait.
    if (event !== undefined) {
      server.send(event)
    }
    const waits = { path, recursive, stream, since: String(event === undefined ? since : NEVER) }
    const attachment: Attachment = { v2: waits, access: this.#door.remembered(authority) }
    server.serializeAttachment(attachment)
    this.#door.expects(authority)
    this.#wait(server, waits, authority)
    const answer: V2WatchAnswer = { header: this.#header(), event: undefined }
    const headers = { [V2_WATCH_HEADER]: JSON.stringify(answer) }
    return new Response(null, { status: 101, webSocket: client, headers })
  }

  /** The answer to who may not wait, or cannot. Throws what is no refusal. */
  refused(error: unknown): Response {
    const refused = v2Refusal(error, this.#keyspace)
    if (refused === undefined) {
      throw error
    }
    return told({ header: this.#header(), refusal: refused.refusal })
  }

  #header(): V2WatchAnswer['header'] {
    const header = v2Header(this.#keyspace)
    return { ...header, clusterId: String(header.clusterId) }
  }

  #wait(socket: WebSocket, waits: Attachment['v2'], authority: Authority): void {
    const waiting = new Waiting(socket, waits, authority)
    this.#waiting.set(socket, waiting)
    if (waiting.since !== NEVER) {
      this.#keyspace.v2.hub.add(waiting)
    }
  }

  /** The client has taken so many bytes of events. */
  receive(socket: WebSocket, message: FrameMessage): void {
    this.#waiting.get(socket)?.credit(Number(message))
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    const waiting = this.#waiting.get(socket)
    if (waiting !== undefined) {
      this.#waiting.delete(socket)
      if (waiting.since !== NEVER) {
        this.#keyspace.v2.hub.remove(waiting)
      }
    }
  }

  /** Nobody waits any longer. */
  endAll(): void {
    for (const socket of this.#waiting.keys()) {
      socket.close(CLOSE_NORMAL)
      this.close(socket)
    }
  }

  /** Ends those that came by an access token which is no more. */
  endDead(): void {
    for (const [socket, { authority }] of this.#waiting) {
      if (this.#door.isAlive(authority)) {
        this.#door.expects(authority)
      } else {
        socket.close(CLOSE_POLICY_VIOLATION, 'the access token is invalid')
        this.close(socket)
      }
    }
  }
}

/** Who waits at a socket. */
class Waiting implements V2Watcher {
  readonly path: string
  readonly isRecursive: boolean
  readonly isStream: boolean
  readonly since: bigint
  readonly authority: Authority
  readonly #socket: WebSocket
  #underWay = 0

  constructor(socket: WebSocket, waits: Attachment['v2'], authority: Authority) {
    this.#socket = socket
    this.path = waits.path
    this.isRecursive = waits.recursive
    this.isStream = waits.stream
    this.since = BigInt(waits.since)
    this.authority = authority
  }

  /** The platform holds it back until the change is durable. As in etcd, a client that is far behind is let go. */
  tell(event: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return
    }
    if (this.#underWay > CREDIT_WINDOW_BYTES) {
      this.#socket.close(CLOSE_TRY_AGAIN_LATER, 'too far behind')
      return
    }
    this.#underWay += event.length
    this.#socket.send(event)
    if (!this.isStream) {
      this.#socket.close(CLOSE_NORMAL)
    }
  }

  credit(taken: number): void {
    this.#underWay = Math.max(0, this.#underWay - taken)
  }
}

/** The header tells it from the refusal of who may not come in. */
function told(answer: object): Response {
  return Response.json(answer, { headers: { [V2_WATCH_HEADER]: 'answer' } })
}

function attachmentOf(socket: WebSocket): Attachment | undefined {
  const attachment = socket.deserializeAttachment() as Attachment | { v2?: undefined } | null
  return attachment?.v2 === undefined ? undefined : attachment
}
