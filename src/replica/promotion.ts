import { decodeFrame } from '../follow/frame.ts'
import { restartLeases } from '../lease/restored-leases.ts'
import type { Sql } from '../mvcc/sql.ts'
import type { Revision } from '../mvcc/types.ts'
import type {
  Promotion,
  ReplicaCharge,
  ReplicaReport,
  ReplicaStatuses,
} from '../protocol/replica-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import {
  forgetLeadership,
  leadershipIn,
  recordLeadership,
  replaceReplicas,
} from '../shard/feed/leadership.ts'
import type { LeaderClient } from './leader-client.ts'
import { recordStanding } from './replica-row.ts'
import type { ReplicaServer } from './replica-server.ts'

/** So long a replica may take to get what the former leader has handed over. */
const CATCH_UP_MS_MAX = 30_000
const CATCH_UP_LOOK_MS = 10
const PULL_BYTES = 1024 * 1024

/** Whether that was done already, by a call whose answer was lost. */
export function isPromotedTo(sql: Sql, epoch: number): boolean {
  const leadership = leadershipIn(sql)
  return leadership?.epoch === epoch && leadership.successor === undefined
}

/** Gets all of what the former leader has, who writes nothing any more. Throws RpcStatus. */
export async function catchUp(
  server: ReplicaServer,
  leader: LeaderClient,
  revision: Revision,
): Promise<void> {
  const end = Date.now() + CATCH_UP_MS_MAX
  const { region } = server.report()
  while (Date.now() < end) {
    const { epoch, revision: after, state } = server.standing
    const wanted = { region, epoch, after, state, v2: server.v2Index, bytesMax: PULL_BYTES }
    const answer = await leader.stub.pull(wanted)
    if ('refused' in answer) {
      throw statusOf('replica-behind')
    }
    const last = decodeFrame(answer.frame).state?.position
    const has = state?.incarnation === last?.incarnation && state?.seq === last?.seq
    if (after >= revision && state !== undefined && has) {
      return
    }
    // What does not follow from what is here has the replica pull by itself.
    server.pushed(answer.frame)
    await scheduler.wait(CATCH_UP_LOOK_MS)
  }
  throw statusOf('replica-behind')
}

/** Records that the replica leads from now on. Who has its memory gives that up. */
export function recordPromotion(
  sql: Sql,
  charge: ReplicaCharge,
  { epoch, replicas }: Promotion,
  { revision, former }: { readonly revision: Revision; readonly former: number },
): void {
  const { keyspace, jurisdiction, region } = charge
  sql.transaction(() => {
    recordLeadership(sql, {
      keyspace,
      jurisdiction,
      region,
      epoch,
      from: revision,
      former,
      successor: undefined,
    })
    replaceReplicas(sql, replicas)
    // Who kept them alive has told another leader of it.
    restartLeases(sql, Date.now())
  })
}

/** What one that leads says of itself. */
export function leaderReport(
  { region, memberId }: ReplicaCharge,
  { epoch, revision }: ReplicaStatuses,
): ReplicaReport {
  return {
    region,
    memberId,
    role: 'leader',
    epoch,
    revision,
    leaderRevision: revision,
    contact: Date.now(),
    isWhole: true,
    lagMs: 0,
  }
}

/** Records that what led is a replica again: what it has is of the epoch that it has led. */
export function recordDemotion(sql: Sql): void {
  const leadership = leadershipIn(sql)
  if (leadership !== undefined) {
    sql.transaction(() => {
      recordStanding(sql, leadership.epoch, undefined)
      forgetLeadership(sql)
    })
  }
}
