import type { Settings } from '../config/settings.ts'
import type { RangeRequest, RangeResponse, TxnRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { decodeJson } from '../protocol/json-decode.ts'
import { encodeJson } from '../protocol/json-encode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import { requireReceivableMessage } from './limits.ts'
import { openRangeBody } from './range-body.ts'
import type { ShardClient } from './shard-client.ts'
import { requireShallow } from './txn-depth.ts'

/** One call of a client, over whatever it came. */
export interface Call {
  readonly method: MethodName
  readonly shard: ShardClient
  readonly settings: Settings
  /** Such as `https://store.example.com`. */
  readonly origin: string
}

/** Whole, or page by page where it is long. */
export type AnswerBody = string | ReadableStream<Uint8Array>

/** Answers a call that has one request, given as JSON. Throws an RpcStatus. */
export async function callUnary(call: Call, body: Uint8Array): Promise<AnswerBody> {
  const { method, shard, settings, origin } = call
  const type: MessageType<object> = rpcMethods[method].request
  const request = decodeJson(type, body)
  requireReceivableMessage(type, request, body.length, settings)
  if (method === '/etcdserverpb.KV/Txn') {
    requireShallow(request as TxnRequest, settings)
  }
  const { response, next } = await shard.call(method, request, { origin })
  if (next === undefined) {
    return encodeJson(rpcMethods[method].response as MessageType<object>, response)
  }
  return openRangeBody(shard, request as RangeRequest, response as RangeResponse, next)
}
