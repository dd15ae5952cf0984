import { parseSettings } from '../config/settings.ts'
import { DIRECTORY_NAME } from '../directory/directory-rpc.ts'
import { type Authority, hibernates } from '../door/door.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import type { FaultRpc, LineFault } from '../protocol/fault-rpc.ts'
import { type FrameMessage, takeFrames } from '../protocol/frame-socket.ts'
import {
  type CallContext,
  CONTEXT_HEADER,
  LINK_HEADER,
  NEARER_HEADER,
  type Refused,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { V2_WATCH_HEADER, type V2WatchCall } from '../protocol/v2-call.ts'
import { nextTurn } from './commit.ts'
import { archiveToCopy, type CopiedArchive } from './copied-archive.ts'
import {
  beginCopy,
  type CopiedKeys,
  type CopiedLog,
  copyLog,
  copyCurrent,
  type CopyBegun,
  type CopyDesk,
  type CopyRpc,
} from './copy-source.ts'
import { creationIn, settingsWith } from './creation.ts'
import { FaultyLines } from './faulty-lines.ts'
import { FeedPort } from './feed/feed-port.ts'
import { leadershipIn, replicasIn } from './feed/leadership.ts'
import type { Keyspace } from './keyspace.ts'
import { Leader } from './leader.ts'
import { nearerTag } from './nearer-links.ts'
import { type Archived, archivedIn, archivedOptions } from './replication/archived.ts'
import { refusal } from './reply.ts'
import { stayFor } from './staying-socket.ts'
import { durableSql } from './storage.ts'

const moved = statusOf('keyspace-moved')
const notFound = statusOf('keyspace-not-found')

/** Of a socket whose keyspace is led from elsewhere now (RFC 6455: service restart). */
const CLOSE_MOVED = 1012

/** What is asked of a keyspace that is none of a lab's. */
const NO_LAB = 'the keyspace is none of a lab'

/** A keyspace that its object leads, has led, or is yet to lead; with its sockets. */
export class LedKeyspace implements CopyRpc, FaultRpc {
  readonly #ctx: DurableObjectState
  /** The way to other objects. */
  readonly environment: Env
  /** Undefined for keyspaces that are none of a lab's. */
  readonly #lines: FaultyLines | undefined
  readonly #feed: FeedPort
  /** What a call is answered with that nobody leads here. */
  readonly refused: Refused
  /** Whether it is led from elsewhere now. */
  readonly isMoved: boolean
  /** Whether it is led by what was a replica. */
  readonly isPromoted: boolean
  #leader: Leader | undefined
  /** What was led here, for replicas that have not got all of it. */
  #former: Leader | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx
    this.#lines = FaultyLines.of(ctx)
    this.environment = this.#lines?.environment(env) ?? env
    const sql = durableSql(ctx.storage)
    const leadership = leadershipIn(sql)
    this.isMoved = leadership?.successor !== undefined
    this.isPromoted = leadership?.region !== undefined && !this.isMoved
    this.refused = refusal(this.isMoved ? moved : notFound)
    this.#feed = new FeedPort({
      sql,
      leading: () => this.#leader?.replicas,
      former: () => this.#formerLeader()?.replicas,
      refused: () => this.refused,
      lose: () => this.lose(),
      find: (name) => this.environment.DIRECTORY.getByName(DIRECTORY_NAME).find(name),
    })
  }

  /** What replicas and the directory ask. Throws where a lab has cut them off. */
  get feed(): FeedPort {
    this.#lines?.arriveAtOnce()
    return this.#feed
  }

  /** To be awaited by what comes from other objects. Rejects where a lab has cut them off. */
  async arrive(): Promise<void> {
    await this.#lines?.arrive()
  }

  setFault(fault: LineFault): Promise<void> {
    this.#lines?.set(fault)
    return this.#lines === undefined ? Promise.reject(new Error(NO_LAB)) : Promise.resolve()
  }

  crash(): Promise<void> {
    if (this.#lines !== undefined) {
      this.#ctx.abort('the lab has crashed it')
    }
    return Promise.reject(new Error(NO_LAB))
  }

  /** Undefined where nobody leads here. */
  get leader(): Leader | undefined {
    return this.#leader
  }

  /** To be awaited before anything else is let in. */
  async lead(): Promise<void> {
    const leader = this.#newLeader()
    await leader.open(this.environment.HOST)
    this.#leader = leader
  }

  copyBegin(revision: Revision): Promise<CopyBegun | Refused> {
    const options = archivedOptions(creationIn(durableSql(this.#ctx.storage)))
    return this.#copy((keyspace) => beginCopy(keyspace, revision, options))
  }

  copyArchive(): Promise<CopiedArchive | Refused | undefined> {
    const archived = this.#archived()
    return this.#copy((keyspace) => archived && archiveToCopy(keyspace, archived))
  }

  copyRows(
    after: ChangeId,
    until: Revision,
    receipts: readonly string[],
  ): Promise<CopiedLog | Refused> {
    return this.#copy((keyspace, desk) => {
      desk.handed.received(receipts)
      return copyLog(keyspace, { after, until }, desk)
    })
  }

  copyCurrent(
    revision: Revision,
    after: Uint8Array | undefined,
    receipts: readonly string[],
  ): Promise<CopiedKeys | Refused> {
    return this.#copy((keyspace, desk) => {
      desk.handed.received(receipts)
      return copyCurrent(keyspace, { revision, after }, desk)
    })
  }

  #copy<T>(ask: (keyspace: Keyspace, desk: CopyDesk) => T | Promise<T>): Promise<T | Refused> {
    return this.#leader?.copy(ask) ?? Promise.resolve(this.refused)
  }

  /** Nobody leads here any more. */
  end(): void {
    this.#leader?.end()
    this.#leader = undefined
  }

  /** What was handed over is on its way out of the storage. */
  retire(): Promise<void> {
    this.#former = undefined
    return this.#feed.retire()
  }

  /** Does not return: what is left in memory could go on as a leader. Sockets are opened anew where that is. */
  async lose(): Promise<never> {
    this.#ctx.getWebSockets().forEach((socket) => socket.close(CLOSE_MOVED, moved.message))
    await this.#ctx.storage.sync()
    await nextTurn()
    this.#ctx.abort('the keyspace is led from elsewhere')
    throw moved
  }

  #newLeader(): Leader {
    const ctx = this.#ctx
    const env = this.environment
    const creation = creationIn(durableSql(ctx.storage))
    return new Leader(ctx, {
      env,
      settings: settingsWith(parseSettings(env), creation),
      creation,
      archived: this.#archived(),
      deposed: (epoch) => ctx.waitUntil(this.#feed.deposed(epoch)),
    })
  }

  /** The object of a replica goes by another name than its keyspace. */
  #archived(): Archived | undefined {
    const sql = durableSql(this.#ctx.storage)
    const archived = archivedIn(this.environment, this.#ctx, creationIn(sql))
    const keyspace = leadershipIn(sql)?.keyspace
    return archived && keyspace !== undefined ? { ...archived, keyspace } : archived
  }

  /** It is not opened, so that it does nothing by itself. */
  #formerLeader(): Leader | undefined {
    if (this.isMoved && replicasIn(durableSql(this.#ctx.storage)).length > 0) {
      this.#former ??= this.#newLeader()
    }
    return this.#former
  }

  /**
   * Opens the socket that gateways and bridges stream over (protocol/frames.ts), or with the header
   * `V2_WATCH_HEADER` one for a single call that waits. Whose it is says the header `CONTEXT_HEADER`; a
   * refusal is a `Refused` in JSON.
   */
  async fetch(request: Request): Promise<Response> {
    const leader = this.#leader
    if (leader === undefined) {
      return Response.json(this.refused)
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    const watch = request.headers.get(V2_WATCH_HEADER)
    let authority: Authority
    const context = JSON.parse(request.headers.get(CONTEXT_HEADER) ?? '{}') as CallContext
    try {
      authority = leader.door.authorityOf(context)
      leader.admit(context.node)
      if (watch !== null) {
        leader.requireV2()
      }
    } catch (error) {
      return Response.json(refusal(error))
    }
    if (watch !== null) {
      const call = JSON.parse(watch) as V2WatchCall
      return leader.openV2Watch(call, authority, (socket) => this.#ctx.acceptWebSocket(socket))
    }
    const { 0: client, 1: server } = new WebSocketPair()
    if (hibernates(authority)) {
      const nearer = request.headers.get(NEARER_HEADER)?.split(',') ?? []
      this.#ctx.acceptWebSocket(server, nearer.map(nearerTag))
    } else {
      takeFrames(server, (frames) => void this.received(server, frames))
      stayFor(server, {
        message: (message) => void this.received(server, message),
        close: () => this.closed(server),
        error: () => this.#leader?.close(server),
      })
    }
    const isLink = request.headers.has(LINK_HEADER)
    await leader.accept({ socket: server, authority, node: context.node, isLink })
    return new Response(null, { status: 101, webSocket: client })
  }

  async received(socket: WebSocket, message: FrameMessage): Promise<void> {
    await this.#leader?.receive(socket, message)
  }

  closed(socket: WebSocket): void {
    this.#leader?.close(socket)
    // workerd keeps the connection until this side has said goodbye as well.
    if (socket.readyState !== WebSocket.CLOSED) {
      socket.close(1000)
    }
  }
}
