import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Answered, V2Header, V2Refused } from '../protocol/v2-call.ts'
import { v2HttpStatus, v2Message, type V2Refusal } from '../protocol/v2-error.ts'

/** An answer of the v2 API: `fields` are those that hardly two answers share, whose names come behind all others. */
export interface V2Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, string>>
  /** JSON in UTF-8. */
  readonly body: Uint8Array
}

/** The answer of /v2/keys, as etcd writes it. */
export function keysAnswer(answer: V2Answered | V2Refused): V2Response {
  if ('refusal' in answer) {
    const { refusal, header } = answer
    return {
      status: v2HttpStatus(refusal.code),
      headers: clusterHeaders(header.clusterId),
      fields: { 'X-Etcd-Index': String(refusal.index) },
      body: utf8.encode(refusalJson(refusal)),
    }
  }
  const { header, body, isCreated } = answer
  return {
    status: isCreated ? 201 : 200,
    headers: clusterHeaders(header.clusterId),
    fields: indexFields(header),
    body,
  }
}

export function eventHeaders(header: V2Header): Record<string, string> {
  return { ...clusterHeaders(header.clusterId), ...indexFields(header) }
}

function indexFields({ etcdIndex, raftIndex, raftTerm }: V2Header): Record<string, string> {
  return {
    'X-Etcd-Index': String(etcdIndex),
    'X-Raft-Index': String(raftIndex),
    'X-Raft-Term': String(raftTerm),
  }
}

const utf8 = new TextEncoder()
const headersOf = new Map<bigint, Readonly<Record<string, string>>>()
const CLUSTERS_MAX = 1000

/** The same object for each answer of a cluster, so that it is printed once. */
function clusterHeaders(clusterId: bigint): Readonly<Record<string, string>> {
  let headers = headersOf.get(clusterId)
  if (headers === undefined) {
    if (headersOf.size >= CLUSTERS_MAX) {
      headersOf.clear()
    }
    headers = {
      'Content-Type': 'application/json',
      'X-Etcd-Cluster-Id': clusterIdText(clusterId),
    }
    headersOf.set(clusterId, headers)
  }
  return headers
}

/** As types.ID prints it. */
export function clusterIdText(id: bigint): string {
  return id.toString(16)
}

export function refusalJson({ code, cause, index }: V2Refusal): string {
  const reason = cause === '' ? '' : `"cause":${goJsonText(cause)},`
  return `{"errorCode":${code},"message":${goJsonText(v2Message(code))},${reason}"index":${index}}\n`
}
