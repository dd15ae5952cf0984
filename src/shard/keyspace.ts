import type { Settings } from '../config/settings.ts'
import { Lessor } from '../lease/lessor.ts'
import { AlarmStore, AlarmType, type AlarmMember } from '../maintenance/alarm.ts'
import { Quota } from '../maintenance/quota.ts'
import { EngineError } from '../mvcc/errors.ts'
import { migrate } from '../mvcc/migrations.ts'
import type { Sql } from '../mvcc/sql.ts'
import { type Changed, Store } from '../mvcc/store.ts'
import { WatchHub } from '../mvcc/watch.ts'
import type { ResponseHeader } from '../protocol/generated/messages.ts'
import { GRPC_OVERHEAD_BYTES } from '../protocol/request-size.ts'
import { type Identity, identityOf, randomId } from './identity.ts'
import { migrations } from './migrations.ts'

/** There is no election here, so the term that etcd would count up stays what it first is. */
export const RAFT_TERM = 2

/** The engine of one keyspace, put together over its storage. */
export class Keyspace {
  readonly sql: Sql
  readonly settings: Settings
  readonly identity: Identity
  readonly store: Store
  readonly hub: WatchHub
  readonly lessor: Lessor
  readonly alarms: AlarmStore
  readonly quota: Quota
  /** At most this large, as of the last look; undefined before the first of a turn. */
  #size: number | undefined

  /** `changed` hears of every revision, after the watchers. */
  constructor(sql: Sql, settings: Settings, changed: Changed) {
    migrate(sql, migrations)
    this.sql = sql
    this.settings = settings
    this.identity = identityOf(sql, randomId)
    this.store = new Store(sql, {
      txnOpsMax: settings.maxTxnOps,
      hasLease: (lease) => this.lessor.has(lease),
      changed: (revision, events) => {
        this.hub.notify(revision, events)
        changed(revision, events)
      },
    })
    this.hub = new WatchHub(this.store, {
      fragmentBytesMax: settings.maxRequestBytes + GRPC_OVERHEAD_BYTES,
    })
    this.lessor = new Lessor(sql, this.store, randomId)
    this.alarms = new AlarmStore(sql)
    this.quota = new Quota(settings.quotaBackendBytes)
  }

  header(): ResponseHeader {
    return {
      clusterId: this.identity.clusterId,
      memberId: this.identity.memberId,
      revision: this.store.revision,
      raftTerm: RAFT_TERM,
    }
  }

  /** The first request that does not fit raises the alarm which then turns away the others. */
  requireSpace(cost: number): void {
    if (!this.#fits(cost) && !this.quota.available(this.sql.databaseSize, cost)) {
      this.alarms.activate(this.#noSpace())
      throw new EngineError('no-space')
    }
  }

  /** By what is known of the size, as asking takes a tenth of a put's time. */
  #fits(cost: number): boolean {
    this.#size ??= this.sql.databaseSize
    const fits = this.quota.available(this.#size, cost)
    // A value may be stored twice, and rows leave some of their pages empty.
    this.#size += 4 * cost
    return fits
  }

  /** Between two turns anything may have been written and deleted. */
  endTurn(): void {
    this.#size = undefined
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
