import type { Settings } from '../config/settings.ts'
import type { Authority, Door } from '../door/door.ts'
import type { Standing } from '../follow/follower-events.ts'
import { Follower } from '../follow/follower.ts'
import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import type { Pushed, ReplicaCharge, ReplicaReport } from '../protocol/replica-rpc.ts'
import type {
  AnsweredBy,
  Call,
  CallContext,
  HealthCheck,
  MetricsOutcome,
  Outcome,
  PageCursor,
} from '../protocol/shard-rpc.ts'
import { KeyspaceServer } from '../shard/keyspace-server.ts'
import type { Keyspace } from '../shard/keyspace.ts'
import type { Machine } from '../shard/machine.ts'
import { NOT_REPLICATED } from '../shard/replication/archived.ts'
import { durableSql } from '../shard/storage.ts'
import { lastIndex } from '../v2/event-history.ts'
import { archivedLog } from './archived-log.ts'
import { followRows, followState, saysSomething } from './followed-state.ts'
import { type Application, Following } from './following.ts'
import type { LeaderClient } from './leader-client.ts'
import { passedContext, PassedCalls, passV2Keys } from './passed-calls.ts'
import { recordStanding, standingIn } from './replica-row.ts'
import { isGuardedBy, RoutedCalls } from './routed-calls.ts'

export interface ReplicaParts {
  readonly ctx: DurableObjectState
  /** Those of the keyspace. */
  readonly settings: Settings
  readonly charge: ReplicaCharge
  readonly leader: LeaderClient
  /** Where the deployment's archives are. */
  readonly objects: ObjectStore | undefined
  /** What is here is of no use any more. */
  readonly copyAnew: () => void
}

/**
 * A replica that has all of a keyspace, in memory: it writes what the leader has written and nothing else, answers what
 * it may, and passes on the rest. Leases do not end here, nor is anything compacted, before the leader says so.
 */
export class ReplicaServer {
  readonly #parts: ReplicaParts
  readonly #server: KeyspaceServer
  readonly #keyspace: Keyspace
  readonly #following: Following
  /** As the row has it. */
  #stored: Pick<Standing, 'epoch' | 'state'> | undefined
  /** The last one that the leader was heard to have. */
  #leaderRevision: Revision
  /** What the directory has told last. */
  #toldEpoch: number
  /** How old the leader's last frame was, by its own clock, when all of it was here; in ms. */
  #lagMs = 0
  /** How far the v2 store's rows have come, and by whose word; in no epoch where that is not known. */
  #rows: { readonly index: number; readonly epoch: number | undefined }

  constructor(parts: ReplicaParts) {
    const { ctx, settings, charge, leader } = parts
    this.#parts = parts
    const passed = new PassedCalls(leader)
    this.#server = new KeyspaceServer(
      ctx,
      { ...settings, autoCompaction: undefined },
      ({ keyspace }) => ({
        background: {
          endsLeases: false,
          replicate: () => undefined,
          unsent: () => undefined,
        },
        calls: (own) =>
          new RoutedCalls(own, {
            keyspace,
            following: () => this.#following,
            leader,
            passed,
            answeredBy: () => this.answeredBy(),
          }),
        v2Keys: (call, { context, session, answered }) =>
          void passV2Keys(leader, call, passedContext(context, session)).then(answered),
        ready: (level, { minRevision }) =>
          this.#following.read({ level, minRevision, isGuarded: isGuardedBy(keyspace) }),
        endDead: () => undefined,
        turnEnded: () => undefined,
      }),
    )
    this.#keyspace = this.#server.keyspace
    this.#keyspace.leaderId = BigInt(charge.leaderId)
    const { revision } = this.#keyspace.store
    this.#leaderRevision = revision
    this.#toldEpoch = charge.epoch
    const stored = standingIn(durableSql(ctx.storage))
    this.#stored = stored
    this.#rows = {
      index: lastIndex(this.#keyspace.sql),
      epoch: stored?.state === undefined ? undefined : stored.epoch,
    }
    this.#following = new Following({
      follower: new Follower(stored && { ...stored, revision }),
      leader,
      region: charge.region,
      v2Index: () => this.v2Index,
      apply: (application) => this.#apply(application),
      archived: (gap) => archivedLog(leader, parts.objects, gap),
      copy: () => parts.copyAnew(),
      removed: () => undefined,
    })
  }

  get standing(): Standing {
    return this.#following.standing
  }

  /** Of the v2 store, as the leader of the present epoch has told it; undefined where it has not. */
  get v2Index(): number | undefined {
    const { index, epoch } = this.#rows
    return epoch === this.standing.epoch ? index : undefined
  }

  get door(): Door {
    return this.#server.door
  }

  /** Takes up what the object's memory has forgotten. To be awaited before anything else. */
  async open(machine: Machine | undefined, sockets: readonly WebSocket[]): Promise<void> {
    await this.#server.open(machine, sockets)
    this.#following.open(this.#server.sessions)
  }

  #apply({ frame, after, state, compaction, standing }: Application): void {
    const { store, sql } = this.#keyspace
    const told = state ? frame.state : undefined
    const isTold = told !== undefined && saysSomething(told)
    const stored = this.#stored
    let { index } = this.#rows
    sql.transaction(() => {
      // The row is as old as the last state that was told: what came since has changed nothing of it.
      if (isTold || stored?.epoch !== standing.epoch || !standing.state !== !stored.state) {
        recordStanding(sql, standing.epoch, standing.state)
        this.#stored = standing
      }
      if (isTold) {
        followState(this.#keyspace, told, Date.now())
      }
      index = told?.content.v2 ? followRows(sql, told.content.v2, index) : index
      // Last, because from here on memory knows of it: nothing may fail after it.
      store.follow(behind(frame.changes, after))
    })
    this.#rows = { index, epoch: told === undefined ? this.#rows.epoch : standing.epoch }
    if (told?.content.tokens !== undefined) {
      this.#server.endDead()
    }
    this.#leaderRevision = Math.max(this.#leaderRevision, frame.to)
    this.#lagMs = Date.now() - frame.time
    if (compaction && frame.compaction.revision > store.compactRevision) {
      store.compact(frame.compaction.revision)
      void this.#server.background.compact()
    }
    this.#server.endTurn()
  }

  /** Another one may lead, or in another epoch. */
  led({ leaderId, epoch }: ReplicaCharge): void {
    this.#toldEpoch = epoch
    this.#keyspace.leaderId = BigInt(leaderId)
    this.#following.led(epoch)
  }

  /** A leader of an epoch that is over hears so by the answer. */
  pushed(frame: Uint8Array): Pushed {
    const pushed = this.#following.pushed(frame)
    return { ...pushed, epoch: Math.max(pushed.epoch, this.#toldEpoch) }
  }

  /** Resolves when what is here is new enough to say who may come in. Rejects with an RpcStatus. */
  async ready(): Promise<void> {
    await this.#following.read({ level: 'serializable', isGuarded: isGuardedBy(this.#keyspace) })
  }

  /** Resolves when all is here that the leader has now, and what comes is pushed. Rejects with an RpcStatus. */
  async wake(): Promise<void> {
    await this.#following.read({ level: 'linearizable', isGuarded: false })
  }

  /** The leader hears that there is one more, to which some of its clients may be nearer. */
  async greet(): Promise<void> {
    const { leader, charge } = this.#parts
    const { epoch, revision, state } = this.standing
    await leader.stub.readIndex({ region: charge.region, epoch, revision, state })
  }

  /** While the leader is not to be reached, nobody knows how much is missing, but since when. */
  answeredBy(): AnsweredBy {
    const { region } = this.#parts.charge
    const { isCutOff, contact } = this.#following
    return {
      region,
      lagRevisions: Math.max(0, this.#leaderRevision - this.#keyspace.store.revision),
      lagMs: isCutOff && contact !== -Infinity ? Date.now() - contact : this.#lagMs,
    }
  }

  report(): ReplicaReport {
    const { epoch, revision } = this.#following.standing
    const { contact } = this.#following
    return {
      region: this.#parts.charge.region,
      memberId: this.#parts.charge.memberId,
      role: 'follower',
      epoch,
      revision,
      leaderRevision: this.#leaderRevision,
      contact: contact === -Infinity ? undefined : contact,
      isWhole: true,
      lagMs: this.#lagMs,
    }
  }

  callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return this.#server.callMany(calls)
  }

  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome> {
    return this.#server.rangeNext(request, next, context)
  }

  metrics(context: CallContext): MetricsOutcome {
    return this.#server.metricsOf(context, NOT_REPLICATED, this.answeredBy())
  }

  checked(checks: readonly HealthCheck[], context: CallContext): void {
    this.#server.checked(checks, context)
  }

  revokeAdministrator(id: string): void {
    this.door.revokeAdministrator(id)
    this.#server.endDead()
  }

  async accept(socket: WebSocket, authority: Authority): Promise<void> {
    await this.#server.accept({ socket, authority })
    this.#following.open(this.#server.sessions)
  }

  receive(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    return this.#server.receive(socket, message)
  }

  /** The socket is gone. */
  close(socket: WebSocket): void {
    this.#server.close(socket)
    this.#following.open(this.#server.sessions)
  }

  /** It follows nobody any more. */
  end(): void {
    this.#following.end()
    this.#server.end()
  }

  alarm(): Promise<void> {
    return this.#server.alarm()
  }
}

/** Those that are not here yet. */
function* behind(
  changes: Iterable<Change<Uint8Array>>,
  after: Revision,
): Iterable<Change<Uint8Array>> {
  for (const change of changes) {
    if (change.main > after) {
      yield change
    }
  }
}
