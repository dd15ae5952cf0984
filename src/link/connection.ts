import type { Frame } from '../protocol/frames.ts'

/** Where the link finds its shard. */
export interface LinkRoute {
  /** What log lines call it, such as its URL. */
  readonly name: string
  /**
   * Begins a new connection. The listener hears nothing before this returns; it hears `opened` once
   * at most, and `closed` once.
   */
  connect(listener: SocketListener): LinkConnection
}

/** One connection to the shard: frames in order, both ways, until it ends. */
export interface LinkConnection {
  /** Bytes that have not left this process. */
  readonly queuedBytes: number
  /** As one message. */
  send(frames: readonly Frame[]): void
  /** Says goodbye; the listener hears nothing more. */
  close(): void
}

export interface SocketListener {
  /** Whether somebody waits for what may come. */
  readonly busy: boolean
  /** `replica` serves, if it is not the leader. */
  opened(replica?: string): void
  received(frame: Frame): void
  /** It was full, and everything that was sent has left this process. */
  drained(): void
  /** The last of all. */
  closed(end: SocketEnd): void
}

/** Why there is no connection (any more). */
export interface SocketEnd {
  readonly reason: string
  /** The upstream has answered that it will not have us, and would do so again. */
  readonly refused: boolean
  /** It has said that there is no such keyspace. */
  readonly missing?: boolean
  /** It has gone elsewhere on purpose, and may be asked for again in so many milliseconds. */
  readonly againInMs?: number
  /** It was waited for in vain, which is pause enough before the next try. */
  readonly waited?: boolean
  /** This node is no member of its cluster. */
  readonly removed?: boolean
  /** Its storage was full, and whether what it has not answered may have been done. */
  readonly full?: 'not-done' | 'perhaps-done'
}
