import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { H2Exchange } from '../../src/h2/exchange.ts'
import { until } from '../grpc/served.ts'
import { Flag, frame, FrameType, headerBlock, opening, RawConnection } from './raw-frames.ts'
import { serveExchanges } from './served.ts'

const listener = createServer({ allowHalfOpen: true })
let serve: (exchange: H2Exchange) => void
let session: ClientHttp2Session

beforeEach(async () => {
  listener.removeAllListeners('connection')
  listener.on('connection', (socket) => serveExchanges(socket, (exchange) => serve(exchange)))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  session = connect(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`)
})

afterEach(() => {
  session.destroy()
  listener.close()
})

it('[PRT8] bodies of megabytes go both ways as they are read', async () => {
  serve = (exchange) => {
    exchange.respond({ ':status': 201, 'set-cookie': ['a', 'b'] })
    exchange.pipe(exchange)
  }
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  const body = 'abcdefg'.repeat(1_000_000)
  stream.end(body)
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  expect(headers).toMatchObject({ ':status': 201, 'set-cookie': ['a', 'b'] })
  expect(await text(stream)).toBe(body)
})

it('[PRT8] names that come twice are joined', async () => {
  serve = (exchange) => {
    exchange.respond({ ':status': 200 })
    exchange.end(JSON.stringify(exchange.headers))
  }
  const stream = session.request({ ':path': '/x', 'cookie': ['a=1', 'b=2'], 'x-a': ['1', '2'] })
  stream.end()
  expect(JSON.parse(await text(stream))).toMatchObject({
    ':path': '/x',
    'cookie': 'a=1; b=2',
    'x-a': '1, 2',
  })
})

it('[PRT8] either side hears of an end that is none', async () => {
  const gone = new Promise<H2Exchange>((resolve) => {
    serve = (exchange) => {
      exchange.respond({ ':status': 200 })
      exchange.write('half')
      exchange.resume().once('close', () => resolve(exchange))
    }
  })
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  stream.on('error', () => undefined)
  await once(stream, 'data')
  stream.close(8)
  expect((await gone).destroyed).toBe(true)
  serve = (exchange) => void exchange.destroy()
  const other = session.request({ ':method': 'POST', ':path': '/' })
  const [error] = (await once(other, 'error')) as [Error]
  expect(error.message).toContain('NGHTTP2_INTERNAL_ERROR')
})

it.for([
  { what: 'short', announced: '5', body: 'four' },
  { what: 'long', announced: '3', body: 'four' },
])('[HTF10] a body that is $what breaks off', async ({ announced, body }) => {
  const read = new Promise<string>((resolve) => {
    serve = (exchange) => {
      text(exchange).then(
        () => resolve('all'),
        () => resolve('broken'),
      )
    }
  })
  const stream = session.request({ ':method': 'POST', ':path': '/', 'content-length': announced })
  stream.on('error', () => undefined)
  stream.end(body)
  expect(await read).toBe('broken')
})

type Fields = readonly (readonly [name: string, value: string])[]

const plainFields: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/'],
]

/** The pseudo-headers that are given take the places of others. */
function requestHead(stream: number, given: Fields): Buffer {
  const rest = plainFields.filter(([name]) => given.every((field) => field[0] !== name))
  const [pseudo, others] = [true, false].map((is) =>
    given.filter(([n]) => n.startsWith(':') === is),
  )
  const fields = [...rest, ...(pseudo ?? []), ...(others ?? [])]
  const payload = Buffer.concat(fields.map(([name, value]) => headerBlock({ [name]: value })))
  return frame(FrameType.HEADERS, { stream, flags: Flag.END_HEADERS, payload })
}

const lengthTwice: Fields = [
  ['content-length', '2'],
  ['content-length', '2'],
]
const foreign: readonly { readonly what: string; readonly given: Fields }[] = [
  { what: 'a method of two words', given: [[':method', 'G T']] },
  { what: 'an empty method', given: [[':method', '']] },
  { what: 'a method beyond ASCII', given: [[':method', 'G\u00c4T']] },
  { what: 'CONNECT with a path', given: [[':method', 'CONNECT']] },
  { what: 'a space in its path', given: [[':path', '/a b']] },
  { what: 'a tab in its path', given: [[':path', '/a\tb']] },
  { what: 'a line end in its path', given: [[':path', '/a\r\nb']] },
  { what: 'a NUL in its path', given: [[':path', '/a\0b']] },
  { what: 'a path beyond ASCII', given: [[':path', '/\u00e4']] },
  { what: 'a path that does not begin with a slash', given: [[':path', 'http://x/']] },
  { what: 'its length twice', given: lengthTwice },
  { what: 'two lengths in one', given: [['content-length', '2, 2']] },
  { what: 'a length that is no number', given: [['content-length', '+2']] },
  { what: 'an empty length', given: [['content-length', '']] },
  { what: 'a length beyond all numbers', given: [['content-length', '9'.repeat(30)]] },
]

it.for(foreign)(
  '[HTF12] a request with $what is reset before anybody sees it',
  async ({ given }) => {
    let count = 0
    serve = (exchange) => {
      count++
      exchange.respond({ ':status': 200 })
      exchange.resume().end()
    }
    const connection = new RawConnection((listener.address() as AddressInfo).port)
    const body = frame(FrameType.DATA, { stream: 1, payload: Buffer.from('ok more') })
    await connection.send(opening, requestHead(1, given), body)
    await until(() => connection.ofType(FrameType.RST_STREAM).length === 1)
    expect(connection.ofType(FrameType.RST_STREAM)[0]?.payload.readUInt32BE(0)).toBe(1)
    expect(count).toBe(0)
    await connection.send(requestHead(3, [['content-length', '0']]))
    await until(() => connection.ofType(FrameType.HEADERS).length === 1)
    expect(count).toBe(1)
    connection.socket.destroy()
  },
)
