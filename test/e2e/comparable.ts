// Two answers to one request are compared after everything unspecified is taken out of both.
import { type HttpAnswer, isObject, type Json, type JsonObject } from './http.ts'
import { plainBody } from './plain.ts'
import type { RandomRequest } from './random-request.ts'

export interface ComparableAnswer {
  readonly status: number
  readonly type: string | undefined
  /** Parsed JSON, or a list of such for a stream, or the text of a body that is not JSON. */
  readonly body: Json
}

export function comparableAnswer(request: RandomRequest, answer: HttpAnswer): ComparableAnswer {
  const { path, message } = request
  const lines = path.endsWith('/keepalive') ? answer.body.trimEnd().split('\n') : [answer.body]
  const bodies = lines.map((line) => plainBody(path, line))
  const [body = null] = bodies
  if (path === '/v3/election/observe' && isLate(answer)) {
    return { status: 504, type: undefined, body: 'too late' }
  }
  return {
    status: answer.status,
    type: answer.headers['content-type'],
    body: bodies.length > 1 ? bodies : withoutTies(path, message, body),
  }
}

/** Told by the client of etcd's gateway or by its server, whichever is first, and each in its way. */
function isLate({ status, body }: HttpAnswer): boolean {
  return status === 504 || body.includes('context deadline exceeded')
}

function withoutTies(path: string, message: JsonObject, body: Json): Json {
  if (!isObject(body)) {
    return body
  }
  switch (path) {
    case '/v3/kv/range':
      return rangeWithoutTies(message, body)
    case '/v3/kv/txn':
      return txnWithoutTies(message, body)
    case '/v3/maintenance/alarm':
      return sorted(body, 'alarms')
    case '/v3/maintenance/status':
      return sorted(body, 'errors')
    default:
      return body
  }
}

/** etcd keeps its alarms in a map, and tells of them in any order. */
function sorted(body: JsonObject, field: string): JsonObject {
  const list = body[field]
  return Array.isArray(list)
    ? {
        ...body,
        [field]: list.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      }
    : body
}

/** A transaction's answers are parallel to the requests of the branch that ran. */
function txnWithoutTies(txn: JsonObject, answer: JsonObject): JsonObject {
  const branch = answer['succeeded'] === true ? txn['success'] : txn['failure']
  const { responses } = answer
  if (!Array.isArray(responses) || !Array.isArray(branch)) {
    return answer
  }
  const plain = responses.map((response: JsonObject, index): JsonObject => {
    const op = branch[index] as JsonObject | undefined
    const { response_range: range, response_txn: nested } = response
    if (isObject(range) && isObject(op?.['request_range'])) {
      return { ...response, response_range: rangeWithoutTies(op['request_range'], range) }
    }
    if (isObject(nested) && isObject(op?.['request_txn'])) {
      return { ...response, response_txn: txnWithoutTies(op['request_txn'], nested) }
    }
    return response
  })
  return { ...answer, responses: plain }
}

const sortField: Readonly<Record<string, string>> = {
  VERSION: 'version',
  CREATE: 'create_revision',
  MOD: 'mod_revision',
  VALUE: 'value',
}

/**
 * etcd's sort is not stable: keys with an equal sort value come in any order, so they are put in
 * key order here. Where a limit cut the list, any of the last equals may have been left out: of
 * those only the number counts.
 */
function rangeWithoutTies(range: JsonObject, answer: JsonObject): JsonObject {
  const field = sortField[String(range['sort_target'])]
  const kvs = answer['kvs']
  if (field === undefined || !Array.isArray(kvs)) {
    return answer
  }
  const groups: JsonObject[][] = []
  for (const kv of kvs as readonly JsonObject[]) {
    const group = groups.at(-1)
    if (group?.[0] !== undefined && group[0][field] === kv[field]) {
      group.push(kv)
    } else {
      groups.push([kv])
    }
  }
  const ordered: Json[] = groups.map((group) => group.toSorted(byKey))
  if (answer['more'] === true && groups.length > 0) {
    ordered[ordered.length - 1] = `${groups.at(-1)?.length} of the keys with an equal ${field}`
  }
  return { ...answer, kvs: ordered }
}

function byKey(first: JsonObject, second: JsonObject): number {
  return String(first['key']) < String(second['key']) ? -1 : 1
}
