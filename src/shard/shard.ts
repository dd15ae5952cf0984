import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import type { Region } from '../config/region.ts'
import { parseSettings } from '../config/settings.ts'
import { DIRECTORY_NAME } from '../directory/directory-rpc.ts'
import type { AccessTokenList, AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import { type Authority, hibernates } from '../door/door.ts'
import type { CopiedPlaces } from '../mvcc/log-copy.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import type {
  AddedReplica,
  FeedRefusal,
  FeedRpc,
  HandedOver,
  LeadershipRpc,
  LeaderPosition,
  Pull,
  ReplicaCharge,
  ReplicaPosition,
  ReplicaStatuses,
  Succession,
} from '../protocol/replica-rpc.ts'
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
import { FeedPort } from './feed/feed-port.ts'
import { leadershipIn, replicasIn } from './feed/leadership.ts'
import type { Keyspace } from './keyspace.ts'
import { Leader } from './leader.ts'
import { archivedIn, archivedOptions } from './replication/archived.ts'
import { refusal } from './reply.ts'
import { sourceIn } from './restore-row.ts'
import { madeIn, type SourceRestore, sourceRestore } from './restore-source.ts'
import { beginRestore, Restore, restoreIn } from './restore.ts'
import { durableSql } from './storage.ts'

const notFound = statusOf('keyspace-not-found')
const moved = statusOf('keyspace-moved')

/** Of a socket whose keyspace is no more. */
const CLOSE_NOT_FOUND = 4404
/** Of one whose keyspace is led from elsewhere now (RFC 6455: service restart). */
const CLOSE_MOVED = 1012

/**
 * The object of one keyspace's name. Whether there is such a keyspace is written in its own storage,
 * so that it need not ask the directory; where there is none, it answers that and writes nothing.
 */
export class Shard
  extends DurableObject<Env>
  implements ShardRpc, AccessTokenRpc, CopyRpc, FeedRpc, LeadershipRpc
{
  readonly #feed: FeedPort
  #leader: Leader | undefined
  /** What was led here, for replicas that have not got all of it. */
  #former: Leader | undefined
  /** What nobody leads here is answered with. */
  readonly #refused: Refused
  /** Of a keyspace that is being made from a file. */
  #restore: Restore | undefined
  /** Of one that reads its source by itself. */
  #recovery: SourceRestore | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const sql = durableSql(ctx.storage)
    const isMoved = leadershipIn(sql)?.successor !== undefined
    this.#refused = refusal(isMoved ? moved : notFound)
    this.#feed = new FeedPort({
      sql,
      leading: () => this.#leader?.replicas,
      former: () => this.#formerLeader()?.replicas,
      refused: () => this.#refused,
      lose: () => this.#lose(),
      find: (name) => env.DIRECTORY.getByName(DIRECTORY_NAME).find(name),
    })
    const creation = creationIn(sql)
    const isDefault = ctx.id.equals(env.SHARD.idFromName(DEFAULT_KEYSPACE))
    if (!isMoved && (creation !== undefined || isDefault)) {
      void ctx.blockConcurrencyWhile(() => this.#lead(creation))
    }
  }

  async #lead(creation: Creation | undefined): Promise<void> {
    const leader = this.#newLeader(creation)
    await leader.open(this.env.HOST)
    this.#leader = leader
  }

  #newLeader(creation: Creation | undefined): Leader {
    const { ctx, env } = this
    const settings = settingsWith(parseSettings(env), creation)
    const archived = archivedIn(env, ctx, creation)
    const deposed = (epoch: number): void => ctx.waitUntil(this.#feed.deposed(epoch))
    return new Leader(ctx, { env, settings, creation, archived, deposed })
  }

  /** It is not opened, so that it does nothing by itself. */
  #formerLeader(): Leader | undefined {
    const sql = durableSql(this.ctx.storage)
    if (leadershipIn(sql)?.successor !== undefined && replicasIn(sql).length > 0) {
      this.#former ??= this.#newLeader(creationIn(sql))
    }
    return this.#former
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return this.#leader?.callMany(calls) ?? Promise.resolve(calls.map(() => this.#refused))
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#leader?.v2(call, context) ?? Promise.resolve(this.#refused)
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    return this.#leader?.rangeNext(request, next, context) ?? Promise.resolve(this.#refused)
  }

  metrics(context: CallContext): Promise<MetricsOutcome> {
    return Promise.resolve(this.#leader?.metrics(context) ?? this.#refused)
  }

  replication(context: CallContext): Promise<ReplicationStatus | Refused> {
    return Promise.resolve(this.#leader?.replication(context) ?? this.#refused)
  }

  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void> {
    this.#leader?.checked(checks, context)
    return Promise.resolve()
  }

  createAccessToken(wanted: NewAccessToken): Promise<CreatedAccessToken | Refused> {
    return Promise.resolve(this.#leader?.createAccessToken(wanted) ?? this.#refused)
  }

  accessTokens(): Promise<AccessTokenList | Refused> {
    return Promise.resolve(this.#leader?.accessTokens() ?? this.#refused)
  }

  revokeAccessToken(id: string): Promise<{ readonly known: boolean } | Refused> {
    return this.#leader?.revokeAccessToken(id) ?? Promise.resolve(this.#refused)
  }

  revokeAdministrator(id: string): Promise<void> {
    this.#leader?.revokeAdministrator(id)
    return Promise.resolve()
  }

  create(creation: Creation): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const made = creationIn(sql)
      const isOther = made !== undefined && made.created !== creation.created
      if (isOther || leadershipIn(sql)?.successor !== undefined) {
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
    return Promise.resolve(this.#leader?.copy(ask) ?? this.#refused)
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

  follow(replica: ReplicaPosition): Promise<LeaderPosition | FeedRefusal> {
    return this.#feed.follow(replica)
  }

  readIndex(replica: ReplicaPosition): ReturnType<FeedRpc['readIndex']> {
    return this.#feed.readIndex(replica)
  }

  pull(wanted: Pull): ReturnType<FeedRpc['pull']> {
    return this.#feed.pull(wanted)
  }

  addReplica(added: AddedReplica): Promise<ReplicaCharge | Refused> {
    return this.#feed.addReplica(added)
  }

  removeReplica(region: Region): Promise<void> {
    return this.#feed.removeReplica(region)
  }

  replicas(): Promise<ReplicaStatuses | Refused> {
    return this.#feed.replicas()
  }

  handOver(to: Succession): Promise<HandedOver | Refused> {
    return this.#feed.handOver(to)
  }

  retire(): Promise<void> {
    this.#former = undefined
    return this.#feed.retire()
  }

  /** Does not return: what is left in memory could go on as a leader. Sockets are opened anew where that is. */
  async #lose(): Promise<never> {
    this.ctx.getWebSockets().forEach((socket) => socket.close(CLOSE_MOVED, moved.message))
    await this.ctx.storage.sync()
    await nextTurn()
    this.ctx.abort('the keyspace is led from elsewhere')
    throw moved
  }

  async destroy(): Promise<void> {
    const sql = durableSql(this.ctx.storage)
    const isLed = creationIn(sql) !== undefined || leadershipIn(sql) !== undefined
    if (isLed || restoreIn(sql) !== undefined) {
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
      return Response.json(this.#refused)
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    let authority: Authority
    try {
      const context = request.headers.get(CONTEXT_HEADER) ?? '{}'
      authority = this.#leader.door.authorityOf(JSON.parse(context) as CallContext)
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
    await this.#leader.accept(server, authority)
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
