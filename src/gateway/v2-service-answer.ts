import type { V2ServiceCall } from '../protocol/v2-service-call.ts'
import { textResponse } from './refusal.ts'
import type { ShardClient } from './shard-client.ts'
import { v2Response } from './v2-answer.ts'

/** Answers a call of the v2 API that is not of its keys. */
export async function servedResponse(
  shard: ShardClient,
  call: V2ServiceCall,
  method: string,
): Promise<Response> {
  return v2Response(await shard.v2(call), method)
}

/** As etcd's allowMethod; the methods are in its order. */
export function v2MethodNotAllowed(methods: readonly string[]): Response {
  return textResponse(405, 'Method Not Allowed', { Allow: methods.join(',') })
}
