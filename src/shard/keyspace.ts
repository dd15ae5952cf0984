import { AuthStore } from '../auth/auth-store.ts'
import type { LeasedKeys } from '../auth/check-permission.ts'
import { Tokens } from '../auth/tokens.ts'
import { ClusterMembers } from '../cluster/cluster-members.ts'
import type { Learner } from '../cluster/cluster-service.ts'
import { takeTerm } from '../cluster/cluster-term.ts'
import { type MemberList, Members } from '../cluster/members.ts'
import { ownNode } from '../config/cluster.ts'
import type { Settings } from '../config/settings.ts'
import { AccessTokens } from '../door/access-tokens.ts'
import { type LeaseEvents, Lessor } from '../lease/lessor.ts'
import { AlarmStore, AlarmType, type AlarmMember } from '../maintenance/alarm.ts'
import { Downgrade } from '../maintenance/downgrade.ts'
import { emptyTreesBytes, Quota } from '../maintenance/quota.ts'
import { EngineError } from '../mvcc/errors.ts'
import { migrate } from '../mvcc/migrations.ts'
import type { Sql } from '../mvcc/sql.ts'
import { type Changed, Store } from '../mvcc/store.ts'
import type { LeaseId } from '../mvcc/types.ts'
import { WatchHub } from '../mvcc/watch.ts'
import type { ResponseHeader } from '../protocol/generated/messages.ts'
import { GRPC_OVERHEAD_BYTES } from '../protocol/request-size.ts'
import { CLUSTER_VERSION } from '../protocol/version.ts'
import { V2AuthStore } from '../v2/auth-store.ts'
import { V2Store } from '../v2/store.ts'
import { DiskRoom } from './disk-room.ts'
import { type Identity, identityOf, randomId } from './identity.ts'
import { migrations } from './migrations.ts'
import { V2Setting } from './v2/v2-setting.ts'
import type { WatchMetrics } from './watch-metrics.ts'

/** That of etcd's first leader. One node alone has no election, so it stays; in a cluster it counts up. */
const RAFT_TERM = 2

/** Deletes and the like grow the database unasked, so it is looked at again after so many requests. */
const SIZE_USES_MAX = 4096

export interface KeyspaceMetrics extends LeaseEvents {
  readonly watch: Pick<WatchMetrics, 'measure'>
}

/** The engine of one keyspace, put together over its storage. */
export class Keyspace implements LeasedKeys {
  readonly sql: Sql
  readonly settings: Settings
  readonly identity: Identity
  readonly store: Store
  readonly hub: WatchHub
  readonly lessor: Lessor
  readonly alarms: AlarmStore
  readonly quota: Quota
  /** Where there is none, the NOSPACE alarm stands, and goes by itself. */
  readonly disk: DiskRoom
  readonly members: MemberList
  /** Undefined where one node is all. */
  readonly nodes: ClusterMembers | undefined
  /** Hears of a member that was removed, whose node has to end. */
  memberRemoved: ((id: bigint) => void) | undefined
  /** Replicas, which are no members that anybody has added. */
  learners: readonly Learner[] = []
  readonly downgrade: Downgrade
  readonly auth: AuthStore
  readonly tokens: Tokens
  readonly accessTokens: AccessTokens
  readonly v2Setting: V2Setting
  /** They hear of changes before watchers do. */
  readonly changed: Changed[] = []
  /** They hear of what becomes of leases, beside the metrics. */
  readonly leaseEvents: Pick<LeaseEvents, 'granted' | 'revoked'>[] = []
  /** Of a replica: the member that leads. */
  leaderId: bigint | undefined
  readonly #emptyBytes: number
  #v2: V2Store | undefined
  #v2Auth: V2AuthStore | undefined
  /** What the database has likely not outgrown since the last look. */
  #size = 0
  #raftTerm = RAFT_TERM
  /** For so many requests it will do. */
  #sizeUses = 0

  /** `metrics` are told of what becomes of leases, and measure what watchers are sent. */
  constructor(sql: Sql, settings: Settings, metrics: KeyspaceMetrics) {
    migrate(sql, migrations)
    this.sql = sql
    this.#emptyBytes = emptyTreesBytes(sql)
    this.settings = settings
    const { cluster, advertiseClientUrls } = settings
    this.nodes =
      cluster &&
      new ClusterMembers(sql, {
        cluster,
        random: randomId,
        maxLearners: settings.maxLearners,
        removed: (id) => this.memberRemoved?.(id),
      })
    const node = cluster && ownNode(cluster, advertiseClientUrls)
    const own = node && (this.nodes?.idOf(node) ?? BigInt(node.id))
    this.identity = identityOf(sql, randomId, own)
    this.store = new Store(sql, {
      txnOpsMax: settings.maxTxnOps,
      hasLease: (lease) => this.lessor.has(lease),
      changed: (revision, events) => {
        this.changed.forEach((changed) => changed(revision, events))
        if (this.hub.watcherCount === 0) {
          this.hub.notify(revision, events)
        } else {
          metrics.watch.measure(() => this.hub.notify(revision, events))
        }
      },
    })
    this.hub = new WatchHub(this.store, {
      fragmentBytesMax: settings.maxRequestBytes + GRPC_OVERHEAD_BYTES,
    })
    this.lessor = new Lessor(sql, this.store, randomId, {
      granted: (id, ttl) => {
        metrics.granted(id, ttl)
        this.leaseEvents.forEach((hears) => hears.granted(id, ttl))
      },
      renewed: () => metrics.renewed(),
      revoked: (id, ttl) => {
        metrics.revoked(id, ttl)
        this.leaseEvents.forEach((hears) => hears.revoked(id, ttl))
      },
    })
    this.alarms = new AlarmStore(sql)
    this.quota = new Quota(settings.quotaBackendBytes)
    this.disk = new DiskRoom((isFull) => {
      this.alarms.passing = isFull ? this.#noSpace() : undefined
    })
    this.members = this.nodes ?? new Members(sql, this.identity.memberId, randomId, settings)
    this.downgrade = new Downgrade(sql, CLUSTER_VERSION)
    this.auth = new AuthStore(sql, {
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      tokenTtl: settings.authTokenTtlMs,
    })
    this.tokens = new Tokens(this.auth, settings.tokens)
    this.accessTokens = new AccessTokens(sql, 'keyspace')
    this.v2Setting = new V2Setting(sql, settings.v2)
  }

  /** The store of etcd's v2 API, which nothing is read of before somebody asks for it. */
  get v2(): V2Store {
    this.#v2 ??= new V2Store(this.sql)
    return this.#v2
  }

  /** When something of it may expire, in ms since 1970; undefined too where it is not served. */
  get v2Expiry(): number | undefined {
    return this.v2Setting.isOn || this.#v2 !== undefined ? this.v2.nextExpiry : undefined
  }

  /** Its users, which are others than those of v3. */
  get v2Auth(): V2AuthStore {
    this.#v2Auth ??= new V2AuthStore(this.v2)
    return this.#v2Auth
  }

  header(): ResponseHeader {
    return {
      clusterId: this.identity.clusterId,
      memberId: this.identity.memberId,
      revision: this.store.revision,
      raftTerm: this.#raftTerm,
    }
  }

  get raftTerm(): number {
    return this.#raftTerm
  }

  /** In a cluster, this run of a node's runtime has the keyspace from now on. */
  lead(run: string, now: number): void {
    if (this.nodes === undefined) {
      return
    }
    const { term, isTakenOver } = takeTerm(this.sql, run)
    this.#raftTerm = RAFT_TERM + term
    if (isTakenOver) {
      this.lessor.extendAll(now)
    }
  }

  leases(): readonly LeaseId[] {
    return this.lessor.leases()
  }

  leasedKeys(lease: LeaseId): readonly Uint8Array[] {
    return this.store.leasedKeys(lease)
  }

  /** Bytes of the database that count against the quota, and that clients are told of. */
  get size(): number {
    return this.sql.databaseSize - this.#emptyBytes
  }

  /** Throws where the commit of any write, deletions too, would cost the object its memory. */
  requireCommits(): void {
    if (this.disk.isExhausted) {
      throw new EngineError('no-space')
    }
  }

  /** The first request that does not fit raises the alarm which then turns away the others. */
  requireSpace(cost: number): void {
    if (!this.disk.take(cost)) {
      throw new EngineError('no-space')
    }
    if (!this.#fits(cost) && !this.quota.available(this.size, cost)) {
      this.alarms.activate(this.#noSpace())
      throw new EngineError('no-space')
    }
  }

  /** By an estimate of the size, as asking for it takes as long as the rest of a small put does. */
  #fits(cost: number): boolean {
    if (this.#sizeUses === 0) {
      this.#size = this.size
      this.#sizeUses = SIZE_USES_MAX
    }
    this.#sizeUses--
    const fits = this.quota.available(this.#size, cost)
    // A value may be stored twice, and rows leave some of their pages empty.
    this.#size += 4 * cost
    return fits
  }

  /** Nothing is proposed while the CORRUPT alarm stands (etcd's apply/corrupt.go). */
  requireUncorrupted(): void {
    if (this.alarms.raised(AlarmType.CORRUPT)) {
      throw new EngineError('corrupt')
    }
  }

  #noSpace(): AlarmMember {
    return { memberID: this.identity.memberId, alarm: AlarmType.NOSPACE }
  }
}
