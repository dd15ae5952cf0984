import { clusterIdText, keysAnswer } from '../gateway-rules/v2-keys-answer.ts'
import type { V2Answer } from '../protocol/v2-call.ts'
import type { V2Served } from '../protocol/v2-service-call.ts'

/** An answer of the v2 API, as etcd writes its headers. */
export function v2Response(answer: V2Answer, method: string): Response {
  if ('status' in answer) {
    return servedAnswer(answer)
  }
  const { status, headers, fields, body } = keysAnswer(answer)
  return bodyResponse(body, { status, headers: { ...headers, ...fields } }, method)
}

/** etcd says of the body that a HEAD leaves out how long it is. */
export function bodyResponse(body: Uint8Array, init: ResponseInit, method: string): Response {
  const response = new Response(method === 'HEAD' ? null : body, init)
  if (method === 'HEAD') {
    response.headers.set('Content-Length', String(body.length))
  }
  return response
}

function servedAnswer({ status, body, clusterId }: V2Served): Response {
  const headers = new Headers()
  if (clusterId !== undefined) {
    headers.set('X-Etcd-Cluster-Id', clusterIdText(clusterId))
  }
  if (status === 204) {
    return new Response(null, { status, headers })
  }
  headers.set('Content-Type', status === 405 ? 'text/plain; charset=utf-8' : 'application/json')
  // That is a text of Go's, which it writes by another way.
  if (status === 405) {
    headers.set('X-Content-Type-Options', 'nosniff')
  }
  return new Response(body, { status, headers })
}
