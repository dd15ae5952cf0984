import type {
  AlarmRequest,
  CompactionRequest,
  DeleteRangeRequest,
  HashKVRequest,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext, PageCursor } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { BackgroundWork } from './background.ts'
import type { CommitQueue } from './commit.ts'
import type { Keyspace } from './keyspace.ts'
import { compact, deleteRange, put, range, rangeStream, txn } from './kv.ts'
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts'
import { alarm, hashKvResponse, hashResponse, memberList, statusResponse } from './maintenance.ts'

/** What a method needs besides its request. */
export interface Dispatch {
  readonly keyspace: Keyspace
  readonly commits: CommitQueue
  readonly background: BackgroundWork
}

/** A response of the method's type, or its first page. */
export interface Answer {
  readonly response: object
  readonly next?: PageCursor | undefined
}

/** Who waits for an answer. Called once, and in the turn of the commit for what has written. */
export interface Caller {
  /** Nobody waits any more: what has not begun need not. */
  readonly gone: boolean
  answered(answer: Answer): void
  failed(error: unknown): void
}

/**
 * How a method runs: a `write` waits for the turn that commits all writes at hand; a `read` answers
 * at once, through SQL, so that a deposed object cannot answer; `steps` take several turns.
 */
type Handler<T> =
  | { readonly write: (keyspace: Keyspace, request: T, now: number) => object }
  | { readonly read: (keyspace: Keyspace, request: T, context: CallContext) => Answer }
  | { readonly steps: (parts: Dispatch, request: T) => Promise<Answer> }

const handlers: Partial<Record<MethodName, Handler<never>>> = {
  '/etcdserverpb.KV/Range': { read: (keyspace, request: RangeRequest) => range(keyspace, request) },
  '/etcdserverpb.KV/RangeStream': {
    read: (keyspace, request: RangeRequest) => rangeStream(keyspace, request),
  },
  '/etcdserverpb.KV/Put': { write: (keyspace, request: PutRequest) => put(keyspace, request) },
  '/etcdserverpb.KV/DeleteRange': {
    write: (keyspace, request: DeleteRangeRequest) => deleteRange(keyspace, request),
  },
  '/etcdserverpb.KV/Txn': { write: (keyspace, request: TxnRequest) => txn(keyspace, request) },
  '/etcdserverpb.KV/Compact': {
    steps: async ({ keyspace, commits, background }, request: CompactionRequest) => {
      const response = await commits.submit(() => compact(keyspace, request))
      const deleted = background.compact()
      if (request.physical) {
        await deleted
      }
      return { response }
    },
  },
  '/etcdserverpb.Lease/LeaseGrant': {
    steps: async ({ keyspace, commits, background }, request: LeaseGrantRequest) => {
      const response = await commits.submit((now) => leaseGrant(keyspace, request, now))
      await background.schedule()
      return { response }
    },
  },
  '/etcdserverpb.Lease/LeaseRevoke': {
    write: (keyspace, request: LeaseRevokeRequest) => leaseRevoke(keyspace, request),
  },
  '/etcdserverpb.Lease/LeaseKeepAlive': {
    write: (keyspace, request: LeaseKeepAliveRequest, now) =>
      leaseKeepAlive(keyspace, request, now),
  },
  '/etcdserverpb.Lease/LeaseTimeToLive': {
    read: (keyspace, request: LeaseTimeToLiveRequest) => ({
      response: leaseTimeToLive(keyspace, request, Date.now()),
    }),
  },
  '/etcdserverpb.Lease/LeaseLeases': { read: (keyspace) => ({ response: leaseLeases(keyspace) }) },
  '/etcdserverpb.Cluster/MemberList': {
    read: (keyspace, _request, { origin }) => ({ response: memberList(keyspace, origin) }),
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
  // SQLite reuses the pages that compaction frees, and a Durable Object has no VACUUM.
  '/etcdserverpb.Maintenance/Defragment': { read: () => ({ response: {} }) },
}

/** A request of the method's request type. */
export interface Call {
  readonly method: MethodName
  readonly request: object
  readonly context: CallContext
}

export function dispatch(
  parts: Dispatch,
  { method, request, context }: Call,
  caller: Caller,
): void {
  // The table pairs each method with a handler of its request type.
  const handler = handlers[method] as Handler<object> | undefined
  if (handler === undefined) {
    const { service, method: name } = rpcMethods[method]
    caller.failed(
      new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${name} for service ${service}`),
    )
  } else if ('read' in handler) {
    settle(caller, () => handler.read(parts.keyspace, request, context))
  } else if ('write' in handler) {
    parts.commits.enqueue((now) => {
      if (!caller.gone) {
        settle(caller, () => ({ response: handler.write(parts.keyspace, request, now) }))
      }
    })
  } else {
    handler.steps(parts, request).then(
      (answer) => caller.answered(answer),
      (error: unknown) => caller.failed(error),
    )
  }
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
