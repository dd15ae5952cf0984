import { Quota } from '../maintenance/quota.ts'
import { EngineError } from '../mvcc/errors.ts'
import { migrate } from '../mvcc/migrations.ts'
import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'
import { migrations } from './migrations.ts'

const SELECT_SOURCE = 'SELECT source FROM restore'
const SELECT_PROGRESS = 'SELECT entries, progress FROM restore'
const UPDATE_PROGRESS = 'UPDATE restore SET entries = ?, progress = ?, touched = ?'
const DELETE_RESTORE = 'DELETE FROM restore'

/** Whatever the quota of the keyspace is: as in etcd, it holds for what is written later. */
const space = new Quota(-1)

/** What a restore reads by itself; undefined where a client sends it. One has to be under way. */
export function sourceIn(sql: Sql): unknown {
  // One that an earlier version has begun has no such column.
  migrate(sql, migrations)
  const text = sql.first(SELECT_SOURCE)?.[0] ?? null
  return text === null ? undefined : (JSON.parse(textOf(text)) as unknown)
}

/** How many changes are written, and what was recorded with the last of them. */
export function progressIn(sql: Sql): {
  readonly count: number
  readonly progress: unknown
} {
  const [count = 0, text = null] = sql.first(SELECT_PROGRESS) ?? []
  return {
    count: numberOf(count),
    progress: text === null ? undefined : (JSON.parse(textOf(text)) as unknown),
  }
}

/** Throws EngineError where the keyspace is as large as a Durable Object may be. */
export function recordProgress(sql: Sql, count: number, progress: object): void {
  if (!space.available(sql.databaseSize, 1)) {
    throw new EngineError('no-space')
  }
  sql.run(UPDATE_PROGRESS, count, JSON.stringify(progress), Date.now())
}

export function endRestore(sql: Sql): void {
  sql.run(DELETE_RESTORE)
}
