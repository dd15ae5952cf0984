import { DurableObject } from 'cloudflare:workers'
import type { Region } from '../config/region.ts'
import { parseSettings } from '../config/settings.ts'
import type { AccessTokenList, AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import type { Revision } from '../mvcc/types.ts'
import { objectStoreOf } from '../object-store/object-store-of.ts'
import type { FaultRpc, LineFault } from '../protocol/fault-rpc.ts'
import {
  type AddedReplica,
  FEED_HEADER,
  type FeedRpc,
  type HandedOver,
  type LeadershipRpc,
  type Promotion,
  type Pull,
  type Pushed,
  type ReplicaCharge,
  type ReplicaPosition,
  type ReplicaReport,
  type ReplicaRpc,
  type ReplicaStatuses,
  type Succession,
} from '../protocol/replica-rpc.ts'
import {
  type Call,
  type CallContext,
  type ChangedOptions,
  type HealthCheck,
  type MetricsOutcome,
  type Outcome,
  type PageCursor,
  type Refused,
  type ReplicationStatus,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import type { V2Answer, V2Call } from '../protocol/v2-call.ts'
import { nextTurn } from '../shard/commit.ts'
import type { CopyRpc } from '../shard/copy-source.ts'
import { creationIn, settingsWith } from '../shard/creation.ts'
import { leadershipIn } from '../shard/feed/leadership.ts'
import { LedKeyspace } from '../shard/led-keyspace.ts'
import { refusal } from '../shard/reply.ts'
import { durableSql } from '../shard/storage.ts'
import { acceptFeed, isFeed } from './feed-sockets.ts'
import { LeaderClient } from './leader-client.ts'
import { PassedCalls, passV2 } from './passed-calls.ts'
import { PassedSessions } from './passed-sessions.ts'
import {
  catchUp,
  isPromotedTo,
  leaderReport,
  recordDemotion,
  recordPromotion,
} from './promotion.ts'
import { isWhole, ReplicaCopy } from './replica-copy.ts'
import { chargeIn, recordArchiveFailed, recordCharge } from './replica-row.ts'
import { ReplicaServer } from './replica-server.ts'
import { openSession, sayGoodbye } from './replica-session.ts'

const notFound = statusOf('keyspace-not-found')
const refused = refusal(notFound)

/** Of a socket whose keyspace is no more, or begins anew here. */
const CLOSE_NOT_FOUND = 4404
const CLOSE_ANEW = 1012

/** What gateways ask, of a shard and of a replica alike. */
type ServingRpc = Pick<
  ShardRpc,
  'callMany' | 'v2' | 'rangeNext' | 'metrics' | 'replication' | 'checked' | 'revokeAdministrator'
>

/**
 * The object of a keyspace in another region, `KEYSPACE@REGION`. What it is says a row in its own storage, which the
 * directory has it write. Until it has copied all of the keyspace, everything is passed on to the leader.
 */
export class Replica
  extends DurableObject<Env>
  implements ServingRpc, ReplicaRpc, AccessTokenRpc, CopyRpc, FeedRpc, LeadershipRpc, FaultRpc
{
  /** What it leads once it was promoted. */
  readonly #led: LedKeyspace
  #leader: LeaderClient | undefined
  #server: ReplicaServer | undefined
  /** While it is not whole. */
  #copy: ReplicaCopy | undefined
  readonly #passed = new PassedSessions()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const charge = chargeIn(durableSql(ctx.storage))
    this.#led = new LedKeyspace(ctx, env)
    if (this.#led.isPromoted) {
      void ctx.blockConcurrencyWhile(() => this.#led.lead())
    } else if (charge !== undefined && !this.#led.isMoved) {
      void ctx.blockConcurrencyWhile(() => this.#take(charge))
    }
  }

  /** Follows where it is whole, and copies else. */
  async #take(charge: ReplicaCharge): Promise<void> {
    const sql = durableSql(this.ctx.storage)
    const { keyspace, jurisdiction } = charge
    this.#leader = new LeaderClient(this.#led.environment, {
      name: keyspace,
      jurisdiction,
      leader: charge.leader,
    })
    if (isWhole(sql)) {
      await this.#serve(charge, this.#leader)
    } else {
      const { env } = this
      const told = { leader: this.#leader, machine: env.HOST, objects: objectStoreOf(env) }
      this.#copy = new ReplicaCopy(sql, charge, told)
      await this.ctx.storage.setAlarm(Date.now())
    }
  }

  async #serve(charge: ReplicaCharge, leader: LeaderClient): Promise<void> {
    const creation = creationIn(durableSql(this.ctx.storage))
    const server = new ReplicaServer({
      ctx: this.ctx,
      settings: settingsWith(parseSettings(this.env), creation),
      charge,
      leader,
      objects: objectStoreOf(this.env),
      copyAnew: () => void this.ctx.blockConcurrencyWhile(() => this.#copyAnew(charge)),
    })
    await server.open(this.env.HOST, this.#sessionSockets())
    this.#server = server
  }

  #sessionSockets(): readonly WebSocket[] {
    return this.ctx.getWebSockets().filter((socket) => !isFeed(socket))
  }

  async beReplica(charge: ReplicaCharge): Promise<void> {
    await this.#led.arrive()
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const known = chargeIn(sql)
      if (known !== undefined && known.clusterId !== charge.clusterId) {
        // Left of an earlier keyspace; nothing that this memory knows of it may go on.
        return this.#wipe('the keyspace was deleted', CLOSE_NOT_FOUND)
      }
      const led = leadershipIn(sql)
      if (led !== undefined && led.epoch >= charge.epoch) {
        return undefined
      }
      recordCharge(sql, charge)
      if (led !== undefined) {
        recordDemotion(sql)
        this.#led.end()
        return this.#led.lose()
      }
      const { keyspace: name, jurisdiction, leader } = charge
      if (this.#leader === undefined) {
        await this.#take(charge)
      } else {
        this.#leader.address = { name, jurisdiction, leader }
        this.#server?.led(charge)
      }
    })
  }

  async wake(): Promise<void | Refused> {
    try {
      await this.#led.arrive()
      await this.#server?.wake()
      return undefined
    } catch (error) {
      return refusal(error)
    }
  }

  /** Does not return where it had not been promoted yet: the object is lost, and leads when it is made anew. */
  async promote(promotion: Promotion): Promise<ReplicaReport | Refused> {
    await this.#led.arrive()
    const sql = durableSql(this.ctx.storage)
    const charge = chargeIn(sql)
    if (isPromotedTo(sql, promotion.epoch)) {
      return this.report()
    }
    const server = this.#server
    if (charge === undefined || server === undefined || this.#leader === undefined) {
      return refusal(statusOf('replica-behind'))
    }
    if (promotion.handedOver !== undefined) {
      try {
        await catchUp(server, this.#leader, promotion.handedOver.revision)
      } catch (error) {
        return refusal(error)
      }
    }
    const { epoch: former, revision } = server.standing
    recordPromotion(sql, charge, promotion, { revision, former })
    server.end()
    this.#server = undefined
    return this.#led.lose()
  }

  async push(frame: Uint8Array): Promise<Pushed> {
    await this.#led.arrive()
    const epoch = leadershipIn(durableSql(this.ctx.storage))?.epoch ?? 0
    const nothing = { epoch, revision: 0, state: undefined, isAwake: false }
    return this.#server?.pushed(frame) ?? nothing
  }

  report(): Promise<ReplicaReport | Refused> {
    const charge = chargeIn(durableSql(this.ctx.storage))
    if (charge === undefined) {
      return Promise.resolve(refused)
    }
    const { region, memberId, epoch } = charge
    const led = this.#led.leader?.replicas.statuses()
    if (led !== undefined) {
      return Promise.resolve(leaderReport(charge, led))
    }
    return Promise.resolve(
      this.#server?.report() ?? {
        region,
        memberId,
        role: 'follower',
        epoch,
        revision: 0,
        leaderRevision: 0,
        contact: undefined,
        isWhole: false,
        lagMs: 0,
      },
    )
  }

  setFault(fault: LineFault): Promise<void> {
    return this.#led.setFault(fault)
  }

  crash(): Promise<void> {
    return this.#led.crash()
  }

  async destroy(): Promise<void> {
    if (chargeIn(durableSql(this.ctx.storage)) !== undefined) {
      await this.ctx.blockConcurrencyWhile(() =>
        this.#wipe('the replica was removed', CLOSE_NOT_FOUND),
      )
    }
  }

  /** From the leader alone where the archive has failed. */
  async #copyAnew(charge: ReplicaCharge, archiveFailed = false): Promise<never> {
    const { storage } = this.ctx
    const sql = durableSql(storage)
    this.#end(CLOSE_ANEW, 'the replica is copied anew')
    await storage.deleteAll()
    recordCharge(sql, charge)
    if (archiveFailed) {
      recordArchiveFailed(sql)
    }
    await storage.setAlarm(Date.now())
    await storage.sync()
    return this.#lose('the replica is copied anew')
  }

  /** Does not return: a memory of what was wiped could write to what is made here later. */
  async #wipe(why: string, code: number): Promise<never> {
    const { storage } = this.ctx
    this.#end(code, why)
    await storage.deleteAlarm()
    await storage.deleteAll()
    await storage.sync()
    return this.#lose(why)
  }

  #end(code: number, why: string): void {
    this.#led.end()
    this.#server?.end()
    this.#server = undefined
    this.#copy = undefined
    this.ctx.getWebSockets().forEach((socket) => socket.close(code, why))
  }

  async #lose(why: string): Promise<never> {
    // What the sockets are told leaves first.
    await nextTurn()
    this.ctx.abort(why)
    throw notFound
  }

  async callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    const serving = this.#led.leader ?? this.#server
    if (serving !== undefined) {
      return serving.callMany(calls)
    }
    const leader = this.#leader
    if (leader === undefined) {
      return calls.map(() => this.#led.refused)
    }
    const passed = new PassedCalls(leader)
    return Promise.all(
      calls.map((call) => new Promise<Outcome>((answered) => passed.pass(call, answered))),
    )
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    const serving = this.#led.leader ?? this.#server
    if (serving !== undefined) {
      return serving.rangeNext(request, next, context)
    }
    return (
      this.#leader?.stub.rangeNext(request, next, context) ?? Promise.resolve(this.#led.refused)
    )
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    if (this.#led.leader !== undefined) {
      return this.#led.leader.v2(call, context)
    }
    return this.#leader === undefined
      ? Promise.resolve(this.#led.refused)
      : passV2(this.#leader, call, context)
  }

  async configure(changed: ChangedOptions): Promise<void | Refused> {
    return this.#led.leader === undefined ? this.#led.refused : this.#led.leader.configure(changed)
  }

  metrics(context: CallContext): Promise<MetricsOutcome> {
    const serving = this.#led.leader ?? this.#server
    if (serving !== undefined) {
      return Promise.resolve(serving.metrics(context))
    }
    return this.#leader?.stub.metrics(context) ?? Promise.resolve(this.#led.refused)
  }

  /** It is the leader that sends the keyspace to the object store. */
  replication(context: CallContext): Promise<ReplicationStatus | Refused> {
    if (this.#led.leader !== undefined) {
      return Promise.resolve(this.#led.leader.replication(context))
    }
    return this.#leader?.stub.replication(context) ?? Promise.resolve(this.#led.refused)
  }

  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void> {
    const serving = this.#led.leader ?? this.#server
    serving?.checked(checks, context)
    return Promise.resolve()
  }

  revokeAdministrator(id: string): Promise<void> {
    const serving = this.#led.leader ?? this.#server
    serving?.revokeAdministrator(id)
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

  follow(replica: ReplicaPosition): ReturnType<FeedRpc['follow']> {
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

  /** A replica that has led keeps what it has: it follows. */
  retire(): Promise<void> {
    return Promise.resolve()
  }

  /** As a shard's, and with `FEED_HEADER` the leader's way to push frames. */
  override async fetch(request: Request): Promise<Response> {
    if (this.#leader === undefined) {
      return this.#led.fetch(request)
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    if (request.headers.has(FEED_HEADER)) {
      await this.#led.arrive()
      return acceptFeed(this.ctx)
    }
    const [leader, server, passed] = [this.#leader, this.#server, this.#passed]
    return openSession(request, { ctx: this.ctx, leader, server, passed })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    if (this.#led.leader !== undefined) {
      await this.#led.received(socket, message)
    } else if (!isFeed(socket)) {
      await this.#server?.receive(socket, message)
    } else if (typeof message !== 'string') {
      const pushed = JSON.stringify(await this.push(new Uint8Array(message)))
      // The leader may have closed it meanwhile.
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(pushed)
      }
    }
  }

  override webSocketClose(socket: WebSocket): void {
    this.#led.leader?.close(socket)
    if (!isFeed(socket)) {
      this.#server?.close(socket)
    }
    sayGoodbye(socket)
  }

  override webSocketError(socket: WebSocket): void {
    this.#led.leader?.close(socket)
    if (!isFeed(socket)) {
      this.#server?.close(socket)
    }
  }

  override async alarm(): Promise<void> {
    if (this.#copy === undefined) {
      await (this.#led.leader ?? this.#server)?.alarm()
    } else {
      await this.#goOnCopying(this.#copy)
    }
  }

  async #goOnCopying(copy: ReplicaCopy): Promise<void> {
    const { charge, leader } = copy
    const step = await copy.goOn()
    if (step === 'whole') {
      this.#copy = undefined
      await this.ctx.blockConcurrencyWhile(() => this.#serve(charge, leader))
      this.#passed.end()
      await this.#server?.greet().catch((error: unknown) => {
        // Clients that are nearer here stay with the leader until it hears of this replica.
        // oxlint-disable-next-line no-console -- a Durable Object's log is its console
        console.warn(error)
      })
    } else if (step === 'in-vain' || step === 'no-archive') {
      const hasFailed = step === 'no-archive'
      await this.ctx.blockConcurrencyWhile(() => this.#copyAnew(charge, hasFailed))
    } else {
      await this.ctx.storage.setAlarm(Date.now() + step)
    }
  }
}
