import {
  downgrade,
  memberAdd,
  memberList,
  memberPromote,
  memberRemove,
  memberUpdate,
  moveLeader,
} from '../cluster/cluster-service.ts'
import { checkPeerUrls } from '../cluster/members.ts'
import { leader, proclaim, resign } from '../concurrency/election.ts'
import { unlock } from '../concurrency/lock.ts'
import { checkRange } from '../mvcc/range.ts'
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
} from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { authHandlers } from './auth.ts'
import type { Answer, Dispatch, Handler, Handlers, Messages } from './handler.ts'
import { checkRangeStream, compact, deleteRange, put, range, rangeStream, txn } from './kv.ts'
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts'
import { alarm, hashKvResponse, hashResponse, statusResponse } from './maintenance.ts'
import { type Principal, principalOf } from './principal.ts'
import { recipeClients } from './recipe-clients.ts'
import { snapshot } from './snapshot.ts'

/** Who waits for an answer. Called once, and in the turn of the commit for what has written. */
export interface Caller {
  /** Nobody waits any more: what has not begun need not. */
  readonly gone: boolean
  /** Called when that happens. */
  whenGone(listener: () => void): void
  answered(answer: Answer): void
  /** The answer is a stream, which the caller reads to its end, or closes. */
  streams(messages: Messages): void
  failed(error: unknown): void
}

const handlers: Handlers = {
  ...authHandlers,
  '/etcdserverpb.KV/Range': {
    check: checkRange,
    read: (keyspace, request: RangeRequest) => range(keyspace, request),
  },
  '/etcdserverpb.KV/RangeStream': {
    check: checkRangeStream,
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
  },
  '/etcdserverpb.KV/Txn': {
    admits: 'itself',
    write: (keyspace, request: TxnRequest, { principal }) => txn(keyspace, request, principal),
  },
  '/etcdserverpb.KV/Compact': {
    admits: 'itself',
    steps: async ({ keyspace, commits, background }, request: CompactionRequest, { principal }) => {
      const response = await commits.submit(() => compact(keyspace, request, principal))
      const deleted = background.compact()
      if (request.physical) {
        await deleted
      }
      return { response }
    },
  },
  '/etcdserverpb.Lease/LeaseGrant': {
    admits: 'itself',
    steps: async ({ keyspace, submitAndSchedule }, request: LeaseGrantRequest, { principal }) => ({
      response: await submitAndSchedule((now) => leaseGrant(keyspace, request, { now, principal })),
    }),
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
    read: (keyspace, request: LeaseTimeToLiveRequest) => ({
      response: leaseTimeToLive(keyspace, request, Date.now()),
    }),
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
    read: (keyspace, request: MoveLeaderRequest) => ({ response: moveLeader(keyspace, request) }),
  },
  '/etcdserverpb.Maintenance/Downgrade': {
    write: (keyspace, request: DowngradeRequest) => downgrade(keyspace, request),
  },
  '/v3lockpb.Lock/Lock': {
    admits: 'itself',
    steps: async ({ keyspace, waiting }, request: LockRequest, { principal, gone }) => ({
      response: await waiting.lock(recipeClients(keyspace, principal), request, gone),
    }),
  },
  '/v3lockpb.Lock/Unlock': {
    admits: 'itself',
    write: (keyspace, request: UnlockRequest, { principal }) =>
      unlock(recipeClients(keyspace, principal).caller, request),
  },
  '/v3electionpb.Election/Campaign': {
    admits: 'itself',
    steps: async ({ keyspace, waiting }, request: CampaignRequest, { principal, gone }) => ({
      response: await waiting.campaign(recipeClients(keyspace, principal), request, gone),
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
  // SQLite reuses the pages that compaction frees, and a Durable Object has no VACUUM.
  '/etcdserverpb.Maintenance/Defragment': { read: () => ({ response: {} }) },
}

/** A request of the method's request type. */
export interface Call {
  readonly method: MethodName
  readonly request: object
  readonly context: CallContext
}

export function dispatch(parts: Dispatch, call: Call, caller: Caller): void {
  const principal = principalOf(parts.keyspace, call.context)
  if (principal instanceof Promise) {
    principal.then(
      (known) => runAs(known, parts, call, caller),
      (error: unknown) => caller.failed(error),
    )
  } else {
    runAs(principal, parts, call, caller)
  }
}

function runAs(
  principal: Principal,
  parts: Dispatch,
  { method, request, context }: Call,
  caller: Caller,
): void {
  // The table pairs each method with a handler of its request type.
  const handler = handlers[method] as Handler<object> | undefined
  if (handler === undefined) {
    caller.failed(unknownMethod(method))
    return
  }
  const admit = (): void => {
    handler.check?.(request)
    if (handler.admits !== 'itself') {
      principal.authenticate()
      principal.authorize(method, request)
    }
  }
  if ('read' in handler) {
    settle(caller, () => {
      admit()
      return handler.read(parts.keyspace, request, { context, principal })
    })
  } else if ('write' in handler) {
    parts.commits.enqueue((now) => {
      if (!caller.gone) {
        settle(caller, () => {
          admit()
          return { response: handler.write(parts.keyspace, request, { context, principal, now }) }
        })
      }
    })
  } else {
    const abort = new AbortController()
    caller.whenGone(() => abort.abort())
    const facts = { context, principal, gone: abort.signal }
    if ('stream' in handler) {
      try {
        admit()
      } catch (error) {
        caller.failed(error)
        return
      }
      caller.streams(handler.stream(parts, request, facts))
      return
    }
    const steps = async (): Promise<Answer> => {
      admit()
      return handler.steps(parts, request, facts)
    }
    steps().then(
      (answer) => caller.answered(answer),
      (error: unknown) => caller.failed(error),
    )
  }
}

/** What is answered over a session alone is not known elsewhere. */
export function unknownMethod(name: MethodName): RpcStatus {
  const { service, method } = rpcMethods[name]
  return new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${method} for service ${service}`)
}

function settle(caller: Caller, run: () => Answer): void {
  let answer: Answer
  try {
    answer = run()
  } catch (error) {
    caller.failed(error)
    return
  }
  caller.answered(answer)
}
