import { numberOf, type Sql } from '../mvcc/sql.ts'
import type { PutRequest, TxnRequest } from '../mvcc/types.ts'
import { type AlarmStore, AlarmType } from './alarm.ts'

/** etcd's default of --quota-backend-bytes. */
const QUOTA_BYTES_DEFAULT = 2 * 1024 ** 3
/** What a Durable Object's storage holds; beyond it every write fails, deletes too. */
const DATABASE_BYTES_MAX = 10 * 1000 ** 3
/**
 * Kept free below that ceiling, because what frees space first takes some: a delete writes a
 * tombstone, and so do leases that expire, before compaction gives any page back.
 */
const RESERVE_BYTES = 500 * 1000 ** 2

/** etcd's estimates of what a key's metadata and a lease take (server/storage/quota.go). */
const KEY_OVERHEAD_BYTES = 256
export const LEASE_GRANT_COST = 64

/** SQLite's default, which Durable Objects have. */
const PAGE_BYTES = 4096

const COUNT_TREES = 'SELECT count(*) FROM sqlite_schema WHERE rootpage > 0'

/**
 * What a database takes before anybody has stored anything, in bytes: a page for each table and index.
 * It is nobody's data, and alone would be more than a small quota.
 */
export function emptyTreesBytes(sql: Sql): number {
  return numberOf(sql.first(COUNT_TREES)?.[0]) * PAGE_BYTES
}

/**
 * How large the database may grow by requests that take space. Such a request is turned away when
 * size and cost reach the quota, before anything else is looked at, and the NOSPACE alarm is
 * raised; from then on `capped` turns them away, until a client disarms the alarm.
 */
export class Quota {
  /** What Status and the metric report: the flag's value, a negative one is off. */
  readonly reported: number
  /** What is enforced: off or not, a Durable Object's storage has an end. */
  readonly bytes: number

  /** `configured` is --quota-backend-bytes: 0 is the default, negative is off. */
  constructor(configured: number) {
    const bytesMax = DATABASE_BYTES_MAX - RESERVE_BYTES
    this.reported = configured === 0 ? QUOTA_BYTES_DEFAULT : configured
    this.bytes = this.reported < 0 ? bytesMax : Math.min(this.reported, bytesMax)
  }

  /** Whether a request of that cost fits a database of that size, both in bytes. */
  available(size: number, cost: number): boolean {
    return cost === 0 || size + cost < this.bytes
  }
}

/**
 * Whether the NOSPACE alarm forbids a request of that cost: Put, LeaseGrant and a Txn with a Put in
 * either branch, however deep, cost something. Reads, deletes, revocations, compaction and
 * defragmentation cost nothing and stay allowed, for they are how space is won back. etcd asks this
 * when it applies a request, hence after the request itself has been checked.
 */
export function capped(alarms: AlarmStore, cost: number): boolean {
  return cost > 0 && alarms.raised(AlarmType.NOSPACE)
}

export function putCost(request: Pick<PutRequest, 'key' | 'value'>): number {
  return KEY_OVERHEAD_BYTES + request.key.length + request.value.length
}

/** That of the dearer branch, as nobody knows yet which one will be taken. */
export function txnCost(request: TxnRequest): number {
  return Math.max(branchCost(request.success), branchCost(request.failure))
}

function branchCost(branch: TxnRequest['success']): number {
  return branch.reduce((sum, { requestPut, requestTxn }) => {
    const put = requestPut === undefined ? 0 : putCost(requestPut)
    return sum + put + (requestTxn === undefined ? 0 : txnCost(requestTxn))
  }, 0)
}
