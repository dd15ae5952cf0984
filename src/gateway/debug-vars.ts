import { StatusRequest, type StatusResponse } from '../protocol/generated/messages.ts'
import type { ShardClient } from './shard-client.ts'

/**
 * GET /debug/vars: of Go's expvar page what a Worker has an equivalent of. There is no command
 * line and no file descriptor here, and no look at the memory.
 */
export async function debugVarsResponse(shard: ShardClient): Promise<Response> {
  const { response } = await shard.call('/etcdserverpb.Maintenance/Status', StatusRequest.empty(), {
    asServer: true,
  })
  const raft = JSON.stringify(raftStatus(response as StatusResponse))
  return new Response(`{\n"cmdline": [],\n"memstats": {},\n"raft.status": ${raft}\n}\n`, {
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
  })
}

/** The one member leads, has voted for itself and has nothing that is not applied. */
function raftStatus({ leader, raftIndex, raftTerm }: StatusResponse): object {
  const id = leader.toString(16)
  return {
    id,
    term: raftTerm,
    vote: id,
    commit: raftIndex,
    lead: id,
    raftState: 'StateLeader',
    applied: raftIndex,
    progress: { [id]: { match: raftIndex, next: raftIndex + 1, state: 'StateReplicate' } },
    leadtransferee: '0',
  }
}
