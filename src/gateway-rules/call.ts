import type { Settings } from '../config/settings.ts'
import { parseAccessToken } from '../door/access-token.ts'
import type { Shown } from '../door/shown.ts'
import type { TxnRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { decodeJson } from '../protocol/json-decode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { type MethodName, methods, routes } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { requireReceivableMessage } from './limits.ts'
import { requireShallow } from './txn-depth.ts'

const byPath: ReadonlyMap<string, MethodName> = new Map(Object.entries(routes))

/** What is called at a path that is spelt plainly; undefined where that is nothing. */
export function methodAt(path: string): MethodName | undefined {
  return byPath.get(path)
}

/** It answers when it is the caller's turn, be it tomorrow. */
export function mayWait(method: MethodName): boolean {
  return methods[method].ends === 'in-turn'
}

/**
 * What the shard is told about the client; `origin` is where that has reached us. A keyspace's token
 * is told where it is to be known; who else asks says whoever asks the shard.
 */
export function contextOf({ access, etcd }: Shown, origin: string | undefined): CallContext {
  const own = access === undefined ? undefined : parseAccessToken(access)
  return {
    ...(origin !== undefined && { origin }),
    ...(etcd !== undefined && { token: etcd }),
    ...(own?.kind === 'keyspace' && { accessToken: access }),
  }
}

/** The one request of a call, of the method's request type. Throws an RpcStatus. */
export function decodeRequest(method: MethodName, body: Uint8Array, settings: Settings): object {
  const type: MessageType<object> = rpcMethods[method].request
  const request = decodeJson(type, body)
  requireReceivableMessage(type, request, body.length, settings)
  if (method === '/etcdserverpb.KV/Txn') {
    requireShallow(request as TxnRequest, settings)
  }
  return request
}

/** For the record: whoever is gone hardly ever hears it. */
export function clientGone(): RpcStatus {
  return new RpcStatus(Code.CANCELED, 'context canceled')
}
