import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { base64, call } from './http.ts'
import { sampleSettles } from './metrics.ts'
import { HttpStream, WebSocketStream } from './streams.ts'
import { Target, targetIsEtcd } from './target.ts'

let target: Target

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

afterEach(() => expectNextClientServed())

/** Whatever came before, the next client is served as ever. */
async function expectNextClientServed(): Promise<void> {
  const next = { key: base64('next client'), value: base64('1') }
  await call(target.url, '/v3/kv/put', next)
  const answer = await call(target.url, '/v3/kv/range', { key: next.key })
  expect(answer).toMatchObject({ kvs: [next], count: '1' })
}

/** A TCP connection of which every byte is ours. */
async function dial(): Promise<Socket> {
  const { hostname, port } = new URL(target.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  // The server may cut it at any time: that is what the tests provoke.
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** What arrives until the server closes; the test ends the connection itself after `bytes`. */
async function untilClosed(socket: Socket): Promise<string> {
  let seen = ''
  socket.on('data', (data) => {
    seen += data.toString('latin1')
  })
  socket.resume()
  await once(socket, 'close')
  return seen
}

async function handshake(path: string): Promise<Socket> {
  const socket = await dial()
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /)
  return socket
}

const put = `{"key":"${base64('half')}","value":"${base64('1')}"}`

describe('bytes that are not HTTP', () => {
  it.each([
    ['binary garbage', '\0\x01\x02\xff garbage\r\n\r\n'],
    ['an unknown version', 'POST /v3/kv/put HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['a length of letters', 'POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n{}'],
    ['a negative length', 'POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(200, '\x7f')],
  ])('[BAD11] end their own connection only: %s', async (_, bytes) => {
    const socket = await dial()
    socket.write(bytes, 'latin1')
    socket.end()
    expect(await untilClosed(socket)).toMatch(/^$|^HTTP\/1\.1 (400|501|505) /)
  })
})

describe('clients that vanish half-way', () => {
  const head = 'POST /v3/kv/put HTTP/1.1\r\nHost: x\r\n'

  it.each([
    ['in the headers', head],
    ['before the body', `${head}Content-Length: ${put.length}\r\n\r\n`],
    ['in the body', `${head}Content-Length: ${put.length}\r\n\r\n${put.slice(0, -5)}`],
    [
      'in a chunk',
      `${head}Transfer-Encoding: chunked\r\n\r\n${put.length.toString(16)}\r\n${put.slice(0, -5)}`,
    ],
  ])('[BAD12] write nothing: %s', async (_, bytes) => {
    const socket = await dial()
    socket.write(bytes)
    // Another client's round trip: by then the bytes have arrived.
    await expectNextClientServed()
    socket.destroy()
    const answer = await call(target.url, '/v3/kv/range', { key: base64('half') })
    expect(answer).not.toHaveProperty('kvs')
  })

  it('[BAD13] may leave a large answer unread', async () => {
    const value = base64('x'.repeat(1024 * 1024))
    const keys = Array.from({ length: 20 }, (_, at) => base64(`large/${at}`))
    await Promise.all(keys.map((key) => call(target.url, '/v3/kv/put', { key, value })))
    const all = `{"key":"${base64('large/')}","range_end":"${base64('large0')}"}`
    for (let client = 0; client < 10; client++) {
      const socket = await dial()
      socket.pause()
      const length = `Content-Length: ${all.length}`
      socket.write(`POST /v3/kv/range HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${all}`)
      await once(socket, 'readable')
      socket.destroy()
    }
  })
})

describe('clients that vanish with a call under way', () => {
  it('[GTW38] take no call of another with them', async () => {
    const request = { key: base64('shared'), value: base64('1') }
    const body = JSON.stringify(request)
    const bytes = `POST /v3/kv/put HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    for (let round = 0; round < 40; round++) {
      const leaving = await Promise.all([1, 2, 3, 4, 5, 6].map(() => dial()))
      const staying = leaving.map((socket) => {
        socket.write(bytes)
        return call(target.url, '/v3/kv/put', request)
      })
      // Each at another step of its call; the answers' round trips are what there is to wait by.
      for (const socket of leaving) {
        socket.destroy()
        await call(target.url, '/v3/kv/range', { key: request.key })
      }
      await Promise.all(staying)
    }
  })
})

describe('a client that waits for a lock', () => {
  const lock = JSON.stringify({ name: base64('wanted') })
  const queue = { key: base64('wanted/'), range_end: base64('wanted0'), count_only: true }

  async function untilQueued(count: string): Promise<void> {
    while ((await call(target.url, '/v3/kv/range', queue))['count'] !== count) {
      await sleep(10)
    }
  }

  it.each([
    ['vanishes', (socket: Socket) => socket.resetAndDestroy()],
    ['closes its connection', (socket: Socket) => socket.destroy()],
  ])('[JCP4] leaves the queue when it %s', async (_, leave) => {
    const { key } = await call(target.url, '/v3/lock/lock', { name: base64('wanted') })
    const waiting = await dial()
    waiting.write(
      `POST /v3/lock/lock HTTP/1.1\r\nHost: x\r\nContent-Length: ${lock.length}\r\n\r\n${lock}`,
    )
    await untilQueued('2')
    leave(waiting)
    await untilQueued('1')
    await call(target.url, '/v3/lock/unlock', { key: key ?? null })
  })
})

describe('WebSocket frames that are none', () => {
  const mask = '\x01\x02\x03\x04'

  // workerd hears of these, or takes them, without cutting the connection, and gives a Worker no
  // means to cut it.
  const LEFT_OPEN = new Set([
    'reserved bits and an unknown opcode',
    'no mask',
    'a ping of 126 bytes',
  ])

  it.each([
    ['reserved bits and an unknown opcode', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'],
    ['no mask', '\x81\x02{}'],
    ['a length of 2^63 bytes', `\x81\xff\x80\0\0\0\0\0\0\0${mask}`],
    ['a ping of 126 bytes', `\x89\xfe\0\x7e${mask}`.padEnd(140, 'x')],
    ['a continuation of nothing', `\x80\x82${mask}zz`],
  ])('[BAD14] end the connection: %s', async (name, frame) => {
    const socket = await handshake('/v3/watch')
    if (!targetIsEtcd && LEFT_OPEN.has(name)) {
      socket.write(frame, 'latin1')
      await expectNextClientServed()
      return
    }
    socket.write(frame, 'latin1')
    // A close frame with a code may come first.
    expect(await untilClosed(socket)).toMatch(/^$|^\x88/)
  })

  it('[BAD15] a fragment that never ends is waited for', async () => {
    const socket = await handshake('/v3/watch')
    socket.write(`\x01\x82${mask}zz`, 'latin1')
    await expectNextClientServed()
    expect(socket.closed).toBe(false)
  })

  it.each([
    ['no key', 'Sec-WebSocket-Version: 13\r\n'],
    [
      'an old version',
      'Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n',
    ],
  ])('[BAD16] a handshake with %s is refused', async (_, headers) => {
    const socket = await dial()
    socket.write(
      `GET /v3/watch HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${headers}\r\n`,
    )
    socket.end()
    // workerd itself answers a version that it does not speak, with the code of RFC 6455.
    expect(await untilClosed(socket)).toMatch(
      targetIsEtcd ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 4(00|26) /,
    )
  })
})

describe('a thousand half-open watches', () => {
  const count = 1000
  const watchers = 'etcd_debugging_mvcc_watcher_total'
  const create = JSON.stringify({ create_request: { key: base64('next client') } })

  it.each([
    ['HTTP', (url: string) => new HttpStream(url, '/v3/watch')],
    ['WebSocket', (url: string) => new WebSocketStream(url, '/v3/watch')],
  ])('[BAD17] are served like any, and gone once their clients are: %s', async (_, open) => {
    const streams = Array.from({ length: count }, () => open(target.url))
    onTestFinished(() => streams.forEach((stream) => stream.close()))
    const created = streams.map((stream) => {
      stream.send(create)
      return stream.next()
    })
    for (const answer of await Promise.all(created)) {
      expect(answer).toMatchObject({ result: { created: true } })
    }
    await expectNextClientServed()
    for (const answer of await Promise.all(streams.map((stream) => stream.next()))) {
      expect(answer).toMatchObject({ result: { events: [{}] } })
    }
    streams.forEach((stream) => stream.close())
    await expectNextClientServed()
    expect(await sampleSettles(target.url, watchers, 0)).toBe(0)
  })

  it('[BAD18] may stop in the middle of their first request: HTTP', async () => {
    const streams = Array.from({ length: count }, () => new HttpStream(target.url, '/v3/watch'))
    onTestFinished(() => streams.forEach((stream) => stream.close()))
    streams.forEach((stream) => stream.send(create.slice(0, -3)))
    await expectNextClientServed()
  })

  it('[BAD18] may stop in the middle of their first request: WebSocket', async () => {
    const streams = Array.from(
      { length: count },
      () => new WebSocketStream(target.url, '/v3/watch'),
    )
    onTestFinished(() => streams.forEach((stream) => stream.close()))
    await Promise.all(streams.map((stream) => stream.opened()))
    streams.forEach((stream) => stream.send(create.slice(0, -3)))
    await expectNextClientServed()
  })
})
