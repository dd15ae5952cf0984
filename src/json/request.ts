import { methodAt } from '../gateway-rules/call.ts'
import type { RequestHead } from '../gateway-rules/request-head.ts'
import { type MethodName, streaming } from '../protocol/methods.ts'
import { type PlainV2Request, type V2Target, v2Target } from './v2-request.ts'

/** A request of HTTP/1.1 that calls a unary method, and that can be read in one way only. */
export interface PlainRequest extends RequestHead {
  readonly method: MethodName
  readonly host: string
  /** Where the body is among the bytes that the request was read from; its end may be yet to come. */
  readonly bodyStart: number
  readonly end: number
}

/** As much as a request has to say of itself at most. */
const HEAD_BYTES_MAX = 16 * 1024
/** A request is held in whole until it is complete. What is longer costs so much that a pipe adds little. */
const BODY_BYTES_MAX = 256 * 1024

const BEGINS = ['POST /v3/', 'PUT /v2/keys', 'GET /v2/keys', 'POST /v2/keys', 'DELETE /v2/keys']
const HEAD_END = '\r\n\r\n'

/** RFC 9112 without what it only tolerates: one space, no folded lines, no bytes beyond ASCII. */
const plainLine = /^(POST|PUT|GET|DELETE) (\/v[23]\/[!-~]+) HTTP\/1\.1$/
const plainFields = /^(?:[\w!#$%&'*+.^`|~-]+:[\t -~]*\r\n)+$/
/** It may end a head that others read: then nothing else is to come. */
const bareEnd = /(?<!\r)\n/
const plainHost = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
const plainLength = /^(?:0|[1-9]\d{0,9})$/

/** They change what the body is, or what becomes of the connection. */
const notPlain = ['transfer-encoding', 'upgrade', 'expect', 'trailer', 'te']

/**
 * Reads the request that begins with the bytes. Whatever is not of the plainest form is `other`: it
 * is not for this parser to say what it means.
 */
export function readRequest(bytes: Buffer): PlainRequest | PlainV2Request | 'incomplete' | 'other' {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd === -1) {
    const head = bytes.toString('latin1', 0, HEAD_BYTES_MAX + 1)
    const isBegun =
      BEGINS.some((begin) => begin.startsWith(head.slice(0, begin.length))) && !bareEnd.test(head)
    return isBegun && bytes.length <= HEAD_BYTES_MAX ? 'incomplete' : 'other'
  }
  if (headEnd > HEAD_BYTES_MAX) {
    return 'other'
  }
  const head = bytes.toString('latin1', 0, headEnd + 2)
  const lineEnd = head.indexOf('\r\n')
  const [, verb = '', target = ''] = plainLine.exec(head.slice(0, lineEnd)) ?? []
  const asked = askedAt(verb, target)
  const fields = asked && fieldsIn(head.slice(lineEnd + 2))
  if (asked === undefined || fields === undefined) {
    return 'other'
  }
  const { host, headers, length = hasBody(verb) ? undefined : 0 } = fields
  if (length === undefined || length > (hasBody(verb) ? BODY_BYTES_MAX : 0)) {
    return 'other'
  }
  const bodyStart = headEnd + HEAD_END.length
  return { ...asked, host, headers, bodyStart, end: bodyStart + length }
}

/** What is said behind a request's first line. */
interface PlainFields {
  readonly host: string
  /** Of the body, where it is said. */
  readonly length: number | undefined
  readonly headers: RequestHead['headers']
}

let lastLines = ''
let lastFields: PlainFields | undefined

/** Those of one request are mostly those of the one before, and then the same object. */
function fieldsIn(lines: string): PlainFields | undefined {
  if (lines !== lastLines) {
    lastFields = readPlainFields(lines)
    lastLines = lines
  }
  return lastFields
}

function readPlainFields(lines: string): PlainFields | undefined {
  const fields = plainFields.test(lines) ? readFields(lines) : undefined
  if (fields === undefined) {
    return undefined
  }
  const host = fields.get('host') ?? ''
  const length = fields.get('content-length')
  const isPlain =
    plainHost.test(host) &&
    (length === undefined || plainLength.test(length)) &&
    (fields.get('connection') ?? 'keep-alive').toLowerCase() === 'keep-alive' &&
    !notPlain.some((name) => fields.has(name))
  return isPlain
    ? {
        host,
        length: length === undefined ? undefined : Number(length),
        headers: { get: (name) => fields.get(name.toLowerCase()) ?? null },
      }
    : undefined
}

function hasBody(verb: string): boolean {
  return verb === 'POST' || verb === 'PUT'
}

/** Undefined where that is nothing that is answered here. */
function askedAt(
  verb: string,
  target: string,
): { readonly method: MethodName } | { readonly v2: V2Target } | undefined {
  if (target.startsWith('/v2/')) {
    const v2 = v2Target(verb, target)
    return v2 && { v2 }
  }
  const method = verb === 'POST' ? methodAt(target) : undefined
  return method !== undefined && streaming(method) === 'unary' ? { method } : undefined
}

/**
 * By their names in lower case; undefined where one comes twice, of which others may take either, or
 * is empty, which others may take for none.
 */
function readFields(lines: string): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>()
  for (let start = 0; start < lines.length;) {
    const colon = lines.indexOf(':', start)
    const end = lines.indexOf('\r\n', colon)
    const name = lines.slice(start, colon).toLowerCase()
    const value = lines.slice(colon + 1, end).trim()
    if (value === '' || fields.has(name)) {
      return undefined
    }
    fields.set(name, value)
    start = end + 2
  }
  return fields
}
