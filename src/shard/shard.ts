import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import type { Region } from '../config/region.ts'
import type { AccessTokenList, AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import type { Revision } from '../mvcc/types.ts'
import type { FaultRpc, LineFault } from '../protocol/fault-rpc.ts'
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
  type ChangedOptions,
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
import { type V2Answer, type V2Call } from '../protocol/v2-call.ts'
import { nextTurn } from './commit.ts'
import type { CopyRpc } from './copy-source.ts'
import { creationIn, recordCreation } from './creation.ts'
import { leadershipIn } from './feed/leadership.ts'
import { answerFetched } from './fetched-calls.ts'
import { LedKeyspace } from './led-keyspace.ts'
import { refusal } from './reply.ts'
import { sourceIn } from './restore-row.ts'
import { madeIn, type SourceRestore, sourceRestore } from './restore-source.ts'
import { beginRestore, Restore, restoreIn } from './restore.ts'
import { durableSql } from './storage.ts'

const notFound = statusOf('keyspace-not-found')

/** Of a socket whose keyspace is no more. */
const CLOSE_NOT_FOUND = 4404

/**
 * The object of one keyspace's name. Whether there is such a keyspace is written in its own storage,
 * so that it need not ask the directory; where there is none, it answers that and writes nothing.
 */
export class Shard
  extends DurableObject<Env>
  implements ShardRpc, AccessTokenRpc, CopyRpc, FeedRpc, LeadershipRpc, FaultRpc
{
  readonly #led: LedKeyspace
  /** Of a keyspace that is being made from a file. */
  #restore: Restore | undefined
  /** Of one that reads its source by itself. */
  #recovery: SourceRestore | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#led = new LedKeyspace(ctx, env)
    const isDefault = ctx.id.equals(env.SHARD.idFromName(DEFAULT_KEYSPACE))
    const isThere = creationIn(durableSql(ctx.storage)) !== undefined || isDefault
    if (isThere && !this.#led.isMoved) {
      void ctx.blockConcurrencyWhile(() => this.#led.lead())
    }
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return this.#led.leader?.callMany(calls) ?? Promise.resolve(calls.map(() => this.#led.refused))
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#led.leader?.v2(call, context) ?? Promise.resolve(this.#led.refused)
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    return this.#led.leader?.rangeNext(request, next, context) ?? Promise.resolve(this.#led.refused)
  }

  metrics(context: CallContext): Promise<MetricsOutcome> {
    return Promise.resolve(this.#led.leader?.metrics(context) ?? this.#led.refused)
  }

  replication(context: CallContext): Promise<ReplicationStatus | Refused> {
    return Promise.resolve(this.#led.leader?.replication(context) ?? this.#led.refused)
  }

  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void> {
    this.#led.leader?.checked(checks, context)
    return Promise.resolve()
  }

  createAccessToken(wanted: NewAccessToken): Promise<CreatedAccessToken | Refused> {
    return Promise.resolve(this.#led.leader?.createAccessToken(wanted) ?? this.#led.refused)
  }

  accessTokens(): Promise<AccessTokenList | Refused> {
    return Promise.resolve(this.#led.leader?.accessTokens() ?? this.#led.refused)
  }

  revokeAccessToken(id: string): Promise<{ readonly known: boolean } | Refused> {
    return this.#led.leader?.revokeAccessToken(id) ?? Promise.resolve(this.#led.refused)
  }

  revokeAdministrator(id: string): Promise<void> {
    this.#led.leader?.revokeAdministrator(id)
    return Promise.resolve()
  }

  async configure(changed: ChangedOptions): Promise<void | Refused> {
    return this.#led.leader === undefined ? this.#led.refused : this.#led.leader.configure(changed)
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
        await this.#led.lead()
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
      await this.ctx.blockConcurrencyWhile(() => this.#led.lead())
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
        await this.ctx.blockConcurrencyWhile(() => this.#led.lead())
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

  copyBegin(revision: Revision): ReturnType<CopyRpc['copyBegin']> {
    return this.#led.copyBegin(revision)
  }

  copyArchive(): ReturnType<CopyRpc['copyArchive']> {
    return this.#led.copyArchive()
  }

  copyRows(...asked: Parameters<CopyRpc['copyRows']>): ReturnType<CopyRpc['copyRows']> {
    return this.#led.copyRows(...asked)
  }

  copyCurrent(...asked: Parameters<CopyRpc['copyCurrent']>): ReturnType<CopyRpc['copyCurrent']> {
    return this.#led.copyCurrent(...asked)
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

  leaveNode(run: string): Promise<void> {
    return this.#led.leader?.leaveNode(run) ?? Promise.resolve()
  }

  follow(replica: ReplicaPosition): Promise<LeaderPosition | FeedRefusal> {
    return this.#led.feed.follow(replica)
  }

  readIndex(replica: ReplicaPosition): ReturnType<FeedRpc['readIndex']> {
    return this.#led.feed.readIndex(replica)
  }

  pull(wanted: Pull): ReturnType<FeedRpc['pull']> {
    return this.#led.feed.pull(wanted)
  }

  addReplica(added: AddedReplica): Promise<ReplicaCharge | Refused> {
    return this.#led.feed.addReplica(added)
  }

  removeReplica(region: Region): Promise<void> {
    return this.#led.feed.removeReplica(region)
  }

  replicas(): Promise<ReplicaStatuses | Refused> {
    return this.#led.feed.replicas()
  }

  handOver(to: Succession): Promise<HandedOver | Refused> {
    return this.#led.feed.handOver(to)
  }

  deposed(epoch: number): Promise<void> {
    return this.#led.feed.deposed(epoch)
  }

  retire(): Promise<void> {
    return this.#led.retire()
  }

  setFault(fault: LineFault): Promise<void> {
    return this.#led.setFault(fault)
  }

  crash(): Promise<void> {
    return this.#led.crash()
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
    this.#led.end()
    this.ctx.getWebSockets().forEach((socket) => socket.close(CLOSE_NOT_FOUND, notFound.message))
    await storage.deleteAlarm()
    await storage.deleteAll()
    await storage.sync()
    // What the sockets are told leaves first.
    await nextTurn()
    this.ctx.abort('the keyspace was deleted')
    throw notFound
  }

  /** Opens a socket, as `LedKeyspace` has it, or answers calls of the gateway of a cluster. */
  override async fetch(request: Request): Promise<Response> {
    return (await answerFetched(request, this)) ?? this.#led.fetch(request)
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#led.received(socket, message)
  }

  override webSocketClose(socket: WebSocket): void {
    this.#led.closed(socket)
  }

  override webSocketError(socket: WebSocket): void {
    this.#led.leader?.close(socket)
  }

  override async alarm(): Promise<void> {
    await this.#led.leader?.alarm()
  }
}
