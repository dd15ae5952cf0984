import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'

const SELECT_TERM = 'SELECT run, term FROM cluster_term WHERE one = 1'
const UPSERT_TERM = `
INSERT INTO cluster_term (one, run, term) VALUES (1, ?, ?)
ON CONFLICT (one) DO UPDATE SET run = excluded.run, term = excluded.term`
const SELECT_WANTED =
  'SELECT wanted FROM cluster_term WHERE one = 1 AND wanted IS NOT NULL AND wanted_until > ?'
const UPDATE_WANTED = 'UPDATE cluster_term SET wanted = ?, wanted_until = ? WHERE one = 1'

/** How long a keyspace that was taken by another node than it was meant for is moved on. */
const WANTED_MS = 20_000

export interface ClusterTerm {
  /** Counts who has had the keyspace, from 0 on. */
  readonly term: number
  /** Whether it was another run that had it before. */
  readonly isTakenOver: boolean
}

/** The term of a run of a node's runtime, which has the keyspace now: a new one, unless it had it already. */
export function takeTerm(sql: Sql, run: string): ClusterTerm {
  const row = sql.first(SELECT_TERM)
  if (row !== undefined && textOf(row[0]) === run) {
    return { term: numberOf(row[1]), isTakenOver: false }
  }
  const term = row === undefined ? 0 : numberOf(row[1]) + 1
  sql.run(UPSERT_TERM, run, term)
  return { term, isTakenOver: row !== undefined }
}

/** The keyspace is to move to that member. `now` is in milliseconds since 1970. */
export function want(sql: Sql, member: bigint, now: number): void {
  if (wantedMember(sql, now) !== member) {
    sql.run(UPDATE_WANTED, String(member), now + WANTED_MS)
  }
}

/** Which member it is to move to; undefined for none, or none any more. */
export function wantedMember(sql: Sql, now: number): bigint | undefined {
  const row = sql.first(SELECT_WANTED, now)
  return row && BigInt(textOf(row[0]))
}
