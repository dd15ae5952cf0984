import { requireRowsBehind, rowsIn, type ArchivedRows } from '../archive/v2-rows.ts'
import { Members } from '../cluster/members.ts'
import type { FrameState } from '../follow/frame.ts'
import type { Sql } from '../mvcc/sql.ts'
import type { Keyspace } from '../shard/keyspace.ts'
import { StateRestore } from '../shard/restored-state.ts'
import { restoreTokenState } from '../shard/token-state.ts'
import { TreeRestore } from '../v2/tree-restore.ts'

/** Whether a frame's state says anything but where it is. */
export function saysSomething({ content, tokenState }: FrameState): boolean {
  return tokenState !== undefined || Object.keys(content).length > 0
}

/**
 * Makes the v2 store's rows what the leader's are. Answers their index. Nobody asks for them here, so that there are no
 * more than the tables. Throws ArchiveDamage where something is missing.
 */
export function followRows(sql: Sql, v2: ArchivedRows, index: number): number {
  const { from, to } = v2
  if (from !== null && to <= index) {
    return index
  }
  const tree = new TreeRestore(sql)
  if (from === null) {
    tree.forget()
  } else {
    // What is here already may be written once more.
    requireRowsBehind(v2, Math.min(from, index))
  }
  for (const row of rowsIn(v2)) {
    tree.take(row)
  }
  return to
}

/**
 * Makes the state beside the log what the leader's is, in the tables and in memory. To be told within a transaction; who
 * rolls that back goes on with a new Keyspace. `now` is in ms since 1970.
 */
export function followState(
  keyspace: Keyspace,
  { content, tokenState }: FrameState,
  now: number,
): void {
  const { leases, ...rest } = content
  const { lessor, sql } = keyspace
  if (leases?.complete === true) {
    lessor.leases().forEach((id) => lessor.follow(id, null, now))
  }
  for (const [, id, ttl] of leases?.journal ?? []) {
    lessor.follow(BigInt(id), ttl, now)
  }
  new StateRestore(sql, random).take(rest)
  if (tokenState !== undefined) {
    restoreTokenState(sql, tokenState)
  }
  if (rest.options !== undefined) {
    keyspace.v2Setting.set(rest.options.enableV2)
  }
  if (rest.members !== undefined && keyspace.members instanceof Members) {
    keyspace.members.follow(
      rest.members.map(({ id, peerUrls, learner, own = false }) => ({
        id: BigInt(id),
        peerURLs: peerUrls,
        isLearner: learner,
        isOwn: own,
      })),
    )
  }
  if (rest.auth !== undefined || tokenState !== undefined) {
    keyspace.auth.reread()
  }
  if (rest.maintenance !== undefined) {
    keyspace.alarms.reread()
    keyspace.downgrade.reread()
  }
  if (rest.tokens !== undefined) {
    keyspace.accessTokens.reread()
  }
}

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
