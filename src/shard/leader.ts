import type { ClusterNode } from '../config/cluster.ts'
import type { Region } from '../config/region.ts'
import type { Settings } from '../config/settings.ts'
import type { AccessTokenList } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import type { Authority, Door } from '../door/door.ts'
import type { FrameMessage } from '../protocol/frame-socket.ts'
import type {
  Outcome,
  CallContext,
  HealthCheck,
  MetricsOutcome,
  PageCursor,
  Refused,
  ChangedOptions,
  Creation,
  ReplicationStatus,
  Call,
} from '../protocol/shard-rpc.ts'
import type { V2Answer, V2Call, V2WatchCall } from '../protocol/v2-call.ts'
import { CopyPace } from './copy-pace.ts'
import type { CopyDesk } from './copy-source.ts'
import { ReplicaSet } from './feed/replica-set.ts'
import { HandedPieces } from './handed-pieces.ts'
import { KeyspaceServer } from './keyspace-server.ts'
import type { Keyspace } from './keyspace.ts'
import type { Machine } from './machine.ts'
import { LEAVING, nearerTag } from './nearer-links.ts'
import { newAccessToken } from './new-access-token.ts'
import { type Archived, NOT_REPLICATED, workerClock } from './replication/archived.ts'
import { positionIn } from './replication/position.ts'
import { Replication } from './replication/replication.ts'
import { refusal } from './reply.ts'
import type { OpenedSocket } from './session/session-socket.ts'
import { V2Sockets } from './v2/v2-sockets.ts'

interface LeaderParts {
  readonly env: Pick<Env, 'REPLICA'>
  readonly settings: Settings
  /** Undefined of `default`, which nobody makes. */
  readonly creation: Creation | undefined
  /** Undefined where there is no object store. */
  readonly archived: Archived | undefined
  /** Somebody else leads, in a later epoch. */
  readonly deposed: (epoch: number) => void
}

/**
 * A keyspace in memory: the linearizable leader of one MVCC store. It is the only writer of its
 * storage, and every change of state happens here: in calls, in messages of sockets, and in alarms.
 */
export class Leader {
  readonly #ctx: DurableObjectState
  readonly #server: KeyspaceServer
  readonly #keyspace: Keyspace
  /** Undefined where there is no object store. */
  readonly #copyDesk: CopyDesk
  readonly #replication: Replication | undefined
  readonly #v2Sockets: V2Sockets
  readonly replicas: ReplicaSet

  constructor(
    ctx: DurableObjectState,
    { env, settings, creation, archived, deposed }: LeaderParts,
  ) {
    this.#ctx = ctx
    this.#server = new KeyspaceServer(ctx, settings, () => ({
      background: {
        endsLeases: true,
        feed: () => this.replicas.feed?.run(),
        replicate: () => this.#replication?.run(),
        unsent: (now) => this.#replication?.pinned(now),
      },
      endDead: () => this.#v2Sockets.endDead(),
      told: () => this.replicas.feed?.told(),
      turnEnded: () => this.#noticed(),
    }))
    const { background, deadlines } = this.#server
    this.#keyspace = this.#server.keyspace
    this.#copyDesk = {
      pace: new CopyPace(this.#keyspace.store, workerClock),
      handed: new HandedPieces(),
    }
    this.replicas = new ReplicaSet({
      keyspace: this.#keyspace,
      env,
      creation,
      keep: (work) => ctx.waitUntil(work),
      hold: () => background.hold(),
      wakeAt: (time) => void deadlines.set('feed', time),
      deposed,
      met: (region) => this.#leaveFor(region),
      fence: () => {
        this.#replication?.end()
        this.#server.fence()
      },
    })
    this.#v2Sockets = new V2Sockets(this.#keyspace, this.door)
    this.#replication = archived && this.#replicationTo(archived, settings)
  }

  get door(): Door {
    return this.#server.door
  }

  /** Takes up what the object's memory has forgotten. To be awaited before anything else. */
  async open(machine: Machine | undefined): Promise<void> {
    await this.#server.open(machine, this.#v2Sockets.restore(this.#ctx.getWebSockets()))
    this.#replication?.schedule()
    this.replicas.feed?.run()
  }

  /** Links whose clients the replica there is nearer to go on there. */
  #leaveFor(region: Region): void {
    for (const socket of this.#ctx.getWebSockets(nearerTag(region))) {
      if (socket.readyState === WebSocket.OPEN) {
        socket.send(LEAVING)
      }
    }
  }

  /** Sees what a turn of the event loop has changed. */
  #noticed(): void {
    this.#replication?.noticed()
    this.replicas.feed?.noticed()
  }

  #replicationTo(archived: Archived, settings: Settings): Replication | undefined {
    const ctx = this.#ctx
    const { deadlines, background } = this.#server
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
      wakeAt: (time) => void deadlines.set('replication', time),
      keep: (work) => ctx.waitUntil(work),
      sent: () => background.released(),
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      log: (line) => console.warn(line),
    })
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return this.#server.callMany(calls)
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    return this.#server.rangeNext(request, next, context)
  }

  metrics(context: CallContext): MetricsOutcome {
    return this.#server.metricsOf(context, this.#replicationStatus)
  }

  replication(context: CallContext): ReplicationStatus | Refused {
    return this.#server.refusalOf(context) ?? this.#replicationStatus
  }

  get #replicationStatus(): ReplicationStatus {
    return this.#replication?.status() ?? NOT_REPLICATED
  }

  checked(checks: readonly HealthCheck[], context: CallContext): void {
    this.#server.checked(checks, context)
  }

  /** Asks the keyspace for what a copy of it is made of. */
  async copy<T>(ask: (keyspace: Keyspace, desk: CopyDesk) => T | Promise<T>): Promise<T | Refused> {
    try {
      return await ask(this.#keyspace, this.#copyDesk)
    } catch (error) {
      return refusal(error)
    }
  }

  createAccessToken(wanted: NewAccessToken): CreatedAccessToken | Refused {
    const created = newAccessToken(this.#keyspace.accessTokens, wanted)
    this.#noticed()
    return created
  }

  accessTokens(): AccessTokenList {
    return { tokens: this.#keyspace.accessTokens.list() }
  }

  /** Answers when the replicas that are awake know of it. */
  async revokeAccessToken(id: string): Promise<{ readonly known: boolean }> {
    const known = this.#keyspace.accessTokens.revoke(id)
    this.#noticed()
    this.#server.endDead()
    await this.replicas.feed?.told()
    return { known }
  }

  revokeAdministrator(id: string): void {
    this.door.revokeAdministrator(id)
    this.#server.endDead()
  }

  configure({ enableV2 }: ChangedOptions): Promise<void> | undefined {
    this.#keyspace.v2Setting.set(enableV2)
    if (!this.#keyspace.v2Setting.isOn) {
      this.#v2Sockets.endAll()
    }
    this.#noticed()
    // What has expired meanwhile is to end.
    return this.#server.schedule()
  }

  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return this.#server.v2Calls.answer(call, context)
  }

  /** Opens a socket for a call that waits, by `accept`, or answers it in JSON. */
  async openV2Watch(
    call: V2WatchCall,
    authority: Authority,
    accept: (socket: WebSocket) => void,
  ): Promise<Response> {
    try {
      await this.#server.v2Calls.admitWatch(call)
    } catch (error) {
      return this.#v2Sockets.refused(error)
    }
    const response = this.#v2Sockets.open(call, authority, accept)
    await this.#server.schedule()
    return response
  }

  /** Throws an RpcStatus where nobody may wait for a change of the v2 API. */
  requireV2(): void {
    this.#server.v2Calls.requireOn()
  }

  /** Throws an RpcStatus where a socket may not be opened. */
  admit(node: ClusterNode | undefined): void {
    this.#server.admit(node)
  }

  accept(opened: OpenedSocket): Promise<void> {
    return this.#server.accept(opened)
  }

  leaveNode(run: string): Promise<void> {
    return this.#server.leaveNode(run)
  }

  /** Undefined where nothing of it is still under way. */
  receive(socket: WebSocket, message: FrameMessage): Promise<void> | undefined {
    if (this.#v2Sockets.has(socket)) {
      this.#v2Sockets.receive(socket, message)
      return undefined
    }
    return this.#server.receive(socket, message)
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    this.#server.close(socket)
    this.#v2Sockets.close(socket)
  }

  /** The keyspace is no more: nobody waits for it any longer. */
  end(): void {
    this.#replication?.end()
    this.replicas.feed?.end()
    this.#server.end()
  }

  alarm(): Promise<void> {
    return this.#server.alarm()
  }
}
