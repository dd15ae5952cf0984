import { DurableObject } from 'cloudflare:workers'
import { parseSettings } from '../config/settings.ts'
import type { RangeCursor } from '../mvcc/range.ts'
import type { RangeRequest } from '../protocol/generated/messages.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallAnswer, CallContext, MetricFamily, ShardRpc } from '../protocol/shard-rpc.ts'
import { Code } from '../protocol/status.ts'
import { BackgroundWork } from './background.ts'
import { CommitQueue, nextTurn } from './commit.ts'
import { Deadlines } from './deadlines.ts'
import { type Dispatch, dispatch, encodeAnswer, refusal } from './dispatch.ts'
import { Keyspace } from './keyspace.ts'
import { rangeNext } from './kv.ts'
import { codeOf, Metrics } from './metrics.ts'
import { Sessions } from './sessions.ts'
import { durableSql } from './storage.ts'

/**
 * A keyspace: the linearizable leader of one MVCC store. It is the only writer of its storage, and
 * every change of state happens here: in calls, in messages of sockets, and in alarms.
 */
export class Shard extends DurableObject<Env> implements ShardRpc {
  readonly #keyspace: Keyspace
  readonly #deadlines: Deadlines
  readonly #background: BackgroundWork
  readonly #sessions: Sessions
  readonly #dispatch: Dispatch
  readonly #metrics: Metrics
  #replaying = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const settings = parseSettings(env)
    this.#metrics = new Metrics(Date.now(), settings.metrics)
    const sql = durableSql(ctx.storage)
    this.#keyspace = new Keyspace(sql, settings, (_revision, events) => {
      this.#metrics.changed(events)
    })
    this.#deadlines = new Deadlines(ctx.storage)
    this.#background = new BackgroundWork(this.#keyspace, this.#deadlines, this.#metrics)
    this.#sessions = new Sessions(this.#keyspace, this.#metrics)
    const commits = new CommitQueue(() => {
      this.#endTurn()
      void this.#measureCommit()
    })
    this.#dispatch = { keyspace: this.#keyspace, commits, background: this.#background }
    void ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load()
      this.#sessions.restore(ctx.getWebSockets())
      await this.#background.schedule()
      this.#endTurn()
    })
  }

  /** Any unary method; LeaseKeepAlive one request at a time. */
  async call(method: MethodName, request: object, context: CallContext): Promise<CallAnswer> {
    const finished = this.#metrics.started(method)
    let code: number = Code.INTERNAL
    try {
      const answer = await dispatch(this.#dispatch, method, request, context)
      code = codeOf(answer)
      this.#pin(answer)
      return answer
    } finally {
      finished(code)
    }
  }

  /** A further page of a range, at the revision of the first. */
  rangeNext(request: object, next: RangeCursor): Promise<CallAnswer> {
    try {
      const page = rangeNext(this.#keyspace, request as RangeRequest, next)
      const answer = encodeAnswer('/etcdserverpb.KV/Range', page)
      this.#pin(answer)
      return Promise.resolve(answer)
    } catch (error) {
      return Promise.resolve(refusal(error))
    }
  }

  #pin(answer: CallAnswer): void {
    if ('response' in answer && answer.next !== undefined) {
      this.#background.pin(answer.next.revision)
    }
  }

  metrics(): Promise<readonly MetricFamily[]> {
    return Promise.resolve(this.#metrics.families(this.#keyspace))
  }

  /** Opens the socket that gateways and bridges stream over (protocol/frames.ts). */
  override fetch(request: Request): Response {
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    this.#sessions.accept(server)
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    this.#sessions.receive(socket, message)
    this.#endTurn()
    await this.#background.schedule()
  }

  override webSocketClose(socket: WebSocket): void {
    this.#sessions.close(socket)
  }

  override webSocketError(socket: WebSocket): void {
    this.#sessions.close(socket)
  }

  override async alarm(): Promise<void> {
    const now = Date.now()
    this.#background.run(this.#deadlines.due(now), now)
    this.#endTurn()
    await this.#background.schedule()
    await this.#deadlines.rearm()
  }

  /** What watchers are to hear of this turn leaves now; those that are behind replay the log. */
  #endTurn(): void {
    this.#sessions.flush()
    void this.#background.armAutoCompaction()
    if (!this.#replaying && this.#keyspace.hub.pending()) {
      void this.#replay()
    }
  }

  async #measureCommit(): Promise<void> {
    const start = performance.now()
    await this.ctx.storage.sync()
    this.#metrics.commitSeconds.observe((performance.now() - start) / 1000)
  }

  async #replay(): Promise<void> {
    this.#replaying = true
    try {
      while (this.#keyspace.hub.pending()) {
        await nextTurn()
        this.#keyspace.hub.catchUp()
        this.#sessions.flush()
      }
    } finally {
      this.#replaying = false
    }
  }
}
