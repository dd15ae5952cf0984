import {
  downgrade,
  memberAdd,
  memberList,
  memberPromote,
  memberRemove,
  memberUpdate,
  transferee,
} from '../../cluster/cluster-service.ts'
import { checkPeerUrls } from '../../cluster/members.ts'
import { leader, proclaim, resign } from '../../concurrency/election.ts'
import { unlock } from '../../concurrency/lock.ts'
import { isPoint } from '../../mvcc/key-range.ts'
import { checkRange } from '../../mvcc/range.ts'
import type {
  AlarmRequest,
  CampaignRequest,
  CompactionRequest,
  DeleteRangeRequest,
  DowngradeRequest,
  HashKVRequest,
  LeaderRequest,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  LockRequest,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
  MoveLeaderRequest,
  ProclaimRequest,
  PutRequest,
  RangeRequest,
  ResignRequest,
  TxnRequest,
  UnlockRequest,
} from '../../protocol/generated/messages.ts'
import type { MethodName, MethodsWhere } from '../../protocol/methods.ts'
import type { Handler } from '../run.ts'
import { authHandlers } from './auth.ts'
import { deleteThenRead, readsMuch } from './delete-previous.ts'
import { compact, deleteRange, put, rangePacked, txn } from './kv.ts'
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts'
import { leasedKeys } from './leased-keys.ts'
import { alarm, hashKvResponse, hashResponse, statusResponse } from './maintenance.ts'
import { checkRangeStream, rangeStream } from './range-stream.ts'
import { recipeClients } from './recipe-clients.ts'
import { snapshot } from './snapshot.ts'

/**
 * How each method runs, one request of its type at a time. What goes on until its client ends it is a
 * session's, and not known here.
 */
const handlers: {
  readonly [method in Exclude<MethodName, MethodsWhere<'ends', 'when-left'>>]: Handler<never>
} = {
  ...authHandlers,
  '/etcdserverpb.KV/Range': {
    check: checkRange,
    isLong,
    read: (keyspace, request: RangeRequest) => rangePacked(keyspace, request),
  },
  '/etcdserverpb.KV/RangeStream': {
    check: checkRangeStream,
    isLong,
    read: (keyspace, request: RangeRequest) => rangeStream(keyspace, request),
  },
  '/etcdserverpb.KV/Put': {
    admits: 'itself',
    write: (keyspace, request: PutRequest, { principal }) => put(keyspace, request, principal),
  },
  '/etcdserverpb.KV/DeleteRange': {
    admits: 'itself',
    write: (keyspace, request: DeleteRangeRequest, { principal }) =>
      deleteRange(keyspace, request, principal),
    long: { when: readsMuch, steps: deleteThenRead },
  },
  '/etcdserverpb.KV/Txn': {
    admits: 'itself',
    write: (keyspace, request: TxnRequest, { principal }) => txn(keyspace, request, principal),
  },
  '/etcdserverpb.KV/Compact': {
    admits: 'itself',
    steps: async (
      { keyspace, commits, background },
      request: CompactionRequest,
      { principal, measured },
    ) => {
      const write = measured(() => compact(keyspace, request, principal))
      const response = await commits.submit(write)
      const deleted = background.compact()
      if (request.physical) {
        await deleted
      }
      return { response }
    },
  },
  '/etcdserverpb.Lease/LeaseGrant': {
    admits: 'itself',
    steps: async (
      { keyspace, submitAndSchedule },
      request: LeaseGrantRequest,
      { principal, measured },
    ) => {
      const write = measured((now) => leaseGrant(keyspace, request, { now, principal }))
      return { response: await submitAndSchedule(write) }
    },
  },
  '/etcdserverpb.Lease/LeaseRevoke': {
    admits: 'itself',
    write: (keyspace, request: LeaseRevokeRequest, { principal }) =>
      leaseRevoke(keyspace, request, principal),
  },
  '/etcdserverpb.Lease/LeaseKeepAlive': {
    write: (keyspace, request: LeaseKeepAliveRequest, { now }) =>
      leaseKeepAlive(keyspace, request, now),
  },
  '/etcdserverpb.Lease/LeaseTimeToLive': {
    steps: async ({ keyspace }, request: LeaseTimeToLiveRequest, { gone }) => {
      const behind = request.keys ? await leasedKeys(keyspace, request.ID, gone) : []
      return { response: leaseTimeToLive(keyspace, request, Date.now()), behind }
    },
  },
  '/etcdserverpb.Lease/LeaseLeases': { read: (keyspace) => ({ response: leaseLeases(keyspace) }) },
  '/etcdserverpb.Cluster/MemberList': {
    read: (keyspace, _request, { context }) => ({ response: memberList(keyspace, context.origin) }),
  },
  '/etcdserverpb.Cluster/MemberAdd': {
    check: ({ peerURLs }: MemberAddRequest) => checkPeerUrls(peerURLs),
    write: (keyspace, request: MemberAddRequest, { context }) =>
      memberAdd(keyspace, request, context.origin),
  },
  '/etcdserverpb.Cluster/MemberRemove': {
    write: (keyspace, request: MemberRemoveRequest, { context }) =>
      memberRemove(keyspace, request, context.origin),
  },
  '/etcdserverpb.Cluster/MemberUpdate': {
    write: (keyspace, request: MemberUpdateRequest, { context }) =>
      memberUpdate(keyspace, request, context.origin),
  },
  '/etcdserverpb.Cluster/MemberPromote': {
    write: (keyspace, request: MemberPromoteRequest) => memberPromote(keyspace, request),
  },
  '/etcdserverpb.Maintenance/Alarm': {
    write: (keyspace, request: AlarmRequest) => alarm(keyspace, request),
  },
  '/etcdserverpb.Maintenance/Status': {
    read: (keyspace) => ({ response: statusResponse(keyspace) }),
  },
  '/etcdserverpb.Maintenance/Hash': {
    steps: async ({ keyspace, background }) => ({
      response: hashResponse(keyspace, await background.hashKv(0)),
    }),
  },
  '/etcdserverpb.Maintenance/HashKV': {
    steps: async ({ keyspace, background }, { revision }: HashKVRequest) => ({
      response: hashKvResponse(keyspace, await background.hashKv(revision)),
    }),
  },
  '/etcdserverpb.Maintenance/Snapshot': {
    stream: (parts, _request, facts) => snapshot(parts, facts),
  },
  '/etcdserverpb.Maintenance/MoveLeader': {
    steps: async ({ keyspace, moveTo }, request: MoveLeaderRequest, { context }) => {
      const asked = context.node && keyspace.nodes?.idOf(context.node)
      const target = transferee(keyspace, request, asked)
      if (target !== undefined) {
        await moveTo(target)
      }
      return { response: {} }
    },
  },
  '/etcdserverpb.Maintenance/Downgrade': {
    write: (keyspace, request: DowngradeRequest) => downgrade(keyspace, request),
  },
  '/v3lockpb.Lock/Lock': {
    admits: 'itself',
    steps: async ({ keyspace, waiters }, request: LockRequest, { principal, gone }) => ({
      response: await waiters.lock(recipeClients(keyspace, principal), request, gone),
    }),
  },
  '/v3lockpb.Lock/Unlock': {
    admits: 'itself',
    write: (keyspace, request: UnlockRequest, { principal }) =>
      unlock(recipeClients(keyspace, principal).caller, request),
  },
  '/v3electionpb.Election/Campaign': {
    admits: 'itself',
    steps: async ({ keyspace, waiters }, request: CampaignRequest, { principal, gone }) => ({
      response: await waiters.campaign(recipeClients(keyspace, principal), request, gone),
    }),
  },
  '/v3electionpb.Election/Proclaim': {
    admits: 'itself',
    steps: async ({ keyspace, submitAndSchedule }, request: ProclaimRequest, { principal }) => ({
      response: await submitAndSchedule(() =>
        proclaim(recipeClients(keyspace, principal).caller, request),
      ),
    }),
  },
  '/v3electionpb.Election/Leader': {
    admits: 'itself',
    read: (keyspace, request: LeaderRequest, { principal }) => ({
      response: leader(recipeClients(keyspace, principal).caller, request),
    }),
  },
  '/v3electionpb.Election/Resign': {
    admits: 'itself',
    steps: async ({ keyspace, submitAndSchedule }, request: ResignRequest, { principal }) => ({
      response: await submitAndSchedule(() =>
        resign(recipeClients(keyspace, principal).caller, request),
      ),
    }),
  },
  // SQLite reuses the pages that compaction frees, and a Durable Object has no VACUUM: only a machine of
  // ours can do more.
  '/etcdserverpb.Maintenance/Defragment': {
    steps: async ({ background, defragment }) => {
      // etcd's compaction has deleted what it does by then.
      await background.compact()
      await defragment()
      return { response: {} }
    },
  },
}

function isLong(request: RangeRequest): boolean {
  return !isPoint(request) && !request.countOnly
}

export function handlerOf(method: MethodName): Handler<object> | undefined {
  return (handlers as { readonly [method in MethodName]?: Handler<object> })[method]
}
