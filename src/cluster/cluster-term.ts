import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'

const SELECT_TERM = 'SELECT run, term FROM cluster_term WHERE one = 1'
const UPSERT_TERM = `
INSERT INTO cluster_term (one, run, term) VALUES (1, ?, ?)
ON CONFLICT (one) DO UPDATE SET run = excluded.run, term = excluded.term`

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
