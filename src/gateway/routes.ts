import { contextOf, methodAt } from '../gateway-rules/call.ts'
import { CERTIFICATE_HEADER } from '../gateway-rules/certificate.ts'
import { minRevisionIn } from '../gateway-rules/min-revision.ts'
import { callHeaders } from '../gateway-rules/response.ts'
import { deadlineExceeded, parseTimeout } from '../gateway-rules/timeout.ts'
import { AuthStatusRequest, type AuthStatusResponse } from '../protocol/generated/messages.ts'
import { streaming } from '../protocol/methods.ts'
import { statusOf } from '../protocol/status.ts'
import { within } from './deadline.ts'
import { statusOfFailure } from './failure.ts'
import type { GatewayRequest } from './gateway-request.ts'
import { chunksOf } from './json-requests.ts'
import { streamResponse } from './line-stream.ts'
import type { Lines } from './lines.ts'
import { notFound } from './not-found.ts'
import { refusalResponse } from './refusal.ts'
import { replicaHeaders, streamHeaders } from './replica-headers.ts'
import { readBody } from './request-body.ts'
import { serverStream } from './server-stream.ts'
import type { ShardClient } from './shard-client.ts'
import { openLines } from './streams.ts'
import { type IncomingRequest, callUnary } from './unary.ts'
import { webSocketResponse } from './web-socket.ts'

/** Answers a request below /v3/ (or /v3beta/), over HTTP or WebSocket. `path` is decoded. */
export async function callResponse(
  { request, settings, shard, shown }: GatewayRequest,
  path: string,
): Promise<Response> {
  if (request.headers.get(CERTIFICATE_HEADER) !== null && (await isAuthOn(shard))) {
    return refusalResponse(statusOf('certificate-by-http'))
  }
  const method = methodAt(path.replace(/^\/v3beta\//, '/v3/'))
  const context = { ...contextOf(shown, originOf(request.url)), ...minRevisionIn(request) }
  const call = method === undefined ? undefined : { method, shard, settings, context }
  if (request.method === 'GET' && request.headers.get('Upgrade') === 'websocket') {
    return webSocketResponse(request, settings, call)
  }
  if (call === undefined) {
    return notFound(request)
  }
  if (request.method !== 'POST') {
    return refusalResponse(statusOf('method-not-allowed'))
  }
  try {
    return await httpResponse(request, call)
  } catch (error) {
    return refusalResponse(statusOfFailure(error))
  }
}

async function isAuthOn(shard: ShardClient): Promise<boolean> {
  const method = '/etcdserverpb.Auth/AuthStatus'
  const { response } = await shard.call(method, AuthStatusRequest.empty(), { asServer: true })
  return (response as AuthStatusResponse).enabled
}

async function httpResponse(request: Request, call: IncomingRequest): Promise<Response> {
  const timeoutMs = parseTimeout(request.headers.get('Grpc-Timeout'))
  const lines = await openStream(call, request)
  if (lines === undefined) {
    const late = new AbortController()
    const answer = await within(
      timeoutMs,
      async () => callUnary(call, await readBody(request, call.settings), late.signal),
      () => late.abort(),
    )
    return new Response(answer.body, {
      headers: { ...callHeaders, ...replicaHeaders(answer.replica) },
    })
  }
  if (timeoutMs !== undefined) {
    setTimeout(() => lines.cancel(deadlineExceeded()), timeoutMs)
  }
  const { spaceIntervalMs } = call.settings
  const headers = { ...callHeaders, ...streamHeaders(call.shard.streamingPlace(call.method)) }
  return streamResponse(lines, { headers, spaceIntervalMs })
}

/** Only requests in a sequence touch the body as a stream, which costs as much as reading it whole. */
async function openStream(call: IncomingRequest, request: Request): Promise<Lines | undefined> {
  switch (streaming(call.method)) {
    case 'unary':
      return undefined
    case 'server_stream':
      return serverStream(call, await readBody(request, call.settings))
    case 'bidi_stream':
      return openLines(call, chunksOf(request.body))
  }
}

/** A URL's part before its path, cut out because each call needs it and parsing costs more. */
export function originOf(url: string): string {
  return url.slice(0, url.indexOf('/', url.indexOf('//') + 2))
}
