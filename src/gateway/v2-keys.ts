import type { V2Call, V2KeysCall, V2Method } from '../protocol/v2-call.ts'
import { v2Response } from './v2-answer.ts'
import { credentialsOf } from './v2-credentials.ts'
import { keysCall, V2RequestError } from './v2-keys-call.ts'
import { joinPath } from './v2-path.ts'
import type { V2Request } from './v2-request.ts'
import { v2WatchResponse } from './v2-watch.ts'

/** Answers /v2/keys and all below it. */
export async function keysResponse(asked: V2Request): Promise<Response> {
  const { request, rest, shard } = asked
  const path = joinPath(rest)
  const method = request.method as V2Method
  const call = await callOf({
    request,
    method,
    path: path === '/' ? '' : path,
    askedPath: rest,
    credentials: credentialsOf(asked),
  })
  // With `quorum` etcd forgets that it was to wait.
  if (call.on === 'keys' && call.wait && !call.quorum) {
    return v2WatchResponse(shard, call)
  }
  return v2Response(await shard.v2(call), method)
}

async function callOf(asked: Parameters<typeof keysCall>[0]): Promise<V2KeysCall | V2Call> {
  try {
    return await keysCall(asked)
  } catch (error) {
    if (error instanceof V2RequestError) {
      return { on: 'unreadable', refusal: error.refusal }
    }
    throw error
  }
}
