import type { Head } from './head.ts'

/** What is behind knows these. An unknown method is refused there as this one is, which nothing has. */
const known = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])
const UNKNOWN_METHOD = 'PATCH'
/** For a client that names none, as HTTP/1.0 lets it: a name that nobody has (RFC 6761). */
const NO_HOST = 'host.invalid'

/** Where there is one and it is empty, which workerd takes for none. It is as invalid. */
const NO_TOKEN = 'Bearer'

/** A request's head as it is passed on, with a body of that many bytes or in chunks. */
export function headText(head: Head, body: Head['body']): string {
  const method = known.has(head.method) ? head.method : UNKNOWN_METHOD
  return [
    `${method} ${head.target.path} HTTP/1.${head.minor === 0 ? 0 : 1}`,
    `Host: ${head.host === '' ? NO_HOST : head.host}`,
    ...fieldsOf(head).map(([name, value]) => `${name}: ${value}`),
    ...bodyFields(head, body),
    ...connectionFields(head),
    '',
    '',
  ].join('\r\n')
}

/** Of several fields of a name Go's Header.Get sees the first, where others join them. */
function fieldsOf({ fields }: Head): Head['fields'] {
  const seen = new Set<string>()
  return fields
    .filter(([name]) => {
      const isFirst = !seen.has(name.toLowerCase())
      seen.add(name.toLowerCase())
      return isFirst || name.toLowerCase() === 'cookie'
    })
    .map(([name, value]) => [name, isEmptyToken(name, value) ? NO_TOKEN : value])
}

function isEmptyToken(name: string, value: string): boolean {
  return name.toLowerCase() === 'authorization' && value === ''
}

function bodyFields({ method, waits }: Head, body: Head['body']): readonly string[] {
  const expect = waits ? ['Expect: 100-continue'] : []
  if (body === 'chunked') {
    return [...expect, 'Transfer-Encoding: chunked']
  }
  return body === 0 && method !== 'POST' ? [] : [...expect, `Content-Length: ${body}`]
}

function connectionFields({ minor, closes, opensWebSocket }: Head): readonly string[] {
  if (opensWebSocket) {
    return ['Connection: Upgrade', 'Upgrade: websocket']
  }
  if (closes) {
    return ['Connection: close']
  }
  return minor === 0 ? ['Connection: keep-alive'] : []
}
