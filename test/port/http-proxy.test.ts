import { once } from 'node:events'
import { Agent, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectPlain } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { HttpProxy } from '../../src/port/http-proxy.ts'
import { ChunkedPost } from '../e2e/http-chunks.ts'
import { type ProxyServed, serveProxy } from './proxy-served.ts'

let answer: (request: IncomingMessage, response: ServerResponse) => void
let served: ProxyServed
let gateway: Server
let proxy: HttpProxy
let port: number
let log: readonly string[]

beforeEach(async () => {
  served = await serveProxy((asked, response) => answer(asked, response))
  ;({ gateway, proxy, port, log } = served)
})

afterEach(() => served.stop())

/** Answers what was asked, as JSON. */
function mirror(): void {
  answer = (asked, response) => {
    const { method, url, headers } = asked
    response.setHeader('x-answer', 'yes')
    void text(asked).then((body) => response.end(JSON.stringify({ method, url, headers, body })))
  }
}

interface Mirrored {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

async function http2Request(path: string, body: string): Promise<{ status: number; body: string }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const stream = session.request({ ':path': path, ':method': 'POST', 'x-asked': 'so' })
  stream.end(body)
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>]
  const received = await text(stream)
  session.close()
  return { status: Number(headers[':status']), body: received }
}

describe('the proxy', () => {
  it('[PRT5] passes a request on with the host and the token of the gateway', async () => {
    mirror()
    const response = await fetch(`http://127.0.0.1:${port}/v3/kv/put?x=1`, {
      method: 'POST',
      body: 'the body',
      headers: { 'authorization': 'Bearer forged', 'x-asked': 'so', 'te': 'trailers' },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-answer')).toBe('yes')
    const { method, url, headers, body } = (await response.json()) as Mirrored
    expect({ method, url, body }).toEqual({
      method: 'POST',
      url: '/base/v3/kv/put?x=1',
      body: 'the body',
    })
    expect(headers).toMatchObject({
      'host': 'store.example',
      'authorization': 'Bearer secret',
      'x-asked': 'so',
    })
    expect(headers['te']).toBeUndefined()
  })

  it('[PRT14] asks for nothing that is not for its clients, and turns redirections to them', async () => {
    mirror()
    const refused = await fetch(`http://127.0.0.1:${port}/private`)
    expect(await refused.json()).toMatchObject({ url: '/base/not-served' })
    answer = (_, response) => response.writeHead(307, { location: '/base/elsewhere' }).end()
    const redirected = await fetch(`http://127.0.0.1:${port}/here`, { redirect: 'manual' })
    expect(redirected.headers.get('location')).toBe('/elsewhere')
  })

  it('[PRT8] passes an HTTP/2 request on as HTTP/1.1', async () => {
    mirror()
    const { status, body } = await http2Request('/version', 'the body')
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({
      method: 'POST',
      url: '/base/version',
      body: 'the body',
      headers: { 'host': 'store.example', 'x-asked': 'so' },
    })
  })

  it('[PRT5] streams both ways at once', async () => {
    answer = (asked, response) => {
      response.flushHeaders()
      asked.on('data', (part) => response.write(`got ${String(part)}\n`))
      asked.on('end', () => response.end('end'))
    }
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path: '/v3/watch' })
    asked.flushHeaders()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    for (const part of ['one', 'two']) {
      asked.write(part)
      const [data] = (await once(response, 'data')) as [Buffer]
      expect(String(data)).toBe(`got ${part}\n`)
    }
    asked.end()
    expect(await text(response)).toBe('end')
  })

  it.each([
    ['/v3/watch', ['{"a":1}\n', '{"b":2}\n', '{"c":3}\n', '{"last":']],
    ['/v3/kv/range', ['{"a', '":1}\n{"b":2}\n{"c":3}\n', '{"last":']],
  ])(
    '[PRT19] gives each message of a stream a chunk, and leaves others alone: %s',
    async (path, chunks) => {
      answer = (_, response) => {
        response.write('{"a')
        // Some time later, so that the proxy has been given the two by themselves.
        setTimeout(() => {
          response.write('":1}\n{"b":2}\n{"c":3}\n')
          setTimeout(() => response.end('{"last":'), 20)
        }, 20)
      }
      const post = await ChunkedPost.open(`http://127.0.0.1:${port}`, path, '{}')
      const seen: string[] = []
      for (let chunk = await post.chunk(); chunk !== undefined; chunk = await post.chunk()) {
        seen.push(chunk)
      }
      post.close()
      expect(seen).toEqual(chunks)
    },
  )

  it('[PRT21] ends the streams that go through it with a line that says so, when it ends', async () => {
    answer = (_, response) => void response.write('{"a":1}\n{"cut')
    const post = await ChunkedPost.open(`http://127.0.0.1:${port}`, '/v3/watch', '{}')
    expect(await post.chunk()).toBe('{"a":1}\n')
    const closed = proxy.close()
    expect(await post.chunk()).toBe(
      '{"error":{"code":14,"message":"error reading from server: EOF"}}\n',
    )
    expect(await post.chunk()).toBeUndefined()
    post.close()
    await closed
  })

  it('[PRT5] lets a request go whose client has gone', async () => {
    const gone = new Promise((resolve) => {
      answer = (asked, response) => {
        response.flushHeaders()
        asked.socket.once('close', resolve)
      }
    })
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path: '/v3/watch' })
    asked.flushHeaders()
    await once(asked, 'response')
    asked.on('error', () => undefined).destroy()
    await gone
    expect(log).toEqual([])
  })

  it('[PRT5] passes WebSockets on', async () => {
    const server = new WebSocketServer({ server: gateway })
    server.on('connection', (socket, asked) => {
      socket.send(`${asked.url ?? ''} ${asked.headers.host ?? ''}`)
      socket.on('message', (message: Buffer) => socket.send(`echo ${message.toString()}`))
    })
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v3/watch`)
    expect(String((await once(socket, 'message'))[0])).toBe('/base/v3/watch store.example')
    socket.send('hello')
    expect(String((await once(socket, 'message'))[0])).toBe('echo hello')
    socket.close()
    await once(socket, 'close')
    server.close()
  })

  it('[PRT5] passes the refusal of a WebSocket on', async () => {
    answer = (_, response) => response.writeHead(404).end('no such thing')
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v3/nothing`)
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
    expect({ status: response.statusCode, body: await text(response) }).toEqual({
      status: 404,
      body: 'no such thing',
    })
  })

  it('[PRT5] passes over an offer of h2c', async () => {
    mirror()
    const client = connectPlain({ port, host: '127.0.0.1' })
    client.write(
      'GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n' +
        'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n',
    )
    const whole = await text(client)
    expect(whole).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(whole).toContain('"url":"/base/version"')
    expect(whole).not.toContain('h2c')
  })
})

describe('a proxy that ends', () => {
  it('[PRT12] ends idle connections, calls that wait and WebSockets', async () => {
    const server = new WebSocketServer({ server: gateway })
    answer = (asked, response) => {
      if (asked.url === '/base/v3/lock/lock') {
        response.flushHeaders()
      } else {
        response.end()
      }
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const idle = request({ port, host: '127.0.0.1', path: '/version', agent })
    idle.end()
    const [{ socket }] = (await once(idle, 'response')) as [IncomingMessage]
    const waiting = request({ port, host: '127.0.0.1', path: '/v3/lock/lock' })
    waiting.end()
    const [unanswered] = (await once(waiting, 'response')) as [IncomingMessage]
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}/v3/watch`)
    await once(webSocket, 'open')
    const ends = [
      new Promise((resolve) => socket.once('close', resolve)),
      text(unanswered).catch(String),
      once(webSocket, 'close'),
    ]
    await proxy.close()
    expect((await Promise.all(ends))[1]).toContain('aborted')
    server.close()
  })

  it('[PRT21] says so to who has got no answer yet', async () => {
    let asked = 0
    const all = new Promise<void>((resolve) => {
      answer = () => void (++asked === 3 && resolve())
    })
    const answers = ['/v3/watch', '/v3/lock/lock'].map((path) =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' }),
    )
    const overHttp2 = http2Request('/v3/watch', '{}')
    await all
    await proxy.close()
    const word = '{"code":14,"message":"error reading from server: EOF"}'
    const [watch, lock] = await Promise.all(answers)
    expect([watch?.status, await watch?.text()]).toEqual([503, `{"error":${word}}\n`])
    expect([lock?.status, await lock?.text()]).toEqual([503, word])
    expect(await overHttp2).toEqual({ status: 503, body: `{"error":${word}}\n` })
  })

  it('[PRT21] ends streams of HTTP/2 behind whole lines, also of a client that takes nothing', async () => {
    const line = `${'x'.repeat(99_999)}\n`
    answer = (_, response) => void response.write(line.repeat(100) + 'cut')
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({ ':path': '/v3/maintenance/snapshot', ':method': 'POST' })
    stream.end('{}')
    await once(stream, 'response')
    const closed = proxy.close()
    await sleep(300)
    const lines = (await text(stream)).split('\n')
    expect(lines.splice(-2)).toEqual([
      '{"error":{"code":14,"message":"error reading from server: EOF"}}',
      '',
    ])
    expect(new Set(lines)).toEqual(new Set([line.trimEnd()]))
    session.close()
    await closed
  })

  it('[PRT12] lets an answer under way end', async () => {
    const asked = new Promise<ServerResponse>((resolve) => {
      answer = (_, response) => resolve(response)
    })
    const response = fetch(`http://127.0.0.1:${port}/version`)
    const answering = await asked
    const closed = proxy.close()
    answering.end('an answer')
    expect(await (await response).text()).toBe('an answer')
    await closed
  })
})

describe('a gateway that cannot be reached', () => {
  const unavailable = { code: 14, message: expect.stringMatching(/^connection error: ./) as string }

  it('[PRT6] is code 14, Unavailable', async () => {
    gateway.close()
    const response = await fetch(`http://127.0.0.1:${port}/version`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual(unavailable)
    const { status, body } = await http2Request('/version', '')
    expect(status).toBe(503)
    expect(JSON.parse(body)).toEqual(unavailable)
    expect(log).toEqual(Array.from({ length: 2 }, () => 'warn the gateway could not be asked'))
  })

  it('[PRT6] in the middle of an answer is an answer that breaks off', async () => {
    answer = (asked, response) => {
      response.write('half', () => asked.socket.destroy())
    }
    const response = await fetch(`http://127.0.0.1:${port}/version`)
    await expect(response.text()).rejects.toThrow('terminated')
  })
})
