import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Answer, V2Header } from '../protocol/v2-call.ts'
import { v2HttpStatus, v2Message, type V2Refusal } from '../protocol/v2-error.ts'
import type { V2Served } from '../protocol/v2-service-call.ts'

/** An answer of the v2 API, as etcd writes its headers. */
export function v2Response(answer: V2Answer, method: string): Response {
  if ('status' in answer) {
    return servedAnswer(answer)
  }
  if ('refusal' in answer) {
    const { refusal, header } = answer
    const headers = {
      'Content-Type': 'application/json',
      'X-Etcd-Cluster-Id': clusterIdText(header.clusterId),
      'X-Etcd-Index': String(refusal.index),
    }
    return bodyResponse(
      refusalJson(refusal),
      { status: v2HttpStatus(refusal.code), headers },
      method,
    )
  }
  const { header, body, isCreated } = answer
  return bodyResponse(
    body,
    { status: isCreated ? 201 : 200, headers: eventHeaders(header) },
    method,
  )
}

export function eventHeaders(header: V2Header): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'X-Etcd-Cluster-Id': clusterIdText(header.clusterId),
    'X-Etcd-Index': String(header.etcdIndex),
    'X-Raft-Index': String(header.raftIndex),
    'X-Raft-Term': String(header.raftTerm),
  }
}

/** etcd says of the body that a HEAD leaves out how long it is. */
export function bodyResponse(body: string, init: ResponseInit, method: string): Response {
  const response = new Response(method === 'HEAD' ? null : body, init)
  if (method === 'HEAD') {
    response.headers.set('Content-Length', String(new TextEncoder().encode(body).length))
  }
  return response
}

/** As types.ID prints it. */
export function clusterIdText(id: bigint): string {
  return id.toString(16)
}

function refusalJson({ code, cause, index }: V2Refusal): string {
  const reason = cause === '' ? '' : `"cause":${goJsonText(cause)},`
  return `{"errorCode":${code},"message":${goJsonText(v2Message(code))},${reason}"index":${index}}\n`
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
