import { type Region, regions } from '../config/region.ts'
import { assert } from '../mvcc/errors.ts'
import { numberOf, type Sql, type SqlCell, textOf } from '../mvcc/sql.ts'
import type { ReplicaEntry } from './directory-rpc.ts'

const SELECT_REPLICAS = `
SELECT region, state, added FROM replica WHERE keyspace = ? ORDER BY region`
const INSERT_REPLICA = `
INSERT INTO replica (keyspace, region, state, added) VALUES (?, ?, ?, ?)
ON CONFLICT (keyspace, region) DO UPDATE SET state = excluded.state`
const UPDATE_STATE = `UPDATE replica SET state = ? WHERE keyspace = ? AND region = ?`
const UPDATE_UNTOLD = `
UPDATE replica SET state = 'untold' WHERE keyspace = ? AND state = 'ready'`
const DELETE_REPLICA = `DELETE FROM replica WHERE keyspace = ? AND region = ?`
const DELETE_REPLICAS = `DELETE FROM replica WHERE keyspace = ?`
const SELECT_LEADERSHIP = `
SELECT leader, epoch, successor, forced, former, keeps FROM leadership WHERE keyspace = ?`
const REPLACE_LEADERSHIP = `
REPLACE INTO leadership (keyspace, leader, epoch, successor, forced, former, keeps)
VALUES (?, ?, ?, ?, ?, ?, ?)`
const DELETE_LEADERSHIP = `DELETE FROM leadership WHERE keyspace = ?`
const SELECT_UNFINISHED = `
SELECT keyspace FROM replica INDEXED BY replica_unfinished WHERE state <> 'ready'
UNION
SELECT keyspace FROM leadership INDEXED BY leadership_unfinished
WHERE successor IS NOT NULL OR former IS NOT NULL
LIMIT ?`

const states = ['adding', 'ready', 'untold', 'removing'] as const

/** Who leads a keyspace, and who is to. */
export interface Leadership {
  /** Undefined for the keyspace's own object, else the replica there. */
  readonly leader: Region | undefined
  readonly epoch: number
  /** Who is to lead next. */
  readonly successor?: { readonly region: Region; readonly forced: boolean } | undefined
  /** Who led before, and has not heard that it does so no more. */
  readonly former?: { readonly leader: Region | undefined; readonly keeps: boolean } | undefined
}

/** Of a keyspace that was never moved. */
const FIRST: Leadership = { leader: undefined, epoch: 1 }

/** The replicas of keyspaces, and who leads them. Each step is recorded before it is taken. */
export class ReplicaTable {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** Of a keyspace, in the order of their regions. */
  list(keyspace: string): readonly ReplicaEntry[] {
    return this.#sql.all(SELECT_REPLICAS, keyspace).map(([region, state, added]) => ({
      region: oneOf(regions, region),
      state: oneOf(states, state),
      added: numberOf(added),
    }))
  }

  get(keyspace: string, region: Region): ReplicaEntry | undefined {
    return this.list(keyspace).find((replica) => replica.region === region)
  }

  /** `now` is in milliseconds since 1970. */
  add(keyspace: string, region: Region, now: number): void {
    this.#sql.run(INSERT_REPLICA, keyspace, region, 'adding', now)
  }

  /** It is there, and knows who leads. */
  ready(keyspace: string, region: Region): void {
    this.#sql.run(UPDATE_STATE, 'ready', keyspace, region)
  }

  beginRemoval(keyspace: string, region: Region): void {
    this.#sql.run(UPDATE_STATE, 'removing', keyspace, region)
  }

  endRemoval(keyspace: string, region: Region): void {
    this.#sql.run(DELETE_REPLICA, keyspace, region)
  }

  leadership(keyspace: string): Leadership {
    const row = this.#sql.first(SELECT_LEADERSHIP, keyspace)
    if (row === undefined) {
      return FIRST
    }
    const [leader, epoch, successor, forced, former, keeps] = row
    return {
      leader: regionOf(leader),
      epoch: numberOf(epoch),
      ...(successor !== null && {
        successor: { region: oneOf(regions, successor), forced: forced === 1 },
      }),
      ...(former !== null && {
        former: { leader: former === '' ? undefined : regionOf(former), keeps: keeps === 1 },
      }),
    }
  }

  /** A replica is to lead. */
  beginMove(keyspace: string, region: Region, forced: boolean): void {
    this.#record(keyspace, { ...this.leadership(keyspace), successor: { region, forced } })
  }

  /** It is not to lead after all. */
  cancelMove(keyspace: string): void {
    this.#record(keyspace, { ...this.leadership(keyspace), successor: undefined })
  }

  /** It leads; a replica that led before is one again. `keeps` is whether the former leader keeps its data. */
  endMove(keyspace: string, keeps: boolean, now: number): void {
    this.#sql.transaction(() => {
      const { leader, epoch, successor } = this.leadership(keyspace)
      assert(successor !== undefined, `${keyspace} is not to be moved`)
      this.#record(keyspace, {
        leader: successor.region,
        epoch: epoch + 1,
        former: { leader, keeps },
      })
      this.#sql.run(DELETE_REPLICA, keyspace, successor.region)
      this.#sql.run(UPDATE_UNTOLD, keyspace)
      if (leader !== undefined) {
        this.#sql.run(INSERT_REPLICA, keyspace, leader, 'untold', now)
      }
    })
  }

  /** The former leader knows. */
  formerTold(keyspace: string): void {
    this.#record(keyspace, { ...this.leadership(keyspace), former: undefined })
  }

  /** The keyspace is no more. */
  forget(keyspace: string): void {
    this.#sql.run(DELETE_REPLICAS, keyspace)
    this.#sql.run(DELETE_LEADERSHIP, keyspace)
  }

  /** Names of keyspaces of which something is still to be done. */
  unfinished(limit: number): readonly string[] {
    return this.#sql.all(SELECT_UNFINISHED, limit).map(([keyspace]) => textOf(keyspace))
  }

  #record(keyspace: string, { leader, epoch, successor, former }: Leadership): void {
    this.#sql.run(
      REPLACE_LEADERSHIP,
      keyspace,
      leader ?? null,
      epoch,
      successor?.region ?? null,
      successor?.forced === true ? 1 : 0,
      former === undefined ? null : (former.leader ?? ''),
      former?.keeps === true ? 1 : 0,
    )
  }
}

function regionOf(cell: SqlCell | undefined): Region | undefined {
  return cell === null ? undefined : oneOf(regions, cell)
}

function oneOf<T extends string>(values: readonly T[], cell: SqlCell | undefined): T {
  const found = values.find((value) => value === cell)
  assert(found !== undefined, `a column of replica holds none of ${values.join()}`)
  return found
}
