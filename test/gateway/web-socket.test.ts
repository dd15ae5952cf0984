import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, base64, gatewayWith, metric, put, until } from './client.ts'

const create = (key: string): string => JSON.stringify({ create_request: { key: base64(key) } })

class Socket {
  readonly #socket: WebSocket
  readonly #messages: string[] = []
  #read = 0
  closed = false

  static async open(path: string, headers: Record<string, string> = {}): Promise<Socket> {
    const { status, webSocket } = await ask(path, { headers: { Upgrade: 'websocket', ...headers } })
    if (webSocket === null) {
      throw new Error(`no WebSocket but status ${status}`)
    }
    return new Socket(webSocket)
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(data as string)
    })
    socket.addEventListener('close', () => {
      this.closed = true
    })
    socket.accept()
    onTestFinished(() => this.close())
  }

  send(message: string | Uint8Array): void {
    this.#socket.send(message)
  }

  close(): void {
    this.#socket.close()
  }

  /** The next message, or undefined when the server has closed the socket. */
  async next(): Promise<string | undefined> {
    await until(() => this.#read < this.#messages.length || this.closed)
    return this.#messages[this.#read++]
  }

  async json(): Promise<unknown> {
    return JSON.parse((await this.next()) ?? 'null')
  }
}

/** A line of a stream, or the part of it that a test looks at. */
const result = (fields: object): object => ({ result: fields })

describe('a watch over WebSocket', () => {
  it('[GTW22] sends each line of the stream as a message without newline', async () => {
    const socket = await Socket.open('/v3/watch')
    socket.send(create('ws/a'))
    const first = await socket.next()
    expect(first).not.toContain('\n')
    expect(JSON.parse(first ?? '')).toMatchObject(result({ created: true }))
    await put('ws/a', '1')
    expect(await socket.json()).toMatchObject(result({ events: [{ kv: { value: base64('1') } }] }))
  })

  it('[GTW22] takes values over several messages and several in one, text or binary', async () => {
    const socket = await Socket.open('/v3beta/watch')
    socket.send('{"create_request":')
    socket.send(new TextEncoder().encode('{"key":"Zm9v"}'))
    socket.send(`}${create('ws/b')}`)
    expect(await socket.json()).toMatchObject(result({ created: true }))
    expect(await socket.json()).toMatchObject(result({ created: true, watch_id: '1' }))
  })

  it('[GTW22] goes on after bad input', async () => {
    const socket = await Socket.open('/v3/watch')
    socket.send(create('ws/c'))
    await socket.next()
    socket.send('{bad')
    socket.send(create('ws/c'))
    await put('ws/c', '1')
    expect(await socket.json()).toMatchObject(result({ events: [{ kv: { value: base64('1') } }] }))
    expect(socket.closed).toBe(false)
  })

  it('[GTW18] is forgotten when the socket closes', async () => {
    const name = 'etcd_debugging_mvcc_watch_stream_total'
    const before = await metric(name)
    const socket = await Socket.open('/v3/watch')
    socket.send(create('ws/d'))
    await socket.next()
    expect(await metric(name)).toBe(before + 1)
    socket.close()
    await until(async () => (await metric(name)) === before)
  })
})

describe('other calls over WebSocket', () => {
  it('[GTW23] that are unary are answered, then the socket closes', async () => {
    const socket = await Socket.open('/v3/kv/range')
    socket.send('{"key":')
    socket.send('"Zm9v"}')
    expect(await socket.json()).toMatchObject({ header: { raft_term: '2' } })
    expect(await socket.next()).toBeUndefined()
  })

  it.each([
    ['{}', 'etcdserver: key is not provided'],
    ['x', "invalid character 'x' looking for beginning of value"],
  ])('[GTW23] that are refused, such as %s, say why', async (message, text) => {
    const socket = await Socket.open('/v3/kv/range')
    socket.send(message)
    expect(await socket.json()).toMatchObject({ code: 3, message: text })
    expect(await socket.next()).toBeUndefined()
  })

  it('[GTW23] that are kept alive go on until bad input', async () => {
    const socket = await Socket.open('/v3/lease/keepalive')
    socket.send('{"ID":"1"}')
    expect(await socket.json()).toMatchObject(result({ ID: '1' }))
    socket.send('{"ID":"2"}{"ID":"3"}')
    expect(await socket.json()).toMatchObject(result({ ID: '2' }))
    expect(await socket.json()).toMatchObject(result({ ID: '3' }))
    socket.send('bad')
    expect(await socket.next()).toBeUndefined()
  })

  it('[GTW23] of an unknown path get the 404 in a message', async () => {
    const socket = await Socket.open('/v3/nothing')
    expect(await socket.next()).toBe('{"code":5,"message":"Not Found"}')
    expect(await socket.next()).toBeUndefined()
  })

  it('[GTW23] whose answer is too long for a message say so', async () => {
    for (let n = 0; n < 10; n++) {
      await put(`ws/long/${n}`, 'x'.repeat(100_000))
    }
    const socket = await Socket.open('/v3/kv/range')
    socket.send(JSON.stringify({ key: base64('ws/long/'), range_end: base64('ws/long0') }))
    expect(await socket.json()).toMatchObject({
      code: 8,
      message: 'the answer is too long for a message',
    })
  })

  it('[GTW23] outside of /v3/ are plain requests', async () => {
    const response = await ask('/version', { headers: { Upgrade: 'websocket' } })
    expect(response.status).toBe(200)
    expect(response.webSocket).toBeNull()
  })
})

const offer = (protocol: string): Promise<Response> =>
  ask('/v3/watch', { headers: { 'Upgrade': 'websocket', 'Sec-WebSocket-Protocol': protocol } })

describe('subprotocols', () => {
  it('[GTW24] are answered when they carry a token', async () => {
    const response = await offer('Bearer, token')
    expect(response.headers.get('Sec-WebSocket-Protocol')).toBe('Bearer')
    response.webSocket?.accept()
    response.webSocket?.close()
  })

  it('[GTW24] are not otherwise', async () => {
    const response = await offer('chat')
    expect(response.headers.has('Sec-WebSocket-Protocol')).toBe(false)
    response.webSocket?.accept()
    response.webSocket?.close()
  })

  it('[GTW28] bring the access token of those who cannot set headers', async () => {
    const guarded = gatewayWith({ ETCDURABLE_TOKEN: 'secret' })
    const offered = (token: string): Promise<Response> =>
      guarded('/v3/watch', {
        headers: { 'Upgrade': 'websocket', 'Sec-WebSocket-Protocol': `Bearer, ${token}` },
      })
    expect((await offered('wrong')).status).toBe(401)
    const { status, webSocket } = await offered('secret')
    expect(status).toBe(101)
    webSocket?.accept()
    webSocket?.close()
  })
})
