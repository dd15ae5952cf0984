import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Answered, V2Header, V2Refused } from '../protocol/v2-call.ts'
import { v2HttpStatus, v2Message, type V2Refusal } from '../protocol/v2-error.ts'
import type { WholeResponse } from './response.ts'

/** The answer of /v2/keys, as etcd writes it. */
export function keysAnswer(answer: V2Answered | V2Refused): WholeResponse {
  if ('refusal' in answer) {
    const { refusal, header } = answer
    const headers = {
      'Content-Type': 'application/json',
      'X-Etcd-Cluster-Id': clusterIdText(header.clusterId),
      'X-Etcd-Index': String(refusal.index),
    }
    return { status: v2HttpStatus(refusal.code), headers, body: refusalJson(refusal) }
  }
  const { header, body, isCreated } = answer
  return { status: isCreated ? 201 : 200, headers: eventHeaders(header), body }
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

/** As types.ID prints it. */
export function clusterIdText(id: bigint): string {
  return id.toString(16)
}

export function refusalJson({ code, cause, index }: V2Refusal): string {
  const reason = cause === '' ? '' : `"cause":${goJsonText(cause)},`
  return `{"errorCode":${code},"message":${goJsonText(v2Message(code))},${reason}"index":${index}}\n`
}
