import type { RequestHead } from '../gateway-rules/request-head.ts'
import { cleanPath, decodePath } from '../gateway-rules/v2-path.ts'
import type { V2Method } from '../protocol/v2-call.ts'

/** A request of /v2/keys that does not wait, and that can be read in one way only. */
export interface PlainV2Request extends RequestHead {
  readonly v2: V2Target
  readonly host: string
  /** Where the body is among the bytes that the request was read from; its end may be yet to come. */
  readonly bodyStart: number
  readonly end: number
}

export interface V2Target {
  readonly method: V2Method
  /** Behind /v2/keys, decoded. */
  readonly rest: string
  readonly query: string
}

const PREFIX = '/v2/keys'

const plainTarget =
  /^(\/v2\/keys(?:\/(?:[\w.~!$&'()*+,:;=@-]|%[\da-fA-F]{2})*)*)(?:\?([\w.~!$&'()*+,:;=@%/-]*))?$/
/** Whatever may say that it waits: those who do are the gateway's, and how long nobody knows. */
const mayWait = /wait|%/

/** Undefined for what the gateway has to look at. */
export function v2Target(method: string, target: string): V2Target | undefined {
  const [, path, query = ''] = plainTarget.exec(target) ?? []
  if (path === undefined || (method === 'GET' && mayWait.test(query))) {
    return undefined
  }
  const decoded = decodePath(path)
  return cleanPath(decoded) === decoded
    ? { method: method as V2Method, rest: decoded.slice(PREFIX.length), query }
    : undefined
}
