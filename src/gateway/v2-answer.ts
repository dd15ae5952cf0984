import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Answer, V2Header } from '../protocol/v2-call.ts'
import { v2HttpStatus, v2Message, type V2Refusal } from '../protocol/v2-error.ts'

/** The answer of /v2/keys, as etcd writes its headers. */
export function v2Response(answer: V2Answer, method: string): Response {
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
