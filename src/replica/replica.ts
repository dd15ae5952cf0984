import { DurableObject } from 'cloudflare:workers'
import { parseSettings } from '../config/settings.ts'
import { type Authority, hibernates } from '../door/door.ts'
import {
  FEED_HEADER,
  type Pushed,
  type ReplicaCharge,
  type ReplicaReport,
} from '../protocol/replica-rpc.ts'
import {
  type Call,
  type CallContext,
  CONTEXT_HEADER,
  type HealthCheck,
  type MetricsOutcome,
  type Outcome,
  type PageCursor,
  type Refused,
  type ReplicationStatus,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { type V2Answer, type V2Call, V2_WATCH_HEADER } from '../protocol/v2-call.ts'
import { nextTurn } from '../shard/commit.ts'
import { creationIn, settingsWith } from '../shard/creation.ts'
import { refusal } from '../shard/reply.ts'
import { durableSql } from '../shard/storage.ts'
import { LeaderClient } from './leader-client.ts'
import { PassedCalls, passV2 } from './passed-calls.ts'
import { isWhole, ReplicaCopy } from './replica-copy.ts'
import { chargeIn, recordCharge } from './replica-row.ts'
import { ReplicaServer } from './replica-server.ts'

const notFound = statusOf('keyspace-not-found')
const refused = refusal(notFound)

/** Of a socket whose keyspace is no more, or begins anew here. */
const CLOSE_NOT_FOUND = 4404
const CLOSE_ANEW = 1012
/** What a socket of the leader's feed remembers. */
const FEED = 'feed'
const COPY_RETRY_MS_MIN = 100
const COPY_RETRY_MS_MAX = 10_000

/** What gateways ask, of a shard and of a replica alike. */
type ServingRpc = Pick<
  ShardRpc,
  'callMany' | 'v2' | 'rangeNext' | 'metrics' | 'replication' | 'checked' | 'revokeAdministrator'
>

/**
 * The object of a keyspace in another region, `KEYSPACE@REGION`. What it is says a row in its own storage, which the
 * directory has it write. Until it has copied all of the keyspace, everything is passed on to the leader.
 */
export class Replica extends DurableObject<Env> implements ServingRpc {
  #leader: LeaderClient | undefined
  #server: ReplicaServer | undefined
  /** While it is not whole. */
  #copy: ReplicaCopy | undefined
  #copyRetryMs = COPY_RETRY_MS_MIN

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const charge = chargeIn(durableSql(ctx.storage))
    if (charge !== undefined) {
      void ctx.blockConcurrencyWhile(() => this.#take(charge))
    }
  }

  /** Follows where it is whole, and copies else. */
  async #take(charge: ReplicaCharge): Promise<void> {
    const sql = durableSql(this.ctx.storage)
    const { keyspace, jurisdiction } = charge
    this.#leader = new LeaderClient(this.env, {
      name: keyspace,
      jurisdiction,
      leader: charge.leader,
    })
    if (isWhole(sql)) {
      await this.#serve(charge, this.#leader)
    } else {
      const told = { leader: this.#leader, machine: this.env.HOST }
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
      copyAnew: () => void this.ctx.blockConcurrencyWhile(() => this.#copyAnew(charge)),
    })
    await server.open(this.env.HOST, this.#sessionSockets())
    this.#server = server
  }

  #sessionSockets(): readonly WebSocket[] {
    return this.ctx.getWebSockets().filter((socket) => !isFeed(socket))
  }

  beReplica(charge: ReplicaCharge): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const known = chargeIn(sql)
      if (known !== undefined && known.clusterId !== charge.clusterId) {
        // Left of an earlier keyspace; nothing that this memory knows of it may go on.
        return this.#wipe('the keyspace was deleted', CLOSE_NOT_FOUND)
      }
      recordCharge(sql, charge)
      const { keyspace: name, jurisdiction, leader } = charge
      if (this.#leader === undefined) {
        await this.#take(charge)
      } else {
        this.#leader.address = { name, jurisdiction, leader }
        this.#server?.led(charge)
      }
    })
  }

  push(frame: Uint8Array): Promise<Pushed> {
    const nothing = { epoch: 0, revision: 0, state: undefined, isAwake: false }
    return Promise.resolve(this.#server?.pushed(frame) ?? nothing)
  }

  report(): Promise<ReplicaReport | Refused> {
    const charge = chargeIn(durableSql(this.ctx.storage))
    if (charge === undefined) {
      return Promise.resolve(refused)
    }
    const { region, memberId, epoch } = charge
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

  async destroy(): Promise<void> {
    if (chargeIn(durableSql(this.ctx.storage)) !== undefined) {
      await this.ctx.blockConcurrencyWhile(() =>
        this.#wipe('the replica was removed', CLOSE_NOT_FOUND),
      )
    }
  }

  async #copyAnew(charge: ReplicaCharge): Promise<never> {
    const { storage } = this.ctx
    this.#end(CLOSE_ANEW, 'the replica is copied anew')
    await storage.deleteAll()
    recordCharge(durableSql(storage), charge)
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
    if (this.#server !== undefined) {
      return this.#server.callMany(calls)
    }
    const leader = this.#leader
    if (leader === undefined) {
      return calls.map(() => refused)
    }
    const passed = new PassedCalls(leader)
    return Promise.all(
      calls.map((call) => new Promise<Outcome>((answered) => passed.pass(call, answered))),
    )
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    if (this.#server !== undefined) {
      return this.#server.rangeNext(request, next, context)
    }
    return this.#leader?.stub.rangeNext(request, next, context) ?? Promise.resolve(refused)
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#leader === undefined
      ? Promise.resolve(refused)
      : passV2(this.#leader, call, context)
  }

  metrics(context: CallContext): Promise<MetricsOutcome> {
    if (this.#server !== undefined) {
      return Promise.resolve(this.#server.metrics(context))
    }
    return this.#leader?.stub.metrics(context) ?? Promise.resolve(refused)
  }

  /** It is the leader that sends the keyspace to the object store. */
  replication(context: CallContext): Promise<ReplicationStatus | Refused> {
    return this.#leader?.stub.replication(context) ?? Promise.resolve(refused)
  }

  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void> {
    this.#server?.checked(checks, context)
    return Promise.resolve()
  }

  revokeAdministrator(id: string): Promise<void> {
    this.#server?.revokeAdministrator(id)
    return Promise.resolve()
  }

  /** As a shard's, and with `FEED_HEADER` the leader's way to push frames. */
  override async fetch(request: Request): Promise<Response> {
    if (this.#leader === undefined) {
      return Response.json(refused)
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    if (request.headers.has(FEED_HEADER)) {
      return this.#acceptFeed()
    }
    const server = this.#server
    if (server === undefined || request.headers.has(V2_WATCH_HEADER)) {
      return this.#leader.stub.fetch(request)
    }
    const context = JSON.parse(request.headers.get(CONTEXT_HEADER) ?? '{}') as CallContext
    let authority: Authority
    try {
      await server.ready()
      authority = server.door.authorityOf(context)
    } catch (error) {
      // What lets them in may not have come here yet.
      return this.#leader.stub.fetch(request).catch(() => Response.json(refusal(error)))
    }
    return this.#accept(server, authority)
  }

  #acceptFeed(): Response {
    const { 0: client, 1: own } = new WebSocketPair()
    this.ctx.acceptWebSocket(own)
    own.serializeAttachment(FEED)
    return new Response(null, { status: 101, webSocket: client })
  }

  async #accept(server: ReplicaServer, authority: Authority): Promise<Response> {
    const { 0: client, 1: own } = new WebSocketPair()
    if (hibernates(authority)) {
      this.ctx.acceptWebSocket(own)
    } else {
      this.#stayFor(own)
    }
    await server.accept(own, authority)
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
    if (!isFeed(socket)) {
      await this.#server?.receive(socket, message)
    } else if (typeof message !== 'string') {
      socket.send(JSON.stringify(await this.push(new Uint8Array(message))))
    }
  }

  override webSocketClose(socket: WebSocket): void {
    if (!isFeed(socket)) {
      this.#server?.close(socket)
    }
    // workerd keeps the connection until this side has said goodbye as well.
    if (socket.readyState !== WebSocket.CLOSED) {
      socket.close(1000)
    }
  }

  override webSocketError(socket: WebSocket): void {
    if (!isFeed(socket)) {
      this.#server?.close(socket)
    }
  }

  override async alarm(): Promise<void> {
    if (this.#copy === undefined) {
      await this.#server?.alarm()
    } else {
      await this.#goOnCopying(this.#copy)
    }
  }

  async #goOnCopying(copy: ReplicaCopy): Promise<void> {
    const charge = chargeIn(durableSql(this.ctx.storage))
    const leader = this.#leader
    if (charge === undefined || leader === undefined) {
      return
    }
    try {
      const { state } = await copy.advance()
      this.#copyRetryMs = COPY_RETRY_MS_MIN
      if (state === 'ready') {
        this.#copy = undefined
        await this.ctx.blockConcurrencyWhile(() => this.#serve(charge, leader))
        return
      }
      await this.ctx.storage.setAlarm(Date.now())
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.warn(`the replica in ${charge.region} was not copied: ${String(error)}`)
      await leader.find().catch(() => false)
      if (error instanceof RpcStatus && error.code === Code.ABORTED) {
        await this.ctx.blockConcurrencyWhile(() => this.#copyAnew(charge))
      }
      await this.ctx.storage.setAlarm(Date.now() + this.#copyRetryMs)
      this.#copyRetryMs = Math.min(2 * this.#copyRetryMs, COPY_RETRY_MS_MAX)
    }
  }
}

function isFeed(socket: WebSocket): boolean {
  return socket.deserializeAttachment() === FEED
}
