import { Agent } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProxyServed, serveProxy } from './proxy-served.ts'

/** A body that is a request where somebody takes it for one. */
const SMUGGLED = 'GET /private HTTP/1.1\r\nHost: store.example\r\n\r\n'

let served: ProxyServed
/** What the gateway was asked, with the bodies. */
let asked: string[]

beforeEach(async () => {
  asked = []
  // All that the proxy passes on goes over one connection.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  served = await serveProxy((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part))
    request.on('end', () => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''} ${body}`)
      response.end('answered')
    })
  }, agent)
})

afterEach(() => served.stop())

/** Sends the bytes and answers all that comes back. */
async function converse(bytes: string | Buffer): Promise<string> {
  const client = connect({ port: served.port, host: '127.0.0.1' })
  client.write(bytes)
  return text(client)
}

async function overHttp2(method: string, body: string | undefined): Promise<string> {
  const session = connectHttp2(`http://127.0.0.1:${served.port}`)
  const stream = session.request(
    { ':path': '/version', ':method': method },
    { endStream: body === undefined },
  )
  if (body !== undefined) {
    stream.end(body)
  }
  const answered = await text(stream)
  session.close()
  return answered
}

describe('a request with a body where none is usual', () => {
  it.each(['GET', 'DELETE', 'OPTIONS', 'POST'])(
    '[PRT17] stays one request with its body: %s',
    async (method) => {
      const length = SMUGGLED.length.toString(16)
      const chunked = `Transfer-Encoding: chunked\r\n\r\n${length}\r\n${SMUGGLED}\r\n0\r\n\r\n`
      const head = `${method} /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
      expect(await converse(head + chunked)).toContain('answered')
      await converse('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      expect(asked).toEqual([`${method} /base/version ${SMUGGLED}`, 'GET /base/next '])
    },
  )

  it.each(['GET', 'DELETE', 'OPTIONS', 'POST'])(
    '[PRT17] stays one request with its body over HTTP/2: %s',
    async (method) => {
      expect(await overHttp2(method, SMUGGLED)).toBe('answered')
      expect(await overHttp2('GET', undefined)).toBe('answered')
      expect(asked).toEqual([`${method} /base/version ${SMUGGLED}`, 'GET /base/version '])
    },
  )

  it('[PRT17] is a handshake without it, and the next request is whole', async () => {
    // The gateway takes no WebSocket, so that the connection could be used again.
    const head =
      'GET /v3/watch HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    expect(await converse(`${head}Content-Length: 40\r\n\r\n`)).toContain('answered')
    await converse('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    expect(asked).toEqual(['GET /base/v3/watch ', 'GET /base/next '])
  })
})

it.each(['/a\tb', '/a\fb', '/a\0b', '/\u00e4', '/\u007f'])(
  '[PRT18] a path that cannot be passed on is answered with 400: %j',
  async (path) => {
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    expect(await converse(Buffer.from(head, 'latin1'))).toMatch(/^HTTP\/1\.1 400 /)
    expect(asked).toEqual([])
  },
)
