import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHead } from '../../src/http1/head.ts'
import { RequestReader } from '../../src/http1/request-reader.ts'
import { runs } from '../runs.ts'

/** What became of the bytes of a connection. */
interface Read {
  readonly passed: string
  readonly begun: number
  readonly refused: string | undefined
  readonly isBrokenOff: boolean
}

function readAll(pieces: readonly Buffer[], headBytesMax = 1 << 20): Read {
  let passed = ''
  let begun = 0
  let refused: string | undefined
  let isBrokenOff = false
  const reader = new RequestReader(
    {
      headBytesMax,
      brokenBody: ({ target }, why) =>
        target.path.startsWith('/held') ? { answer: `broken: ${why}` } : undefined,
    },
    {
      pass: (bytes) => {
        passed += typeof bytes === 'string' ? bytes : bytes.toString('latin1')
      },
      begun: () => begun++,
      refuse: ({ answer }) => {
        refused = answer
      },
      breakOff: () => {
        isBrokenOff = true
      },
    },
  )
  pieces.forEach((piece) => reader.push(piece))
  reader.end()
  return { passed, begun, refused, isBrokenOff }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const read = (text: string): Read => readAll([latin1(text)])

const requests = readFileSync(new URL('../golden/raw-http.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => (JSON.parse(line) as { readonly request: string }).request)
  .flatMap((request) => [request, request.replaceAll('/v3/kv/range', '/held')])

/** Where chunks are cut is nobody's business. */
const unchunked = (passed: string): string =>
  passed.replaceAll(/(?<=\r\n)[\da-f]+\r\n(.*?)\r\n/gs, '$1')

describe('what is passed on', () => {
  it('[RAW3] is read again as it is written, and changes no more', () => {
    for (const request of requests) {
      const once = read(request)
      const again = read(once.passed)
      expect(again.passed).toBe(once.passed)
      expect(again.begun).toBe(once.begun)
    }
  })

  it('[RAW3] is plain, whatever else comes', () => {
    const piece = fc.constantFrom(
      'GET ',
      'POST ',
      '/held',
      '/a',
      ' HTTP/1.1',
      ' HTTP/1.0',
      '\r\n',
      '\n',
      '\r',
      'Host: a',
      'host:b',
      'Content-Length: 3',
      'Content-Length:+3',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding : chunked',
      'transfer-encoding:\tChunked',
      'Expect: 100-continue',
      'Connection: close',
      'Upgrade: websocket',
      'Connection: upgrade',
      ' folded',
      'X: \0',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      'abc',
      '\x81\x80',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const { passed } = read(pieces.join(''))
        const heads = passed.match(
          /^[A-Z]+ \/\S* HTTP\/1\.[01]\r\n(?:[!-9;-~]+: [\t -~]*\r\n)+\r\n/gm,
        )
        for (const head of heads ?? []) {
          expect(head.match(/\r\nHost: /g)).toHaveLength(1)
          expect(
            head.match(/\r\n(?:Content-Length|Transfer-Encoding): /gi)?.length ?? 0,
          ).toBeLessThan(2)
        }
        expect(read(passed).passed).toBe(passed)
      }),
      { numRuns: runs(3_000) },
    )
  })

  it('[RAW4] is the same wherever the bytes are cut', () => {
    for (const request of requests.filter(({ length }, place) => length < 2_000 && place % 6 < 2)) {
      const bytes = latin1(request)
      const whole = readAll([bytes])
      const cuts = [
        ...Array.from({ length: bytes.length }, (_, at) => [
          bytes.subarray(0, at),
          bytes.subarray(at),
        ]),
        Array.from(bytes, (byte) => Buffer.of(byte)),
      ]
      for (const pieces of cuts) {
        const cut = readAll(pieces)
        expect({ ...cut, passed: unchunked(cut.passed) }).toEqual({
          ...whole,
          passed: unchunked(whole.passed),
        })
      }
    }
  })
})

describe('a body in chunks', () => {
  const chunked = 'POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'

  it('[RAW3] has a length where it is held until it is whole', () => {
    expect(read(`${chunked}2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\n`).passed).toBe(
      'POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
    )
  })

  it('[RAW3] that is too long to be held goes on in chunks', () => {
    const body = 'x'.repeat(1 << 20)
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n`
    const { passed, begun } = read(`${chunked}${chunk.repeat(20)}0\r\n\r\n`)
    expect(begun).toBe(1)
    expect(passed.startsWith(chunked)).toBe(true)
    expect(passed.endsWith('0\r\n\r\n')).toBe(true)
    expect(passed.match(/x+/g)?.join('').length).toBe(20 << 20)
  })

  it.each([
    ['zz\r\n', 'invalid byte in chunk length'],
    ['\r\n', 'empty hex number for chunk length'],
    ['1\na', 'chunked line ends with bare LF'],
    ['1\r\r\na', 'invalid CR in chunked line'],
    ['1\r\nabc', 'malformed chunked encoding'],
    [`${'1'.repeat(17)}\r\n`, 'http chunk length too large'],
    ['9'.repeat(5_000), 'header line too long'],
    ['1\r\na\r\n', 'unexpected EOF'],
  ])('[RAW1] that is broken is refused, or breaks off what is under way: %j', (broken, why) => {
    expect(read(chunked + broken)).toEqual({
      passed: '',
      begun: 0,
      refused: `broken: ${why}`,
      isBrokenOff: false,
    })
    const streamed = read(chunked.replace('/held', '/a') + broken)
    expect(streamed).toMatchObject({ begun: 1, refused: undefined })
    expect(streamed.isBrokenOff).toBe(why !== 'unexpected EOF')
    expect(streamed.passed).not.toContain('0\r\n\r\n')
  })
})

describe('behind a handshake of WebSocket', () => {
  const handshake =
    'GET /v3/watch HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n'

  it.each([
    ['whole', '\x81\x82\0\0\0\0{}\r\n\r\nGET'],
    ['compressed', '\xc1\x82\0\0\0\0{}'],
    ['a part', '\x01\x82\0\0\0\0{}'],
    ['a compressed part', 'A\x82\0\0\0\0{}'],
    ['without a mask', '\x81\x02{}'],
  ])('[RAW3] frames are passed on as they are: %s', (_, frames) => {
    const passed = `Upgrade: websocket\r\n\r\n${frames}`
    expect(read(handshake + frames).passed.endsWith(passed)).toBe(true)
    const bytes = Array.from(latin1(handshake + frames), (byte) => Buffer.of(byte))
    expect(readAll(bytes).passed.endsWith(passed)).toBe(true)
  })

  it('[RAW3] a request is read like any, since it was refused', () => {
    const two = 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'
    expect(read(handshake + two).refused).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  })
})

it('[RAW2] a head that is too long is refused before it is whole', () => {
  const begun = latin1(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2_000)}`)
  expect(readAll([begun], 1_000).refused).toMatch(/^HTTP\/1\.1 431 /)
  expect(readAll([Buffer.concat([begun, latin1('\r\n\r\n')])], 1_000).refused).toMatch(/ 431 /)
  expect(readAll([begun, latin1('\r\n\r\n')], 3_000).begun).toBe(1)
})

it('[RAW3] nothing of the connection, and no host but the one that counts, goes on', () => {
  const head = readHead(
    'GET http://b:1/x?y#z HTTP/1.1\nHost: a\nTE: gzip\nKeep-Alive: 5\nUpgrade: h2c\nA:  b ',
  )
  expect(head).toMatchObject({ host: 'b:1', target: { path: '/x?y%23z' }, fields: [['A', 'b']] })
})
