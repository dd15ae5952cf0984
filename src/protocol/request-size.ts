import { sizeOf } from './binary.ts'
import type { RequestOp, TxnRequest } from './generated/messages.ts'
import { rpcMethods } from './generated/services.ts'
import type { MessageType } from './message-type.ts'
import type { MethodName, MethodsWhere } from './methods.ts'
import { uint32Size } from './wire.ts'

/** The methods of which etcd proposes the request to its raft log, and so measures it. */
export type ProposedMethod = MethodsWhere<'proposed', true>

/** Those of the Auth service. */
export type AuthMethod = Extract<MethodName, `/etcdserverpb.Auth/${string}`>

/**
 * What etcd's InternalRaftRequest takes besides the request and its length: a header with an id of
 * nine bytes, which is what most members' ids come to, and the tag of the request's field.
 */
const ENVELOPE_BYTES = 14
/** The tags of the Auth service's requests are of three bytes. */
const AUTH_ENVELOPE_BYTES = 16

/** What a gRPC message may take beyond --max-request-bytes (server/embed/config.go). */
export const GRPC_OVERHEAD_BYTES = 512 * 1024

/**
 * Whether etcd refuses the request as `request-too-large`, which it does after it has looked at
 * the request itself and before it looks at any state (server/etcdserver/v3_server.go). A
 * transaction that only ranges is not proposed, so its size does not matter.
 */
export function requestTooLarge(
  method: ProposedMethod,
  request: object,
  requestBytesMax: number,
): boolean {
  if (method === '/etcdserverpb.KV/Txn' && isReadOnly(request as TxnRequest)) {
    return false
  }
  const type: MessageType<object> = rpcMethods[method].request
  const size = sizeOf(type, request)
  const envelope = method.startsWith('/etcdserverpb.Auth/') ? AUTH_ENVELOPE_BYTES : ENVELOPE_BYTES
  return envelope + uint32Size(size) + size > requestBytesMax
}

/** A nested transaction counts as a write, whatever is in it (server/etcdserver/txn/txn.go). */
export function isReadOnly(txn: TxnRequest): boolean {
  return txn.success.every(isRange) && txn.failure.every(isRange)
}

function isRange(op: RequestOp): boolean {
  return op.requestRange !== undefined
}
