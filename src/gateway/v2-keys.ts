import { credentialsOf } from '../gateway-rules/v2-credentials.ts'
import { keysCall } from '../gateway-rules/v2-keys-call.ts'
import { joinPath } from '../gateway-rules/v2-path.ts'
import type { V2Method } from '../protocol/v2-call.ts'
import { v2Response } from './v2-answer.ts'
import { readFormBody } from './v2-body.ts'
import type { V2Request } from './v2-request.ts'
import { v2WatchResponse } from './v2-watch.ts'

/** Answers /v2/keys and all below it. */
export async function keysResponse(asked: V2Request): Promise<Response> {
  const { request, rest, shard } = asked
  const path = joinPath(rest)
  const method = request.method as V2Method
  const mark = request.url.indexOf('?')
  const call = keysCall({
    method,
    contentType: request.headers.get('Content-Type'),
    query: mark === -1 ? '' : request.url.slice(mark + 1).replace(/#.*$/s, ''),
    body: await readFormBody(request),
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
