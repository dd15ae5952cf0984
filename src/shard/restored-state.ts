import type { ArchivedState } from '../archive/state.ts'
import { UserRestore } from '../auth/restored-users.ts'
import { restoreAccessTokens } from '../door/restored-access-tokens.ts'
import type { BucketEntry } from '../etcd-file/etcd-file.ts'
import { recordOf } from '../etcd-file/record.ts'
import { endLease, forgetLeases, restoreLease } from '../lease/restored-leases.ts'
import { AlarmStore, AlarmType } from '../maintenance/alarm.ts'
import { Downgrade } from '../maintenance/downgrade.ts'
import type { Sql } from '../mvcc/sql.ts'
import { CLUSTER_VERSION } from '../protocol/version.ts'

/**
 * Writes what an archive has of a keyspace beside its log, object by object: what comes later replaces
 * what came before. Members are those of the keyspace that was archived, and are none here.
 */
export class StateRestore {
  readonly #sql: Sql
  readonly #users: UserRestore

  /** `random` has to be that of a cryptographer. */
  constructor(sql: Sql, random: (length: number) => Uint8Array) {
    this.#sql = sql
    this.#users = new UserRestore(sql, random)
  }

  /** To be told within a transaction. Throws FileProblem. */
  take({ leases, auth, maintenance, tokens }: ArchivedState): void {
    if (leases !== undefined) {
      this.#leases(leases)
    }
    if (auth !== undefined) {
      this.#auth(auth)
    }
    if (maintenance !== undefined) {
      this.#maintenance(maintenance)
    }
    if (tokens !== undefined) {
      restoreAccessTokens(this.#sql, tokens)
    }
  }

  #leases({ complete, journal }: NonNullable<ArchivedState['leases']>): void {
    if (complete) {
      forgetLeases(this.#sql)
    }
    for (const [, text, TTL] of journal) {
      const ID = BigInt(text)
      endLease(this.#sql, ID)
      if (TTL !== null) {
        restoreLease(this.#sql, { ID, TTL, RemainingTTL: 0 })
      }
    }
  }

  #auth(entries: readonly BucketEntry[]): void {
    this.#users.forget()
    for (const record of entries.map(recordOf)) {
      if (record.kind === 'user') {
        this.#users.user(record.name, record.user)
      } else if (record.kind === 'role') {
        this.#users.role(record.name, record.role)
      } else if (record.kind === 'auth-revision') {
        this.#users.revision(record.revision)
      } else if (record.kind === 'auth-enabled' && record.enabled) {
        this.#users.enable()
      }
    }
  }

  #maintenance(entries: readonly BucketEntry[]): void {
    const alarms = new AlarmStore(this.#sql)
    alarms.get(AlarmType.NONE).forEach((alarm) => alarms.deactivate(alarm))
    const downgrade = new Downgrade(this.#sql, CLUSTER_VERSION)
    downgrade.cancel()
    for (const record of entries.map(recordOf)) {
      if (record.kind === 'alarm') {
        alarms.activate(record.alarm)
      } else if (record.kind === 'downgrade' && downgrade.refusal(record.target) === undefined) {
        downgrade.enable(record.target)
      }
    }
  }
}
