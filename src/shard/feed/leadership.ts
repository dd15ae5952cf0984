import { type Jurisdiction, jurisdictions } from '../../config/keyspace-options.ts'
import { type Region, regions } from '../../config/region.ts'
import type { Leadership } from '../../follow/leadership.ts'
import { numberOf, type Sql, type SqlCell, textOf } from '../../mvcc/sql.ts'
import type { ReplicaMember, Succession } from '../../protocol/replica-rpc.ts'

const SELECT_TABLE = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'leadership'`
const SELECT_LEADERSHIP = `
SELECT keyspace, jurisdiction, region, epoch, began, former, successor, handed_over FROM leadership
WHERE one = 1`
const REPLACE_LEADERSHIP = `
REPLACE INTO leadership
  (one, keyspace, jurisdiction, region, epoch, began, former, successor, handed_over)
VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)`
const SELECT_REPLICAS = 'SELECT region, member_id, added, awake FROM replica ORDER BY region'
const INSERT_REPLICA = `
INSERT INTO replica (region, member_id, added, awake) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`
const UPDATE_AWAKE = 'UPDATE replica SET awake = ? WHERE region = ?'
const DELETE_REPLICA = 'DELETE FROM replica WHERE region = ?'
const DELETE_LEADERSHIP = 'DELETE FROM leadership'
const DELETE_REPLICAS = 'DELETE FROM replica'

/** How an object leads its keyspace, or whom it has given that to. */
export interface OwnLeadership extends Leadership {
  readonly keyspace: string
  readonly jurisdiction: Jurisdiction | undefined
  /** That of a replica that was promoted; undefined for the keyspace's own object. */
  readonly region: Region | undefined
  readonly successor: Pick<Succession, 'region' | 'epoch'> | undefined
}

/** Undefined of an object that leads in epoch 1 and never had a replica, or of none. Writes nothing. */
export function leadershipIn(sql: Sql): OwnLeadership | undefined {
  const row = sql.first(SELECT_TABLE) && sql.first(SELECT_LEADERSHIP)
  if (row === undefined) {
    return undefined
  }
  const [keyspace, jurisdiction, region, epoch, began, former, successor, handedOver] = row
  const next = regionOf(successor)
  return {
    keyspace: textOf(keyspace),
    jurisdiction: jurisdictions.find((one) => one === jurisdiction),
    region: regionOf(region),
    epoch: numberOf(epoch),
    from: numberOf(began),
    former: numberOf(former),
    successor: next && { region: next, epoch: numberOf(handedOver) },
  }
}

export function recordLeadership(sql: Sql, leadership: OwnLeadership): void {
  const { keyspace, jurisdiction, region, epoch, from, former, successor } = leadership
  sql.run(
    REPLACE_LEADERSHIP,
    keyspace,
    jurisdiction ?? null,
    region ?? null,
    epoch,
    from,
    former,
    successor?.region ?? null,
    successor?.epoch ?? null,
  )
}

export interface KnownReplica extends ReplicaMember {
  /** Whether it wants frames to be pushed. */
  readonly isAwake: boolean
}

/** In the order of their regions. */
export function replicasIn(sql: Sql): readonly KnownReplica[] {
  return sql.all(SELECT_REPLICAS).flatMap(([cell, memberId, added, awake]) => {
    const region = regionOf(cell)
    return region === undefined
      ? []
      : [{ region, memberId: textOf(memberId), added: numberOf(added), isAwake: awake === 1 }]
  })
}

/** One that is there already stays as it is. */
export function addReplica(sql: Sql, { region, memberId, added }: ReplicaMember): void {
  sql.run(INSERT_REPLICA, region, memberId, added)
}

export function setAwake(sql: Sql, region: Region, isAwake: boolean): void {
  sql.run(UPDATE_AWAKE, isAwake ? 1 : 0, region)
}

export function removeReplica(sql: Sql, region: Region): void {
  sql.run(DELETE_REPLICA, region)
}

/** Whoever led before is gone with its replicas. */
export function replaceReplicas(sql: Sql, replicas: readonly ReplicaMember[]): void {
  sql.run(DELETE_REPLICAS)
  replicas.forEach((replica) => addReplica(sql, replica))
}

/** Whoever led here follows another one. */
export function forgetLeadership(sql: Sql): void {
  sql.run(DELETE_REPLICAS)
  sql.run(DELETE_LEADERSHIP)
}

function regionOf(cell: SqlCell | undefined): Region | undefined {
  return regions.find((region) => region === cell)
}
