import { want, wantedMember } from '../cluster/cluster-term.ts'
import { Waiters } from '../concurrency/waiters.ts'
import type { ClusterNode } from '../config/cluster.ts'
import type { Settings } from '../config/settings.ts'
import type { AccessTokenList } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import { type Authority, Door } from '../door/door.ts'
import type {
  Outcome,
  CallContext,
  HealthCheck,
  MetricsOutcome,
  PageCursor,
  Refused,
  ReplicationStatus,
  Call,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import type { V2Answer, V2Call, V2WatchCall } from '../protocol/v2-call.ts'
import { BackgroundWork } from './background.ts'
import { Calls } from './calls.ts'
import { CommitQueue, nextTurn } from './commit.ts'
import { Deadlines } from './deadlines.ts'
import { Keyspace } from './keyspace.ts'
import { defragment, handOver, type Machine } from './machine.ts'
import { PasswordQueue } from './methods/password-queue.ts'
import { metricValues } from './metric-values.ts'
import { Metrics } from './metrics.ts'
import { newAccessToken } from './new-access-token.ts'
import { type Archived, NOT_REPLICATED, workerClock } from './replication/archived.ts'
import { positionIn } from './replication/position.ts'
import { Replication } from './replication/replication.ts'
import { refusal } from './reply.ts'
import { runOfIsolate } from './run-of-isolate.ts'
import type { Session } from './session/session.ts'
import { Sessions } from './session/sessions.ts'
import { Turn } from './session/turn.ts'
import { durableSql } from './storage.ts'
import { Turns } from './turns.ts'
import { V2Calls } from './v2/v2-calls.ts'
import { V2Sockets } from './v2/v2-sockets.ts'

/** How long the runtime may take to let go of what it is to hand over. */
const MOVING_MS_MAX = 10_000
/** How often a commit is measured at most. */
const COMMIT_SAMPLE_MS = 10

/**
 * A keyspace in memory: the linearizable leader of one MVCC store. It is the only writer of its
 * storage, and every change of state happens here: in calls, in messages of sockets, and in alarms.
 */
export class Leader {
  readonly #ctx: DurableObjectState
  readonly door: Door
  readonly #keyspace: Keyspace
  readonly #deadlines: Deadlines
  readonly #background: BackgroundWork
  /** Undefined where there is no object store. */
  readonly #replication: Replication | undefined
  readonly #commits: CommitQueue
  readonly #calls: Calls
  readonly #sessions: Sessions
  readonly #v2Calls: V2Calls
  readonly #v2Sockets: V2Sockets
  readonly #metrics: Metrics
  readonly #turn = new Turn()
  readonly #turns: Turns
  #replaying = false
  #movesUntil = 0
  #nextMeasure = 0
  #machine: Machine | undefined

  constructor(ctx: DurableObjectState, settings: Settings, archived: Archived | undefined) {
    this.#ctx = ctx
    this.#metrics = new Metrics(Date.now(), settings.metrics)
    const sql = durableSql(ctx.storage)
    this.#keyspace = new Keyspace(sql, settings, this.#metrics)
    this.#deadlines = new Deadlines(ctx.storage)
    this.door = new Door(this.#keyspace.accessTokens, () => Date.now())
    this.#replication = archived && this.#replicationTo(archived, settings)
    this.#background = new BackgroundWork(this.#keyspace, this.#deadlines, this.#metrics, {
      accessExpired: () => this.#endDead(),
      replicate: () => this.#replication?.run(),
      unsent: (now) => this.#replication?.pinned(now),
    })
    const work = (): number => this.#keyspace.store.work
    this.#turns = new Turns(work)
    const commits = new CommitQueue(work, () => {
      this.#endTurn()
      void this.#measureCommit()
    })
    this.#commits = commits
    const submitAndSchedule = async <T>(write: (now: number) => T): Promise<T> => {
      this.#keyspace.requireCommits()
      const result = await commits.submit(write)
      await this.#background.schedule()
      return result
    }
    const parts = {
      keyspace: this.#keyspace,
      door: this.door,
      commits,
      background: this.#background,
      waiters: new Waiters(this.#keyspace.hub, submitAndSchedule),
      defragment: () => defragment(this.#machine, ctx.id.toString()),
      moveTo: (member: bigint) => this.#moveTo(member),
      passwords: new PasswordQueue(settings.bcryptCost),
      turns: this.#turns,
      submitAndSchedule,
    }
    this.#calls = new Calls(parts, this.#metrics)
    this.#v2Calls = new V2Calls(parts)
    this.#sessions = new Sessions({
      keyspace: this.#keyspace,
      metrics: this.#metrics,
      calls: this.#calls,
      v2Calls: this.#v2Calls,
      door: this.door,
      turn: this.#turn,
      nodeStops: (session) => this.#nodeStops(session, settings),
    })
    this.#v2Sockets = new V2Sockets(this.#keyspace, this.door)
    this.#keyspace.memberRemoved = (id) => this.#sessions.endMember(id)
  }

  /** Takes up what the object's memory has forgotten. To be awaited before anything else. */
  async open(machine: Machine | undefined): Promise<void> {
    this.#machine = machine
    this.#keyspace.lead(runOfIsolate(), Date.now())
    await this.#deadlines.load()
    await this.#keyspace.disk.open(machine)
    await this.#keyspace.tokens.open()
    this.#sessions.restore(this.#v2Sockets.restore(this.#ctx.getWebSockets()))
    this.#endDead()
    await this.#schedule()
    this.#endTurn()
    this.#replication?.schedule()
  }

  #replicationTo(archived: Archived, settings: Settings): Replication | undefined {
    const ctx = this.#ctx
    const { objects, generation, options } = archived
    const keyspace = archived.keyspace ?? positionIn(this.#keyspace.sql)?.name
    if (keyspace === undefined) {
      return undefined
    }
    return new Replication({
      keyspace: this.#keyspace,
      objects,
      archive: { keyspace, generation },
      options,
      lagMs: settings.snapshotLagMs,
      clock: workerClock,
      random: () => crypto.randomUUID(),
      durable: () => ctx.storage.sync(),
      wakeAt: (time) => void this.#deadlines.set('replication', time),
      keep: (work) => ctx.waitUntil(work),
      sent: () => this.#background.released(),
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      log: (line) => console.warn(line),
    })
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    this.#turns.begin()
    return Promise.all(
      calls.map(
        (call) =>
          new Promise<Outcome>((answered) => {
            this.#calls.start(call, { gone: false, whenGone: () => undefined, answered })
          }),
      ),
    )
  }

  /** Nodes lose their sockets when the runtime lets go of the object, and the caller has its answer. */
  /** Where the keyspace is on that node, the others are to have their answers before it goes. */
  #nodeStops(session: Session, { cluster }: Settings): void {
    if (session.node !== undefined && session.node === cluster?.own) {
      this.#movesUntil = Date.now() + MOVING_MS_MAX
      this.#sessions.leaveAllBut(session)
    } else {
      session.leave()
    }
  }

  async #moveTo(member: bigint): Promise<void> {
    want(this.#keyspace.sql, member, Date.now())
    await handOver(this.#machine)
    // No timer, which the runtime would wait for.
    this.#movesUntil = Date.now() + MOVING_MS_MAX
    // The answer leaves in the turn between.
    void nextTurn()
      .then(nextTurn)
      .then(() => this.#sessions.moveTo(member))
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    const read = (): Outcome =>
      this.#refusalOf(context) ?? this.#calls.next('/etcdserverpb.KV/Range', request, next)
    return new Promise((resolve) => {
      this.#calls.later(() => resolve(read()))
    })
  }

  metrics(context: CallContext): MetricsOutcome {
    const refused = this.#refusalOf(context)
    if (refused !== undefined) {
      return refused
    }
    const values = metricValues({
      metrics: this.#metrics,
      keyspace: this.#keyspace,
      commits: this.#commits,
      background: this.#background,
      replication: this.#replicationStatus,
    })
    this.#metrics.scrapes++
    return { values }
  }

  replication(context: CallContext): ReplicationStatus | Refused {
    return this.#refusalOf(context) ?? this.#replicationStatus
  }

  get #replicationStatus(): ReplicationStatus {
    return this.#replication?.status() ?? NOT_REPLICATED
  }

  checked(checks: readonly HealthCheck[], context: CallContext): void {
    if (this.#refusalOf(context) === undefined) {
      checks.forEach((check) => this.#metrics.checks.saw(check))
    }
  }

  #refusalOf(context: CallContext): Refused | undefined {
    try {
      this.door.authorityOf(context)
      return undefined
    } catch (error) {
      return refusal(error)
    }
  }

  /** Asks the keyspace for what a copy of it is made of. */
  copy<T>(ask: (keyspace: Keyspace) => T): T | Refused {
    try {
      return ask(this.#keyspace)
    } catch (error) {
      return refusal(error)
    }
  }

  createAccessToken(wanted: NewAccessToken): CreatedAccessToken | Refused {
    const created = newAccessToken(this.#keyspace.accessTokens, wanted)
    this.#replication?.noticed()
    return created
  }

  accessTokens(): AccessTokenList {
    return { tokens: this.#keyspace.accessTokens.list() }
  }

  revokeAccessToken(id: string): { readonly known: boolean } {
    const known = this.#keyspace.accessTokens.revoke(id)
    this.#replication?.noticed()
    this.#endDead()
    return { known }
  }

  revokeAdministrator(id: string): void {
    this.door.revokeAdministrator(id)
    this.#endDead()
  }

  /** Behind the sessions, who forget first what is expected to expire. */
  #endDead(): void {
    this.#sessions.endDead()
    this.#v2Sockets.endDead()
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#v2Calls.answer(call, context)
  }

  /** Opens a socket for a call that waits, by `accept`, or answers it in JSON. */
  async openV2Watch(
    call: V2WatchCall,
    authority: Authority,
    accept: (socket: WebSocket) => void,
  ): Promise<Response> {
    try {
      await this.#v2Calls.admitWatch(call)
    } catch (error) {
      return this.#v2Sockets.refused(error)
    }
    const response = this.#v2Sockets.open(call, authority, accept)
    await this.#schedule()
    return response
  }

  /** The runtime may have given the keyspace to another node than the one that it was meant for, and comes now. */
  async #moveOn(node: ClusterNode): Promise<void> {
    const { sql, nodes, identity } = this.#keyspace
    const wanted = nodes && wantedMember(sql, Date.now())
    if (wanted !== undefined && wanted !== identity.memberId && wanted === nodes?.idOf(node)) {
      await this.#moveTo(wanted)
    }
  }

  /** Whoever comes now would keep the runtime from letting go. */
  requireStaying(): void {
    if (Date.now() < this.#movesUntil) {
      throw statusOf('leader-changed')
    }
  }

  /** A node of a cluster comes, and tells of itself. Throws an RpcStatus where it is no member. */
  join(node: ClusterNode): void {
    this.#keyspace.nodes?.join(node)
  }

  async accept(
    socket: WebSocket,
    authority: Authority,
    node: ClusterNode | undefined,
  ): Promise<void> {
    this.#sessions.accept(socket, authority, node)
    if (node !== undefined) {
      await this.#moveOn(node)
    }
    await this.#schedule()
  }

  async receive(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    if (this.#v2Sockets.has(socket)) {
      this.#v2Sockets.receive(socket, message)
      return
    }
    let waiting: Promise<unknown> | undefined
    this.#commits.hold()
    this.#turns.begin()
    try {
      waiting = this.#sessions.receive(socket, message)
    } finally {
      this.#endMessage()
    }
    if (waiting !== undefined) {
      await waiting
      this.#endMessage()
    }
    await this.#schedule()
  }

  async #schedule(): Promise<void> {
    await this.#background.schedule()
    if (this.door.nextExpiry !== Infinity) {
      await this.#deadlines.set('access', this.door.nextExpiry)
    }
  }

  /** A message is a batch already: its writes need not wait for others. */
  #endMessage(): void {
    if (!this.#commits.run()) {
      this.#endTurn()
    }
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    this.#sessions.close(socket)
    this.#v2Sockets.close(socket)
  }

  /** The keyspace is no more: nobody waits for it any longer. */
  end(): void {
    this.#commits.close()
    this.#replication?.end()
    this.#sessions.end(statusOf('keyspace-not-found'))
  }

  async alarm(): Promise<void> {
    const now = Date.now()
    this.#background.run(this.#deadlines.due(now), now)
    this.#endTurn()
    await this.#schedule()
    await this.#deadlines.rearm()
  }

  /** What watchers are to hear of this turn leaves now; those that are behind replay the log. */
  #endTurn(): void {
    this.#turn.end()
    void this.#background.armAutoCompaction()
    this.#replication?.noticed()
    if (!this.#replaying && this.#keyspace.hub.pending()) {
      void this.#replay()
    }
  }

  /** Commits of a busy shard are sampled, as measuring one costs as much as a read. */
  async #measureCommit(): Promise<void> {
    const start = performance.now()
    if (start < this.#nextMeasure) {
      return
    }
    this.#nextMeasure = start + COMMIT_SAMPLE_MS
    await this.#ctx.storage.sync()
    this.#metrics.committed(performance.now() - start)
  }

  async #replay(): Promise<void> {
    this.#replaying = true
    try {
      while (this.#keyspace.hub.pending()) {
        await nextTurn()
        this.#metrics.watch.measure(() => this.#keyspace.hub.catchUp())
        this.#turn.end()
      }
    } finally {
      this.#replaying = false
    }
  }
}
