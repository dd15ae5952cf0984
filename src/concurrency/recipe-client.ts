import { EngineError } from '../mvcc/errors.ts'
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../protocol/generated/messages.ts'
import { Code, fromEngineError, RpcStatus } from '../protocol/status.ts'

/** The calls that locks and elections are made of, whole and at once: no page, no promise. */
export interface RecipeClient {
  readonly range: (request: RangeRequest) => RangeResponse
  readonly deleteRange: (request: DeleteRangeRequest) => DeleteRangeResponse
  readonly txn: (request: TxnRequest) => TxnResponse
  readonly leaseGrant: (request: LeaseGrantRequest) => LeaseGrantResponse
}

/**
 * In etcd the two services are clients of their own server (server/etcdserver/api/v3lock), so that
 * each call meets what any client's would: permissions, alarms, quota, sizes.
 */
export interface RecipeClients {
  /** Calls in the name of who called the service. */
  readonly caller: RecipeClient
  /** Calls as the server itself: a caller that is gone leaves the queue whatever its token is. */
  readonly server: RecipeClient
}

/**
 * The client's refusals as the services pass them on: etcd's client library keeps the words of an
 * error and loses its code.
 */
export function refusingAsUnknown(client: RecipeClient): RecipeClient {
  return {
    range: (request) => asUnknown(() => client.range(request)),
    deleteRange: (request) => asUnknown(() => client.deleteRange(request)),
    txn: (request) => asUnknown(() => client.txn(request)),
    leaseGrant: (request) => asUnknown(() => client.leaseGrant(request)),
  }
}

function asUnknown<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    const status = error instanceof EngineError ? fromEngineError(error) : error
    throw status instanceof RpcStatus ? new RpcStatus(Code.UNKNOWN, status.message) : error
  }
}
