import { badRequest, emptyRefusal, notSupported, type Refusal, unknownCoding } from './refusal.ts'
import { readTarget, type Target } from './target.ts'

type Field = readonly [name: string, value: string]

/** The head of a request that Go's server serves. */
export interface Head {
  readonly method: string
  readonly target: Target
  /** Of HTTP/1. */
  readonly minor: number
  /** Empty where there is none. */
  readonly host: string
  /** All others, but for those of the connection and the body. */
  readonly fields: readonly Field[]
  /** How many bytes the body has, or that it comes in chunks. */
  readonly body: number | 'chunked'
  /** The client sends its body when it is told to go on. */
  readonly waits: boolean
  readonly closes: boolean
  readonly opensWebSocket: boolean
}

const token = /^[\w!#$%&'*+.^`|~-]+$/
const tokenOrSpace = /^[\w !#$%&'*+.^`|~-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
/** Go's httpguts.ValidHostHeader lets more in, of which no URL could be made. */
const hostText = /^(?:[\w.~!$&'()*+,;=-]*|\[[\da-f:.]*\])(?::\d*)?$/i
const lengthText = /^\d{1,15}$/
const space = /^[\t ]+|[\t ]+$/g

/** Those of the connection, which is not passed on. */
const dropped = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'expect',
  'connection',
  'upgrade',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'http2-settings',
])

/** Reads a head as Go's server does (net/http: request.go, transfer.go, server.go). `text` is latin1. */
export function readHead(text: string): Head | Refusal {
  const [line = '', ...rest] = text.split('\n').map((one) => one.replace(/\r$/, ''))
  const [, method = '', uri = '', version = ''] = /^([^ ]*) ([^ ]*) (.*)$/s.exec(line) ?? []
  const [, major, minorText] = /^HTTP\/(\d)\.(\d)$/.exec(version) ?? []
  const target = readTarget(method, uri === '*' ? '/' : uri)
  const fields = readFields(rest)
  if (!token.test(method) || target === undefined || major === undefined || !fields) {
    return badRequest()
  }
  if (major !== '1') {
    return notSupported
  }
  const minor = Number(minorText)
  const named = namedBy(fields)
  const body = bodyOf(named, minor)
  if (typeof body === 'object') {
    return body
  }
  const refused = refusalOf(method, minor, fields, named)
  if (refused !== undefined) {
    return refused
  }
  if (uri === '*' && method !== 'OPTIONS') {
    return emptyRefusal('400 Bad Request')
  }
  const [expected = ''] = named('expect')
  if (expected !== '' && !hasToken(expected, '100-continue')) {
    return emptyRefusal('417 Expectation Failed')
  }
  const connection = named('connection').join(',')
  const [upgrade = ''] = named('upgrade')
  return {
    method,
    target,
    minor,
    host: target.host ?? named('host')[0] ?? '',
    fields: fields.filter(([name]) => !dropped.has(name.toLowerCase())),
    body,
    waits: expected !== '' && minor > 0 && body !== 0,
    closes: minor === 0 ? !hasToken(connection, 'keep-alive') : hasToken(connection, 'close'),
    opensWebSocket:
      method === 'GET' &&
      minor > 0 &&
      body === 0 &&
      upgrade.toLowerCase() === 'websocket' &&
      hasToken(connection, 'upgrade'),
  }
}

type Named = (name: string) => readonly string[]

function namedBy(fields: readonly Field[]): Named {
  return (wanted) =>
    fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
}

/** With folded lines joined; undefined where a line is none (net/textproto: readMIMEHeader). */
function readFields(lines: readonly string[]): readonly Field[] | undefined {
  const joined: string[] = []
  for (const line of lines) {
    if (!/^[\t ]/.test(line)) {
      joined.push(line.replaceAll(space, ''))
    } else if (joined.length === 0) {
      return undefined
    } else {
      joined.push(`${joined.pop() ?? ''} ${line.replaceAll(space, '')}`)
    }
  }
  const fields: Field[] = []
  for (const line of joined) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).replaceAll(space, '')
    if (colon === -1 || !tokenOrSpace.test(name) || !fieldValue.test(value)) {
      return undefined
    }
    fields.push([name, value])
  }
  return fields
}

/** In chunks or by its length; what else there is to it is refused, as two readings of it would be. */
function bodyOf(named: Named, minor: number): Head['body'] | Refusal {
  const codings = minor === 0 ? [] : named('transfer-encoding')
  if (codings.length > 0) {
    return codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
      ? 'chunked'
      : unknownCoding
  }
  const [length, ...others] = named('content-length')
  if (length === undefined) {
    return 0
  }
  return lengthText.test(length) && others.every((other) => other === length)
    ? Number(length)
    : badRequest()
}

function refusalOf(
  method: string,
  minor: number,
  fields: readonly Field[],
  named: Named,
): Refusal | undefined {
  const [host, ...otherHosts] = named('host')
  if (otherHosts.length > 0) {
    return badRequest()
  }
  if (host === undefined && minor > 0 && method !== 'CONNECT') {
    return badRequest('missing required Host header')
  }
  if (!hostText.test(host ?? '')) {
    return badRequest('malformed Host header')
  }
  return fields.every(([name]) => token.test(name)) ? undefined : badRequest('invalid header name')
}

/** Go's hasToken, which looks for no more than this. */
function hasToken(text: string, wanted: string): boolean {
  return text
    .toLowerCase()
    .split(/[\t ,]/)
    .includes(wanted)
}
