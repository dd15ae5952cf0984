import { SELECT_LAST_REVISION } from '../mvcc/log.ts'
import { numberOf, type Sql } from '../mvcc/sql.ts'
import { objectStoreOf } from '../object-store/object-store-of.ts'
import { leaderStub } from '../protocol/object-address.ts'
import type { Creation, RecoveryProgress } from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { ArchiveRestore, type ArchiveSource } from './archive-restore.ts'
import { CopyRestore, type CopySource } from './copy-restore.ts'
import type { CopyRpc } from './copy-source.ts'
import { creationIn } from './creation.ts'
import { sourceIn } from './restore-row.ts'

/** What a keyspace is made from, where its shard reads that by itself. */
export type RestoreSource = ArchiveSource | CopySource

export interface SourceRestore {
  /** Goes on for some seconds, and makes it a keyspace when it is whole. Throws RpcStatus. */
  advance(creation: Creation): Promise<RecoveryProgress>
}

/** Of the restore that is under way. Throws where a client sends what it is made from. */
export function sourceRestore(sql: Sql, env: Env): SourceRestore {
  const source = sourceIn(sql) as RestoreSource | undefined
  if (source === undefined) {
    throw statusOf('restore-not-found')
  }
  const machine = env.HOST
  if (source.kind === 'keyspace') {
    return new CopyRestore(sql, source, { shard: () => shardOf(env, source), machine })
  }
  const objects = objectStoreOf(env)
  if (objects === undefined) {
    throw statusOf('no-snapshot-store')
  }
  return new ArchiveRestore(sql, source, { objects, machine })
}

/** A stub that has thrown is of no use any more, so each call takes a new one. */
function shardOf(env: Env, source: CopySource): CopyRpc {
  // The types of a stub make a list of each tuple.
  return leaderStub(env, source) as unknown as CopyRpc
}

/** What is told of a keyspace that is there already: its answer was lost. */
export function madeIn(sql: Sql): RecoveryProgress {
  const { created: _, ...options } = creationIn(sql) ?? { created: 0 }
  const last = sql.first(SELECT_LAST_REVISION)?.[0] ?? null
  const revision = last === null ? 1 : numberOf(last)
  return { state: 'ready', revision, target: revision, changes: 0, options }
}
