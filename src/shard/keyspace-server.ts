import { Waiters } from '../concurrency/waiters.ts'
import type { ClusterNode } from '../config/cluster.ts'
import type { Settings } from '../config/settings.ts'
import { Door } from '../door/door.ts'
import type { FrameMessage } from '../protocol/frame-socket.ts'
import { linksOf, runOfIsolate } from '../protocol/node-run.ts'
import type {
  AnsweredBy,
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
import { AwaitedRevisions } from './awaited-revisions.ts'
import { type BackgroundPartners, BackgroundWork } from './background.ts'
import { type CallsIn, Calls } from './calls.ts'
import { CommitQueue, nextTurn } from './commit.ts'
import { Deadlines } from './deadlines.ts'
import { Keyspace } from './keyspace.ts'
import { defragment, type Machine } from './machine.ts'
import { PasswordQueue } from './methods/password-queue.ts'
import { metricValues } from './metric-values.ts'
import { Metrics } from './metrics.ts'
import { NodeMoves } from './node-moves.ts'
import { refusal } from './reply.ts'
import type { Parts } from './run.ts'
import type { OpenedSocket } from './session/session-socket.ts'
import type { SessionParts } from './session/session.ts'
import { Sessions } from './session/sessions.ts'
import { Turn } from './session/turn.ts'
import { durableSql } from './storage.ts'
import { Turns } from './turns.ts'
import { V2Calls } from './v2/v2-calls.ts'

/** How often a commit is measured at most. */
const COMMIT_SAMPLE_MS = 10

/** What a leader and a replica do each in their own way. */
export interface ServerRole {
  readonly background: Omit<BackgroundPartners, 'accessExpired'>
  /** The way of calls, where it is not straight to the keyspace. */
  readonly calls?: (own: Calls) => CallsIn
  /** The way of calls of etcd's v2 API that come over a session, where it is another one. */
  readonly v2Keys?: SessionParts['v2Keys']
  readonly ready?: SessionParts['ready']
  /** What is open by an access token is looked at again. */
  readonly endDead: () => void
  /** As `Parts` have it, where there are replicas to be told. */
  readonly told?: () => Promise<void> | undefined
  /** At the end of each turn, behind what watchers are told. */
  readonly turnEnded: () => void
}

/**
 * The engine of a keyspace and who asks it: calls, sessions, streams, and the turns that they share. It is the same at
 * the leader and at a replica, which says in its `ServerRole` what it does otherwise.
 */
export class KeyspaceServer {
  readonly #ctx: DurableObjectState
  readonly #role: ServerRole
  readonly door: Door
  readonly keyspace: Keyspace
  readonly deadlines: Deadlines
  readonly background: BackgroundWork
  readonly commits: CommitQueue
  readonly parts: Parts
  readonly metrics: Metrics
  readonly v2Calls: V2Calls
  readonly #calls: CallsIn
  readonly #sessions: Sessions
  readonly #turn = new Turn()
  readonly #turns: Turns
  readonly #revisions = new AwaitedRevisions()
  #replaying = false
  #nextMeasure = 0
  readonly #moves: NodeMoves
  #machine: Machine | undefined

  constructor(
    ctx: DurableObjectState,
    settings: Settings,
    roleOf: (server: KeyspaceServer) => ServerRole,
  ) {
    this.#ctx = ctx
    this.metrics = new Metrics(Date.now(), settings.metrics)
    const sql = durableSql(ctx.storage)
    this.keyspace = new Keyspace(sql, settings, this.metrics)
    this.deadlines = new Deadlines(ctx.storage)
    this.door = new Door(this.keyspace.accessTokens, () => Date.now())
    const role = roleOf(this)
    this.#role = role
    this.background = new BackgroundWork(this.keyspace, this.deadlines, this.metrics, {
      ...role.background,
      accessExpired: () => this.endDead(),
    })
    const work = (): number => this.keyspace.store.work
    this.#turns = new Turns(work)
    this.commits = new CommitQueue(work, () => {
      this.endTurn()
      void this.#measureCommit()
    })
    this.parts = this.#newParts(settings)
    this.v2Calls = new V2Calls(this.parts)
    const own = new Calls(this.parts, this.metrics)
    this.#calls = role.calls?.(own) ?? own
    this.#sessions = new Sessions({
      keyspace: this.keyspace,
      metrics: this.metrics,
      calls: this.#calls,
      v2Keys: role.v2Keys ?? this.v2Calls.keys.bind(this.v2Calls),
      door: this.door,
      turn: this.#turn,
      ready: role.ready ?? (() => undefined),
      nodeStops: (session) => this.#moves.nodeStops(session),
      linksChanged: (count) => linksOf(ctx.id.toString(), count),
    })
    this.#moves = new NodeMoves(this.keyspace, this.#sessions, () => this.#machine)
  }

  #newParts(settings: Settings): Parts {
    const { keyspace, door, commits, background } = this
    const submitAndSchedule = async <T>(write: (now: number) => T): Promise<T> => {
      keyspace.requireCommits()
      const result = await commits.submit(write)
      await background.schedule()
      return result
    }
    return {
      keyspace,
      door,
      commits,
      background,
      waiters: new Waiters(keyspace.hub, submitAndSchedule),
      defragment: () => defragment(this.#machine, this.#ctx.id.toString()),
      moveTo: (member) => this.#moves.moveTo(member),
      passwords: new PasswordQueue(settings.bcryptCost),
      turns: this.#turns,
      revisions: this.#revisions,
      told: () => this.#role.told?.(),
      submitAndSchedule,
    }
  }

  /** Takes up what the object's memory has forgotten. To be awaited before anything else. */
  async open(machine: Machine | undefined, sockets: readonly WebSocket[]): Promise<void> {
    this.#machine = machine
    this.keyspace.lead(runOfIsolate(), Date.now())
    await this.deadlines.load()
    await this.keyspace.disk.open(machine)
    await this.keyspace.tokens.open()
    this.#sessions.restore(sockets)
    this.endDead()
    await this.schedule()
    this.endTurn()
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

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    const read = (): Outcome =>
      this.refusalOf(context) ?? this.#calls.next('/etcdserverpb.KV/Range', request, next)
    return new Promise((resolve) => {
      this.#calls.later(() => resolve(read()))
    })
  }

  /** `replica` is what it tells of itself, where it is one. */
  metricsOf(
    context: CallContext,
    replication: ReplicationStatus,
    replica?: AnsweredBy,
  ): MetricsOutcome {
    const refused = this.refusalOf(context)
    if (refused !== undefined) {
      return refused
    }
    const { metrics, keyspace, commits, background } = this
    const values = metricValues({ metrics, keyspace, commits, background, replication, replica })
    metrics.scrapes++
    return { values }
  }

  checked(checks: readonly HealthCheck[], context: CallContext): void {
    if (this.refusalOf(context) === undefined) {
      checks.forEach((check) => this.metrics.checks.saw(check))
    }
  }

  refusalOf(context: CallContext): Refused | undefined {
    try {
      this.door.authorityOf(context)
      return undefined
    } catch (error) {
      return refusal(error)
    }
  }

  /** Ends what is open by access tokens that are no more. */
  endDead(): void {
    this.#sessions.endDead()
    this.#role.endDead()
  }

  /** A socket is about to come, of a node where there is a cluster. Throws an RpcStatus where it may not. */
  admit(node: ClusterNode | undefined): void {
    this.#moves.requireStaying()
    if (node !== undefined) {
      this.keyspace.nodes?.join(node)
    }
  }

  async accept(opened: OpenedSocket): Promise<void> {
    this.#sessions.accept(opened)
    if (opened.node !== undefined) {
      await this.#moves.moveOn(opened.node)
    }
    await this.schedule()
  }

  /** The node of that run is about to stop: resolves when links that are not its own have left. */
  leaveNode(run: string): Promise<void> {
    return run === runOfIsolate() ? this.#moves.leaveNode() : Promise.resolve()
  }

  /** Resolves when all of the message is under way; undefined where it is already. */
  receive(socket: WebSocket, message: FrameMessage): Promise<void> | undefined {
    let waiting: Promise<unknown> | undefined
    this.commits.hold()
    this.#turns.begin()
    try {
      waiting = this.#sessions.receive(socket, message)
    } finally {
      this.#endMessage()
    }
    return waiting === undefined ? this.schedule() : this.#receiveLater(waiting)
  }

  async #receiveLater(waiting: Promise<unknown>): Promise<void> {
    await waiting
    this.#endMessage()
    await this.schedule()
  }

  /** Undefined where nothing is to be set. */
  schedule(): Promise<void> | undefined {
    const background = this.background.schedule()
    return background === undefined && this.door.nextExpiry === Infinity
      ? undefined
      : this.#schedule(background)
  }

  async #schedule(background: Promise<void> | undefined): Promise<void> {
    await background
    if (this.door.nextExpiry !== Infinity) {
      await this.deadlines.set('access', this.door.nextExpiry)
    }
  }

  /** A message is a batch already: its writes need not wait for others. */
  #endMessage(): void {
    if (!this.commits.run()) {
      this.endTurn()
    }
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    this.#sessions.close(socket)
  }

  /** How many sockets of gateways and bridges are open. */
  get sessions(): number {
    return this.#sessions.count
  }

  /** Nothing is written here any more. */
  fence(): void {
    this.commits.close()
  }

  /** The keyspace is no more: nobody waits for it any longer. */
  end(): void {
    this.fence()
    this.#sessions.end(statusOf('keyspace-not-found'))
  }

  async alarm(): Promise<void> {
    const now = Date.now()
    this.background.run(this.deadlines.due(now), now)
    this.endTurn()
    await this.schedule()
    await this.deadlines.rearm()
  }

  /** What watchers are to hear of this turn leaves now; those that are behind replay the log. */
  endTurn(): void {
    this.#turn.end()
    this.#revisions.reached(this.keyspace.store.revision)
    void this.background.armAutoCompaction()
    this.#role.turnEnded()
    if (!this.#replaying && this.keyspace.hub.pending()) {
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
    this.metrics.committed(performance.now() - start)
  }

  async #replay(): Promise<void> {
    this.#replaying = true
    try {
      while (this.keyspace.hub.pending()) {
        await nextTurn()
        this.metrics.watch.measure(() => this.keyspace.hub.catchUp())
        this.#turn.end()
      }
    } finally {
      this.#replaying = false
    }
  }
}
