import type { Standing } from '../follow/follower-events.ts'
import { migrate } from '../mvcc/migrations.ts'
import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import type { ReplicaCharge, StatePosition } from '../protocol/replica-rpc.ts'
import { migrations } from '../shard/migrations.ts'

const SELECT_TABLE = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'replica_of'`
const SELECT_CHARGE = 'SELECT charge FROM replica_of'
const SELECT_STANDING = 'SELECT epoch, incarnation, seq FROM replica_of'
const UPSERT_CHARGE = `
INSERT INTO replica_of (one, charge) VALUES (1, ?)
ON CONFLICT (one) DO UPDATE SET charge = excluded.charge`
const SELECT_ARCHIVE_FAILED = 'SELECT archive_failed FROM replica_of'
const UPDATE_ARCHIVE_FAILED = 'UPDATE replica_of SET archive_failed = 1'
const UPDATE_STANDING = 'UPDATE replica_of SET epoch = ?, incarnation = ?, seq = ?'
const UPSERT_IDENTITY = `
INSERT INTO identity (one, cluster_id, member_id) VALUES (1, ?, ?)
ON CONFLICT (one) DO UPDATE SET cluster_id = excluded.cluster_id, member_id = excluded.member_id`

/** What the object was told to be; undefined where it is no replica. Writes nothing. */
export function chargeIn(sql: Sql): ReplicaCharge | undefined {
  const row = sql.first(SELECT_TABLE) && sql.first(SELECT_CHARGE)
  return row && (JSON.parse(textOf(row[0])) as ReplicaCharge)
}

/** Makes the tables of a keyspace, where there are none, and says whose they are. */
export function recordCharge(sql: Sql, charge: ReplicaCharge): void {
  sql.transaction(() => {
    migrate(sql, migrations)
    sql.run(UPSERT_CHARGE, JSON.stringify(charge))
    sql.run(UPSERT_IDENTITY, charge.clusterId, charge.memberId)
  })
}

/** Whether it could not be copied from the keyspace's archive. */
export function hasArchiveFailed(sql: Sql): boolean {
  return numberOf(sql.first(SELECT_ARCHIVE_FAILED)?.[0] ?? 0) === 1
}

export function recordArchiveFailed(sql: Sql): void {
  sql.run(UPDATE_ARCHIVE_FAILED)
}

/** What is here but for the revision, which the log says; undefined while it is being copied. */
export function standingIn(sql: Sql): Omit<Standing, 'revision'> | undefined {
  const [epoch = null, incarnation = null, seq = null] = sql.first(SELECT_STANDING) ?? []
  if (epoch === null) {
    return undefined
  }
  const state =
    incarnation === null ? undefined : { incarnation: textOf(incarnation), seq: numberOf(seq) }
  return { epoch: numberOf(epoch), state }
}

export function recordStanding(sql: Sql, epoch: number, state: StatePosition | undefined): void {
  sql.run(UPDATE_STANDING, epoch, state?.incarnation ?? null, state?.seq ?? null)
}
