import type { Settings } from '../config/settings.ts'
import { decodeRequest, mayWait } from '../gateway-rules/call.ts'
import type { RangeRequest, RangeResponse } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { encodeJson } from '../protocol/json-encode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { AnsweredBy, CallContext } from '../protocol/shard-rpc.ts'
import { openRangeBody } from './range-body.ts'
import type { ShardClient } from './shard-client.ts'
import { callWaiting } from './waiting-call.ts'

/** One call of a client before its requests are read, over whatever it came. */
export interface IncomingRequest {
  readonly method: MethodName
  readonly shard: ShardClient
  readonly settings: Settings
  /** What the shard is told about the client. */
  readonly context: CallContext
}

/** Whole, or page by page where it is long. */
type ResponseBody = string | ReadableStream<Uint8Array>

export interface UnaryAnswer {
  readonly body: ResponseBody
  readonly replica: AnsweredBy | undefined
}

/**
 * Answers a call that has one request, given as JSON. Throws an RpcStatus. When `gone` aborts, nobody
 * waits for the answer any more.
 */
export async function callUnary(
  call: IncomingRequest,
  body: Uint8Array,
  gone: AbortSignal,
): Promise<UnaryAnswer> {
  const { method, shard, settings, context } = call
  const type: MessageType<object> = rpcMethods[method].response
  const request = decodeRequest(method, body, settings)
  if (mayWait(method)) {
    const response = await callWaiting(shard, { method, request, context }, gone)
    return { body: encodeJson(type, response), replica: undefined }
  }
  const { response, next, replica } = await shard.call(method, request, context)
  const text =
    next === undefined
      ? encodeJson(type, response)
      : await openRangeBody(shard, request as RangeRequest, response as RangeResponse, next)
  return { body: text, replica }
}
