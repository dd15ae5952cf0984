import type { Settings } from '../config/settings.ts'
import type { RangeRequest, RangeResponse, TxnRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { decodeJson } from '../protocol/json-decode.ts'
import { encodeJson } from '../protocol/json-encode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { requireReceivableMessage } from './limits.ts'
import { openRangeBody } from './range-body.ts'
import type { ShardClient } from './shard-client.ts'
import { requireShallow } from './txn-depth.ts'
import { callWaiting, mayWait } from './waiting-call.ts'

/** One call of a client, over whatever it came. */
export interface Call {
  readonly method: MethodName
  readonly shard: ShardClient
  readonly settings: Settings
  /** What the shard is told about the client. */
  readonly context: CallContext
}

/** Whole, or page by page where it is long. */
export type AnswerBody = string | ReadableStream<Uint8Array>

/** The one request of a call, of the method's request type. Throws an RpcStatus. */
export function decodeRequest({ method, settings }: Call, body: Uint8Array): object {
  const type: MessageType<object> = rpcMethods[method].request
  const request = decodeJson(type, body)
  requireReceivableMessage(type, request, body.length, settings)
  if (method === '/etcdserverpb.KV/Txn') {
    requireShallow(request as TxnRequest, settings)
  }
  return request
}

/**
 * Answers a call that has one request, given as JSON. Throws an RpcStatus. When `gone` aborts, nobody
 * waits for the answer any more.
 */
export async function callUnary(
  call: Call,
  body: Uint8Array,
  gone: AbortSignal,
): Promise<AnswerBody> {
  const { method, shard, context } = call
  const type: MessageType<object> = rpcMethods[method].response
  const request = decodeRequest(call, body)
  if (mayWait(method)) {
    return encodeJson(type, await callWaiting(shard, { method, request, context }, gone))
  }
  const { response, next } = await shard.call(method, request, context)
  if (next === undefined) {
    return encodeJson(type, response)
  }
  return openRangeBody(shard, request as RangeRequest, response as RangeResponse, next)
}
