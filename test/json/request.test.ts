import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRequest } from '../../src/json/request.ts'
import { runs } from '../runs.ts'

const body = '{"key":"YQ=="}'
const rest = [`Content-Length: ${body.length}`, '', body]
const plain = ['POST /v3/kv/range HTTP/1.1', 'Host: a:2379']

const bytesOf = (lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')

describe('what clients send', () => {
  it.each([
    ['curl', ['User-Agent: curl/8.5.0', 'Accept: */*', 'Content-Type: application/json']],
    [
      "Python's requests",
      [
        'User-Agent: python-requests/2.31.0',
        'Accept-Encoding: gzip, deflate',
        'Accept: */*',
        'Connection: keep-alive',
      ],
    ],
    [
      "Node's fetch",
      [
        'connection: keep-alive',
        'accept: */*',
        'accept-language: *',
        'sec-fetch-mode: cors',
        'user-agent: node',
      ],
    ],
    ['Go', ['User-Agent: Go-http-client/1.1', 'Accept-Encoding: gzip', 'Authorization: token.7']],
    ['an old browser', ['Connection: Keep-Alive', 'Cookie: a="b"; c', 'Referer: http://x/?y=1#z']],
  ])('[JCP2] is plain: %s', (_, fields) => {
    const bytes = bytesOf([...plain, ...fields, ...rest])
    const request = readRequest(bytes)
    if (typeof request === 'string') {
      throw new TypeError(`read as ${request}`)
    }
    expect(request).toMatchObject({ method: '/etcdserverpb.KV/Range', host: 'a:2379' })
    expect(bytes.toString('latin1', request.bodyStart, request.end)).toBe(body)
    for (const field of fields) {
      const [name = '', value] = field.split(': ')
      expect(request.headers.get(name)).toBe(value)
      expect(request.headers.get(name.toUpperCase())).toBe(value)
    }
    expect(request.headers.get('X-Other')).toBeNull()
  })

  it.each(['a', 'a.example', 'A-b.example:1', '127.0.0.1:2379', '[::1]', '[fe80::1]:2379'])(
    '[JCP2] is plain for a host such as %s',
    (host) => {
      expect(readRequest(bytesOf([plain[0] ?? '', `Host: ${host}`, ...rest]))).toMatchObject({
        host,
      })
    },
  )
})

const read = (line: string, lines: readonly string[]): unknown =>
  readRequest(bytesOf([`${line} HTTP/1.1`, ...lines]))

describe('what is asked of /v2/keys', () => {
  const form = 'value=x'
  const put = ['Host: a', `Content-Length: ${form.length}`, '', form]

  it('[V2K27] is plain where it does not wait', () => {
    expect(read('PUT /v2/keys/a%2Fb/?dir=false', put)).toMatchObject({
      v2: { method: 'PUT', rest: '/a/b/', query: 'dir=false' },
    })
    expect(read('POST /v2/keys', put)).toMatchObject({ v2: { method: 'POST', rest: '' } })
    for (const method of ['GET', 'DELETE']) {
      expect(read(`${method} /v2/keys/a?recursive=true`, ['Host: a', '', ''])).toMatchObject({
        v2: { method, rest: '/a', query: 'recursive=true' },
      })
    }
  })

  it.each([
    ['GET /v2/keys/a?wait=true', ['Host: a', '', '']],
    ['GET /v2/keys/a?%77ait=true', ['Host: a', '', '']],
    ['GET /v2/keys/a', ['Host: a', 'Content-Length: 1', '', 'x']],
    ['HEAD /v2/keys/a', ['Host: a', '', '']],
    ['PUT /v2/keys/a', ['Host: a', '', '']],
    ['PUT /v2/keys//a', put],
    ['PUT /v2/keys/a/../b', put],
    ['PUT /v2/keys/%2e%2e/b', put],
    ['PUT /v2/keys/%zz', put],
    ['PUT /v2/keysa', put],
    ['PUT /v2/keys/a#b', put],
    ['PUT /v2/members/a', put],
    ['PATCH /v2/keys/a', put],
    ['GET /v3/kv/range', ['Host: a', '', '']],
  ] as const)('[V2K27] is not read here: %s %j', (line, lines) => {
    expect(read(line, lines)).toBe('other')
  })
})

/** Each is told from a plain one by one thing. */
const others: Readonly<Record<string, readonly string[]>> = {
  'another method': ['GET /v3/kv/range HTTP/1.1', 'Host: a', ...rest],
  'a method in small letters': ['post /v3/kv/range HTTP/1.1', 'Host: a', ...rest],
  'another version': ['POST /v3/kv/range HTTP/1.0', 'Host: a', ...rest],
  'two spaces': ['POST  /v3/kv/range HTTP/1.1', 'Host: a', ...rest],
  'a tab for a space': ['POST\t/v3/kv/range HTTP/1.1', 'Host: a', ...rest],
  'a space at the end of the line': ['POST /v3/kv/range HTTP/1.1 ', 'Host: a', ...rest],
  'an empty line before it': ['', ...plain, ...rest],
  'an absolute target': ['POST http://a/v3/kv/range HTTP/1.1', 'Host: a', ...rest],
  'a query': ['POST /v3/kv/range?x HTTP/1.1', 'Host: a', ...rest],
  'an escaped path': ['POST /v3/kv/r%61nge HTTP/1.1', 'Host: a', ...rest],
  'a path without a method': ['POST /v3/kv/nothing HTTP/1.1', 'Host: a', ...rest],
  'the older prefix': ['POST /v3beta/kv/range HTTP/1.1', 'Host: a', ...rest],
  'a stream': ['POST /v3/watch HTTP/1.1', 'Host: a', ...rest],
  'an observer': ['POST /v3/election/observe HTTP/1.1', 'Host: a', ...rest],
  'a stream of requests': ['POST /v3/lease/keepalive HTTP/1.1', 'Host: a', ...rest],
  'no host': ['POST /v3/kv/range HTTP/1.1', ...rest],
  'two hosts': [...plain, 'Host: b', ...rest],
  'two hosts that are the same': [...plain, 'host: a:2379', ...rest],
  'a host that is a URL': ['POST /v3/kv/range HTTP/1.1', 'Host: a/b@c', ...rest],
  'an empty host': ['POST /v3/kv/range HTTP/1.1', 'Host: ', ...rest],
  'no length': [...plain, '', body],
  'an empty length': [...plain, 'Content-Length:', '', body],
  'two lengths': [...plain, 'Content-Length: 3', ...rest],
  'two lengths that are the same': [...plain, 'Content-Length: 14', ...rest],
  'a list of lengths': [...plain, 'Content-Length: 14, 14', '', body],
  'a length with a sign': [...plain, 'Content-Length: +14', '', body],
  'a length that begins with zero': [...plain, 'Content-Length: 014', '', body],
  'a length in hex': [...plain, 'Content-Length: 0xe', '', body],
  'a length of letters': [...plain, 'Content-Length: abc', '', body],
  'a length with a fraction': [...plain, 'Content-Length: 14.0', '', body],
  'a body of megabytes': [...plain, 'Content-Length: 1000000', '', body],
  'a body of more bytes than there are numbers': [
    ...plain,
    `Content-Length: 1${'0'.repeat(30)}`,
    '',
    body,
  ],
  'chunks': [...plain, 'Transfer-Encoding: chunked', '', '0', '', ''],
  'chunks and a length': [...plain, 'Transfer-Encoding: chunked', ...rest],
  'a coding that is none': [...plain, 'transfer-encoding: identity', ...rest],
  'a space before the colon': [...plain, `Content-Length : 14`, '', body],
  'a name with a space': [...plain, 'X Y: z', ...rest],
  'a line without a colon': [...plain, 'X-Y', ...rest],
  'a folded line': [...plain, 'X-Y: z', ' z', ...rest],
  'a line that ends in LF alone': [`${plain.join('\r\n')}\nX-Y: z`, ...rest],
  'a CR within a line': [...plain, 'X-Y: z\rTransfer-Encoding: chunked', ...rest],
  'a zero byte': [...plain, 'X-Y: \0', ...rest],
  'a byte beyond ASCII': [...plain, 'X-Y: \xe9', ...rest],
  'a name beyond ASCII': [...plain, 'X-\xe9: z', ...rest],
  'a field that comes twice': [...plain, 'Authorization: a', 'authorization: b', ...rest],
  'a field without a value': [...plain, 'Authorization: ', ...rest],
  'an upgrade': [...plain, 'Connection: Upgrade', 'Upgrade: websocket', ...rest],
  'an upgrade that is only offered': [...plain, 'Upgrade: h2c', ...rest],
  'an end of the connection': [...plain, 'Connection: close', ...rest],
  'a field of the connection': [...plain, 'Connection: keep-alive, X-Y', ...rest],
  'an expectation': [...plain, 'Expect: 100-continue', ...rest],
  'trailers': [...plain, 'Trailer: X-Y', ...rest],
  'trailers that are accepted': [...plain, 'TE: trailers', ...rest],
  'a head that is too long': [...plain, `X-Y: ${'z'.repeat(17_000)}`, ...rest],
}

describe('what is not plain', () => {
  it.each(Object.entries(others))('[JCP2] is not read here: %s', (_, lines) => {
    expect(readRequest(bytesOf(lines))).toBe('other')
  })

  it('[JCP2] is known for what it is before its head is complete', () => {
    for (const begun of [
      'H',
      '\r\n',
      'POST /v2/members',
      'POST /version',
      'PUT /v3',
      'GET /health',
      `POST /v3/${'x'.repeat(17_000)}`,
    ]) {
      expect(readRequest(Buffer.from(begun))).toBe('other')
    }
  })

  it('[JCP3] a head that is not complete may become a plain one', () => {
    const bytes = bytesOf([...plain, ...rest])
    const headEnd = bytes.indexOf('\r\n\r\n') + 4
    for (let cut = 0; cut < headEnd; cut++) {
      expect(readRequest(bytes.subarray(0, cut))).toBe('incomplete')
    }
    for (let cut = headEnd; cut <= bytes.length; cut++) {
      expect(readRequest(bytes.subarray(0, cut))).toMatchObject({
        bodyStart: headEnd,
        end: bytes.length,
      })
    }
  })

  it('[JCP2] one byte more or another one never moves the end of a request', () => {
    const bytes = bytesOf([...plain, 'X-Y: z', ...rest])
    const place = fc.integer({ min: 0, max: bytes.indexOf('\r\n\r\n') + 3 })
    fc.assert(
      fc.property(place, fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, byte, isMore) => {
        const changed = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.of(byte),
          bytes.subarray(at + (isMore ? 0 : 1)),
        ])
        const request = readRequest(changed)
        if (typeof request === 'string') {
          return true
        }
        // By the two marks that everybody who reads HTTP goes by.
        const head = changed.toString('latin1', 0, request.bodyStart)
        const [, length] = /\r\nContent-Length:[ \t]*(\d+)[ \t]*\r\n/i.exec(head) ?? []
        return (
          head.indexOf('\r\n\r\n') === request.bodyStart - 4 &&
          request.end - request.bodyStart === Number(length) &&
          head.match(/content-length|transfer-encoding/gi)?.length === 1
        )
      }),
      { numRuns: runs(5_000) },
    )
  })
})

const readWith = (fields: readonly string[]): ReturnType<typeof readRequest> =>
  readRequest(bytesOf([...plain, ...fields, ...rest]))

describe('one request behind another', () => {
  it('[V2K52] of the same fields has the same ones', () => {
    const [first, second] = [readWith(['Authorization: a']), readWith(['Authorization: a'])]
    expect(second).toEqual(first)
    expect(second).toHaveProperty('headers', typeof first === 'string' ? first : first.headers)
  })

  it('[V2K52] of others has its own', () => {
    readWith(['Authorization: a'])
    const next = readWith(['Authorization: b'])
    expect(typeof next === 'string' ? next : next.headers.get('Authorization')).toBe('b')
  })

  it('[V2K52] of which the length is too much for its method is another', () => {
    const fields = ['Host: a', 'Content-Length: 3', '', 'a=b']
    expect(readRequest(bytesOf(['PUT /v2/keys/a HTTP/1.1', ...fields]))).toMatchObject({
      host: 'a',
    })
    expect(readRequest(bytesOf(['GET /v2/keys/a HTTP/1.1', ...fields]))).toBe('other')
    const none = ['Host: a', '', '']
    expect(readRequest(bytesOf(['GET /v2/keys/a HTTP/1.1', ...none]))).toMatchObject({ host: 'a' })
    expect(readRequest(bytesOf(['PUT /v2/keys/a HTTP/1.1', ...none]))).toBe('other')
  })

  it('[V2K52] that is not plain is so again', () => {
    const chunked = ['Transfer-Encoding: chunked']
    expect([readWith(chunked), readWith(chunked), readWith([])]).toMatchObject([
      'other',
      'other',
      { host: 'a:2379' },
    ])
  })
})
