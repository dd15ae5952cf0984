import { hibernates } from '../../door/door.ts'
import type { FrameMessage } from '../../protocol/frame-socket.ts'
import { decodeFrames, FrameError } from '../../protocol/frames.ts'
import {
  CLOSE_MOVED,
  CLOSE_REMOVED,
  MOVED_ELSEWHERE,
  MOVED_HERE,
} from '../../protocol/session-close.ts'
import { type RpcStatus, statusOf } from '../../protocol/status.ts'
import { SessionMemory } from './session-memory.ts'
import type { OpenedSocket, SessionSocket } from './session-socket.ts'
import { Session, type SessionParts } from './session.ts'

/** RFC 6455: the peer sent what this side cannot take. */
const CLOSE_PROTOCOL_ERROR = 1002
/** The peer's access token is no more. */
const CLOSE_POLICY_VIOLATION = 1008

/**
 * The sockets of gateways and bridges. All but the server's own link hibernate: while nothing happens
 * the object is not in memory, and after it wakes the sessions are made anew from what each socket
 * remembers.
 */
export class Sessions {
  readonly #parts: SessionParts
  readonly #sessions = new Map<WebSocket, Session>()
  /** That of the node which waits for the others to leave. */
  #stopping: Session | undefined
  /** Resolves when links that are not of the own node have left. */
  #left: PromiseWithResolvers<void> | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** After a start: the sockets that outlived the object's memory. */
  restore(sockets: readonly WebSocket[]): void {
    const { keyspace, door } = this.#parts
    SessionMemory.forgetOthers(keyspace.sql, sockets)
    for (const socket of sockets) {
      const memory = new SessionMemory(keyspace.sql, socket)
      const { access, isLink } = memory
      this.#join({ socket, authority: door.recalled(access), memory, isLink }).restore(memory)
    }
  }

  accept({ socket, authority, ...opened }: OpenedSocket): void {
    const { keyspace, door } = this.#parts
    const { isLink = false } = opened
    const memory = hibernates(authority)
      ? new SessionMemory(keyspace.sql, socket, { access: door.remembered(authority), isLink })
      : undefined
    this.#join({ socket, authority, memory, ...opened })
  }

  #join(opened: SessionSocket): Session {
    const { socket, authority } = opened
    const session = new Session(this.#parts, opened)
    this.#sessions.set(socket, session)
    this.#parts.door.expects(authority)
    this.#toldLinks()
    return session
  }

  /** Those of others than the node that has the shard. */
  get #links(): readonly Session[] {
    const own = this.#parts.keyspace.settings.cluster?.own
    return [...this.#sessions.values()].filter(({ isLink, node }) => isLink && node !== own)
  }

  #toldLinks(): void {
    if (this.#parts.keyspace.settings.cluster !== undefined) {
      const count = this.#links.length
      this.#parts.linksChanged(count)
      if (count === 0) {
        this.#left?.resolve()
      }
    }
  }

  /** Whether the node that has the shard is connected to it, and says by itself that it stops. */
  get hasOwnNode(): boolean {
    const own = this.#parts.keyspace.settings.cluster?.own
    return [...this.#sessions.values()].some(({ node }) => node !== undefined && node === own)
  }

  /** Resolves when all links have left. */
  leaveAll(): Promise<void> {
    this.#left ??= Promise.withResolvers<void>()
    this.#sessions.forEach((session) => session.leave())
    this.#toldLinks()
    return this.#left.promise
  }

  get count(): number {
    return this.#sessions.size
  }

  /** Resolves when all of the message's watch requests are answered, some of which may wait for a JWT. */
  receive(socket: WebSocket, message: FrameMessage): Promise<unknown> | undefined {
    const session = this.#sessions.get(socket)
    if (session === undefined) {
      // It was closed here, and the peer has yet to hear of it.
      return undefined
    }
    const waiting: Promise<void>[] = []
    try {
      if (typeof message === 'string') {
        throw new FrameError('a text message, where frames are binary')
      }
      const frames =
        message instanceof ArrayBuffer ? decodeFrames(new Uint8Array(message)) : message
      for (const frame of frames) {
        const later = session.receive(frame)
        if (later !== undefined) {
          waiting.push(later)
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error
      }
      socket.close(CLOSE_PROTOCOL_ERROR, error.message)
      this.close(socket)
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting)
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    const session = this.#sessions.get(socket)
    if (session !== undefined) {
      session.close()
      this.#sessions.delete(socket)
      this.#tellStopping()
      this.#toldLinks()
    }
  }

  /** All other nodes leave, and then that of the session is told. */
  leaveAllBut(stopping: Session): void {
    this.#stopping = stopping
    for (const session of this.#sessions.values()) {
      if (session !== stopping) {
        session.leave()
      }
    }
    this.#tellStopping()
  }

  #tellStopping(): void {
    const stopping = this.#stopping
    const others = [...this.#sessions.values()].filter(({ node }) => node !== undefined)
    if (stopping !== undefined && others.every((session) => session === stopping)) {
      this.#stopping = undefined
      stopping.leave()
    }
  }

  /** Ends everything that is open, and every socket remembers nothing. */
  end(status: RpcStatus): void {
    for (const session of this.#sessions.values()) {
      session.end(status)
    }
    this.#parts.turn.end()
  }

  /** Closes the sockets of a member's node. */
  endMember(id: bigint): void {
    for (const session of this.#sessions.values()) {
      if (session.member === id) {
        session.endNode(CLOSE_REMOVED, statusOf('member-removed').message)
      }
    }
  }

  /** Closes all sockets: that of the member's node comes back first. */
  moveTo(id: bigint): void {
    for (const session of this.#sessions.values()) {
      session.endNode(CLOSE_MOVED, session.member === id ? MOVED_HERE : MOVED_ELSEWHERE)
    }
  }

  /**
   * Ends what lived by an access token that is no more: whole sockets, or streams and calls that had
   * one of their own.
   */
  endDead(): void {
    const { door, turn } = this.#parts
    const dead: WebSocket[] = []
    door.expectsNothing()
    for (const [socket, session] of this.#sessions) {
      session.endDead()
      if (door.isAlive(session.authority)) {
        door.expects(session.authority)
      } else {
        dead.push(socket)
      }
    }
    turn.end()
    for (const socket of dead) {
      socket.close(CLOSE_POLICY_VIOLATION, statusOf('access-token-invalid').message)
      this.close(socket)
    }
  }
}
