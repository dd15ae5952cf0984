import type { Sql } from '../mvcc/sql.ts'
import type { LeaseId } from '../mvcc/types.ts'
import { DELETE_LEASE, INSERT_LEASE, TTL_SECONDS_MIN } from './lessor.ts'

const DELETE_LEASES = 'DELETE FROM lease'
const START_LEASES = 'UPDATE lease SET expiry = expiry + ?'

const RESTART_LEASES = 'UPDATE lease SET expiry = ? + ttl * 1000'

/** Of another keyspace; seconds. etcd knows what remains of a long lease, and else says 0. */
interface RestoredLease {
  readonly ID: LeaseId
  readonly TTL: number
  readonly RemainingTTL: number
}

/** The time of the lease stands still until `startLeases`. */
export function restoreLease(sql: Sql, { ID, TTL, RemainingTTL }: RestoredLease): void {
  const ttl = Math.max(TTL, TTL_SECONDS_MIN)
  sql.run(INSERT_LEASE, String(ID), ttl, (RemainingTTL > 0 ? RemainingTTL : ttl) * 1000)
}

/** Those that were restored come again. */
export function forgetLeases(sql: Sql): void {
  sql.run(DELETE_LEASES)
}

/**
 * From `now` on, in milliseconds since 1970, each restored lease lives for what remains of it, as in etcd
 * it does from when a leader has been found.
 */
export function startLeases(sql: Sql, now: number): void {
  sql.run(START_LEASES, now)
}

/** From `now` on, in milliseconds since 1970, each lease lives for its TTL: another leader knew its deadline. */
export function restartLeases(sql: Sql, now: number): void {
  sql.run(RESTART_LEASES, now)
}

/** One that was restored, and has ended since. */
export function endLease(sql: Sql, id: LeaseId): void {
  sql.run(DELETE_LEASE, String(id))
}
