import { once } from 'node:events'
import { connect, type ClientHttp2Session } from 'node:http2'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { H2Exchange } from '../../src/bridge/h2-exchange.ts'
import { serveExchanges } from './h2-served.ts'

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
  { what: 'no number', announced: '4, 4', body: 'four' },
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
