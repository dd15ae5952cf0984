import { EngineError } from '../mvcc/errors.ts'
import type { RangeCursor } from '../mvcc/range.ts'
import { encode } from '../protocol/binary.ts'
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
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallAnswer, CallContext } from '../protocol/shard-rpc.ts'
import { Code, fromEngineError, RpcStatus } from '../protocol/status.ts'
import type { BackgroundWork } from './background.ts'
import type { CommitQueue } from './commit.ts'
import type { Keyspace } from './keyspace.ts'
import { compact, deleteRange, put, range, txn } from './kv.ts'
import { leaseGrant, leaseKeepAlive, leaseLeases, leaseRevoke, leaseTimeToLive } from './lease.ts'
import { alarm, hashKvResponse, hashResponse, memberList, statusResponse } from './maintenance.ts'

/** What a method needs besides its request. */
export interface Dispatch {
  readonly keyspace: Keyspace
  readonly commits: CommitQueue
  readonly background: BackgroundWork
}

/** A response of the method's type. */
interface Answer {
  readonly response: object
  readonly next?: RangeCursor | undefined
}

type Handler<T> = (parts: Dispatch, request: T, context: CallContext) => Answer | Promise<Answer>

/** A method that changes something: it waits for the turn that commits all writes at hand. */
function write<T>(run: (keyspace: Keyspace, request: T, now: number) => object): Handler<T> {
  return async ({ keyspace, commits }, request) => ({
    response: await commits.submit(() => run(keyspace, request, Date.now())),
  })
}

/** A method that only reads. Reads of the store go through SQL, so a deposed object cannot answer. */
function read<T>(
  run: (keyspace: Keyspace, request: T, context: CallContext) => object,
): Handler<T> {
  return ({ keyspace }, request, context) => ({ response: run(keyspace, request, context) })
}

const handlers: Partial<Record<MethodName, Handler<never>>> = {
  '/etcdserverpb.KV/Range': ({ keyspace }: Dispatch, request: RangeRequest) =>
    range(keyspace, request),
  '/etcdserverpb.KV/Put': write<PutRequest>(put),
  '/etcdserverpb.KV/DeleteRange': write<DeleteRangeRequest>(deleteRange),
  '/etcdserverpb.KV/Txn': write<TxnRequest>(txn),
  '/etcdserverpb.KV/Compact': async (parts: Dispatch, request: CompactionRequest) => {
    const { keyspace, commits, background } = parts
    const response = await commits.submit(() => compact(keyspace, request))
    const deleted = background.compact()
    if (request.physical) {
      await deleted
    }
    return { response }
  },
  '/etcdserverpb.Lease/LeaseGrant': async (parts: Dispatch, request: LeaseGrantRequest) => {
    const { keyspace, commits, background } = parts
    const response = await commits.submit(() => leaseGrant(keyspace, request, Date.now()))
    await background.schedule()
    return { response }
  },
  '/etcdserverpb.Lease/LeaseRevoke': write<LeaseRevokeRequest>(leaseRevoke),
  '/etcdserverpb.Lease/LeaseKeepAlive': write<LeaseKeepAliveRequest>(leaseKeepAlive),
  '/etcdserverpb.Lease/LeaseTimeToLive': read<LeaseTimeToLiveRequest>((keyspace, request) =>
    leaseTimeToLive(keyspace, request, Date.now()),
  ),
  '/etcdserverpb.Lease/LeaseLeases': read(leaseLeases),
  '/etcdserverpb.Cluster/MemberList': read((keyspace, _request, { origin }) =>
    memberList(keyspace, origin),
  ),
  '/etcdserverpb.Maintenance/Alarm': write<AlarmRequest>(alarm),
  '/etcdserverpb.Maintenance/Status': read(statusResponse),
  '/etcdserverpb.Maintenance/Hash': async ({ keyspace, background }: Dispatch) => ({
    response: hashResponse(keyspace, await background.hashKv(0)),
  }),
  '/etcdserverpb.Maintenance/HashKV': async (parts: Dispatch, request: HashKVRequest) => ({
    response: hashKvResponse(parts.keyspace, await parts.background.hashKv(request.revision)),
  }),
  // SQLite reuses the pages that compaction frees, and a Durable Object has no VACUUM.
  '/etcdserverpb.Maintenance/Defragment': read(() => ({})),
}

/** A refusal is an answer; anything else that is thrown is a defect or the platform's failure. */
export async function dispatch(
  to: Dispatch,
  method: MethodName,
  request: object,
  context: CallContext,
): Promise<CallAnswer> {
  try {
    const handler = handlers[method]
    if (handler === undefined) {
      const { service, method: name } = rpcMethods[method]
      throw new RpcStatus(Code.UNIMPLEMENTED, `unknown method ${name} for service ${service}`)
    }
    return encodeAnswer(method, await handler(to, request as never, context))
  } catch (error) {
    return refusal(error)
  }
}

export function encodeAnswer(method: MethodName, { response, next }: Answer): CallAnswer {
  const type: MessageType<object> = rpcMethods[method].response
  return { response: encode(type, response), next }
}

export function refusal(error: unknown): CallAnswer {
  const status = error instanceof EngineError ? fromEngineError(error) : error
  if (status instanceof RpcStatus) {
    return { refused: { code: status.code, message: status.message } }
  }
  throw error
}
