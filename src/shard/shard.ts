import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import { parseSettings } from '../config/settings.ts'
import type { AccessTokenList, AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import { type Authority, hibernates } from '../door/door.ts'
import type { CopiedPlaces } from '../mvcc/log-copy.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import {
  type Outcome,
  type CallContext,
  CONTEXT_HEADER,
  type Creation,
  type HealthCheck,
  type MetricsOutcome,
  type PageCursor,
  type Refused,
  type ReplicationStatus,
  type RecoveryProgress,
  type RestoreBatch,
  type RestoreProgress,
  type RestoreTotal,
  type Call,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import {
  type V2Answer,
  type V2Call,
  V2_WATCH_HEADER,
  type V2WatchCall,
} from '../protocol/v2-call.ts'
import { nextTurn } from './commit.ts'
import {
  beginCopy,
  type CopiedLog,
  copyLog,
  copyPlaces,
  type CopyBegun,
  type CopyRpc,
} from './copy-source.ts'
import { creationIn, recordCreation, settingsWith } from './creation.ts'
import type { Keyspace } from './keyspace.ts'
import { Leader } from './leader.ts'
import { archivedIn, archivedOptions } from './replication/archived.ts'
import { refusal } from './reply.ts'
import { sourceIn } from './restore-row.ts'
import { madeIn, type SourceRestore, sourceRestore } from './restore-source.ts'
import { beginRestore, Restore, restoreIn } from './restore.ts'
import { durableSql } from './storage.ts'

const notFound = statusOf('keyspace-not-found')
const refused: Refused = { refused: { code: notFound.code, message: notFound.message } }

/** Of a socket whose keyspace is no more. */
const CLOSE_NOT_FOUND = 4404

/**
 * The object of one keyspace's name. Whether there is such a keyspace is written in its own storage,
 * so that it need not ask the directory; where there is none, it answers that and writes nothing.
 */
export class Shard extends DurableObject<Env> implements ShardRpc, AccessTokenRpc, CopyRpc {
  #leader: Leader | undefined
  /** Of a keyspace that is being made from a file. */
  #restore: Restore | undefined
  /** Of one that reads its source by itself. */
  #recovery: SourceRestore | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const creation = creationIn(durableSql(ctx.storage))
    if (creation !== undefined || ctx.id.equals(env.SHARD.idFromName(DEFAULT_KEYSPACE))) {
      void ctx.blockConcurrencyWhile(() => this.#lead(creation))
    }
  }

  async #lead(creation: Creation | undefined): Promise<void> {
    const settings = settingsWith(parseSettings(this.env), creation)
    const leader = new Leader(this.ctx, settings, archivedIn(this.env, this.ctx, creation))
    await leader.open(this.env.HOST)
    this.#leader = leader
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return this.#leader?.callMany(calls) ?? Promise.resolve(calls.map(() => refused))
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#leader?.v2(call, context) ?? Promise.resolve(refused)
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    return this.#leader?.rangeNext(request, next, context) ?? Promise.resolve(refused)
  }

  metrics(context: CallContext): Promise<MetricsOutcome> {
    return Promise.resolve(this.#leader?.metrics(context) ?? refused)
  }

  replication(context: CallContext): Promise<ReplicationStatus | Refused> {
    return Promise.resolve(this.#leader?.replication(context) ?? refused)
  }

  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void> {
    this.#leader?.checked(checks, context)
    return Promise.resolve()
  }

  createAccessToken(wanted: NewAccessToken): Promise<CreatedAccessToken | Refused> {
    return Promise.resolve(this.#leader?.createAccessToken(wanted) ?? refused)
  }

  accessTokens(): Promise<AccessTokenList | Refused> {
    return Promise.resolve(this.#leader?.accessTokens() ?? refused)
  }

  revokeAccessToken(id: string): Promise<{ readonly known: boolean } | Refused> {
    return Promise.resolve(this.#leader?.revokeAccessToken(id) ?? refused)
  }

  revokeAdministrator(id: string): Promise<void> {
    this.#leader?.revokeAdministrator(id)
    return Promise.resolve()
  }

  create(creation: Creation): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const made = creationIn(sql)
      if (made !== undefined && made.created !== creation.created) {
        // Left of an earlier keyspace; nothing that this memory knows of it may go on.
        return this.#wipe()
      }
      if (made === undefined) {
        recordCreation(sql, creation)
        await this.#lead(creation)
      }
    })
  }

  beginRestore(id: string, source: string | null): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const under = restoreIn(sql)
      if (creationIn(sql) !== undefined || (under !== undefined && under.id !== id)) {
        return this.#wipe()
      }
      if (under === undefined) {
        beginRestore(sql, id, Date.now(), source)
      }
    })
  }

  async restoreEntries(
    id: string,
    { first, entries, patience }: RestoreBatch,
  ): Promise<Refused | undefined> {
    try {
      await this.#restoreOf(id).add(first, entries, patience)
      return undefined
    } catch (error) {
      return refusal(error)
    }
  }

  async restoreProgress(id: string): Promise<RestoreProgress | Refused> {
    try {
      return await this.#restoreOf(id).progress()
    } catch (error) {
      return refusal(error)
    }
  }

  async commitRestore(
    id: string,
    total: RestoreTotal,
    creation: Creation,
  ): Promise<'checking' | 'ready' | Refused> {
    try {
      if (this.#isMadeBy(creation)) {
        return 'ready'
      }
      if (!(await this.#restoreOf(id).commit(total, creation))) {
        return 'checking'
      }
      this.#restore = undefined
      await this.ctx.blockConcurrencyWhile(() => this.#lead(creation))
      return 'ready'
    } catch (error) {
      return refusal(error)
    }
  }

  async advanceRestore(id: string, creation: Creation): Promise<RecoveryProgress | Refused> {
    try {
      if (this.#isMadeBy(creation)) {
        return madeIn(durableSql(this.ctx.storage))
      }
      const progress = await this.#recoveryOf(id).advance(creation)
      if (progress.state === 'ready') {
        this.#recovery = undefined
        await this.ctx.blockConcurrencyWhile(() =>
          this.#lead(creationIn(durableSql(this.ctx.storage))),
        )
      }
      return progress
    } catch (error) {
      return refusal(error)
    }
  }

  /** Throws where no such restore is under way. */
  #recoveryOf(id: string): SourceRestore {
    const sql = durableSql(this.ctx.storage)
    if (restoreIn(sql)?.id !== id) {
      throw statusOf('restore-not-found')
    }
    this.#recovery ??= sourceRestore(sql, this.env)
    return this.#recovery
  }

  copyBegin(revision: Revision): Promise<CopyBegun | Refused> {
    const options = archivedOptions(creationIn(durableSql(this.ctx.storage)))
    return this.#copy((keyspace) => beginCopy(keyspace, revision, options))
  }

  copyRows(after: ChangeId, until: Revision): Promise<CopiedLog | Refused> {
    return this.#copy((keyspace) => copyLog(keyspace, after, until))
  }

  copyPlaces(revision: Revision, after: Uint8Array | undefined): Promise<CopiedPlaces | Refused> {
    return this.#copy((keyspace) => copyPlaces(keyspace, revision, after))
  }

  #copy<T>(ask: (keyspace: Keyspace) => T): Promise<T | Refused> {
    return Promise.resolve(this.#leader?.copy(ask) ?? refused)
  }

  restoreIdle(id: string, creation: Creation): Promise<number | 'ready' | 'none'> {
    if (this.#isMadeBy(creation)) {
      return Promise.resolve('ready')
    }
    const under = restoreIn(durableSql(this.ctx.storage))
    return Promise.resolve(under?.id === id ? Date.now() - under.touched : 'none')
  }

  #isMadeBy({ created }: Creation): boolean {
    return creationIn(durableSql(this.ctx.storage))?.created === created
  }

  /** Throws where no such restore is under way. */
  #restoreOf(id: string): Restore {
    const sql = durableSql(this.ctx.storage)
    if (restoreIn(sql)?.id !== id || sourceIn(sql) !== undefined) {
      throw statusOf('restore-not-found')
    }
    this.#restore ??= new Restore(sql, id, this.env.HOST)
    return this.#restore
  }

  async destroy(): Promise<void> {
    const sql = durableSql(this.ctx.storage)
    if (creationIn(sql) !== undefined || restoreIn(sql) !== undefined) {
      await this.ctx.blockConcurrencyWhile(() => this.#wipe())
    }
  }

  /** Does not return: a memory of what was wiped could write to what is made here later. */
  async #wipe(): Promise<never> {
    const { storage } = this.ctx
    this.#leader?.end()
    this.#leader = undefined
    this.ctx.getWebSockets().forEach((socket) => socket.close(CLOSE_NOT_FOUND, notFound.message))
    await storage.deleteAlarm()
    await storage.deleteAll()
    await storage.sync()
    // What the sockets are told leaves first.
    await nextTurn()
    this.ctx.abort('the keyspace was deleted')
    throw notFound
  }

  /**
   * Opens the socket that gateways and bridges stream over (protocol/frames.ts), or with the header
   * `V2_WATCH_HEADER` one for a single call that waits. Whose it is says the header `CONTEXT_HEADER`; a
   * refusal is a `Refused` in JSON.
   */
  override async fetch(request: Request): Promise<Response> {
    if (this.#leader === undefined) {
      return Response.json(refused)
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    let authority: Authority
    const context = JSON.parse(request.headers.get(CONTEXT_HEADER) ?? '{}') as CallContext
    const { node } = context
    try {
      this.#leader.requireStaying()
      authority = this.#leader.door.authorityOf(context)
      if (node !== undefined) {
        this.#leader.join(node)
      }
    } catch (error) {
      return Response.json(refusal(error))
    }
    const watch = request.headers.get(V2_WATCH_HEADER)
    if (watch !== null) {
      const call = JSON.parse(watch) as V2WatchCall
      return this.#leader.openV2Watch(call, authority, (socket) => this.ctx.acceptWebSocket(socket))
    }
    const { 0: client, 1: server } = new WebSocketPair()
    if (hibernates(authority)) {
      this.ctx.acceptWebSocket(server)
    } else {
      this.#stayFor(server)
    }
    await this.#leader.accept(server, authority, node)
    return new Response(null, { status: 101, webSocket: client })
  }

  /** While such a socket is open the object does not leave the memory. */
  #stayFor(socket: WebSocket): void {
    socket.binaryType = 'arraybuffer'
    socket.accept()
    socket.addEventListener('message', (event) => {
      void this.webSocketMessage(socket, event.data as string | ArrayBuffer)
    })
    socket.addEventListener('close', () => this.webSocketClose(socket))
    socket.addEventListener('error', () => this.webSocketError(socket))
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#leader?.receive(socket, message)
  }

  override webSocketClose(socket: WebSocket): void {
    this.#leader?.close(socket)
    // workerd keeps the connection until this side has said goodbye as well.
    if (socket.readyState !== WebSocket.CLOSED) {
      socket.close(1000)
    }
  }

  override webSocketError(socket: WebSocket): void {
    this.#leader?.close(socket)
  }

  override async alarm(): Promise<void> {
    await this.#leader?.alarm()
  }
}
