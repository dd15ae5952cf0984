import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { WebSocketClient } from '../../src/bridge/web-socket-client.ts'
import { HEAD_BYTES_MAX } from '../../src/bridge/web-socket-frames.ts'
import { makeAuthority, makeLeaf } from './certificates.ts'

const SUBPROTOCOL = 'test.1'
const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]

/** A client, and what it says of itself. */
class Heard {
  readonly client: WebSocketClient
  readonly said: string[] = []
  readonly #waiting = new Set<() => void>()

  constructor(url: string, handshakeMsMax = 5_000) {
    const say = (line: string): void => {
      this.said.push(line)
      this.#waiting.forEach((look) => look())
    }
    this.client = new WebSocketClient(
      {
        url,
        subprotocol: SUBPROTOCOL,
        headers: { Authorization: 'Bearer secret' },
        handshakeMsMax,
        messageBytesMax: 1024 * 1024,
      },
      {
        opened: () => say('opened'),
        received: (message, isBinary) => say(`${isBinary ? 'binary' : 'text'} ${told(message)}`),
        ponged: () => say('ponged'),
        drained: () => say('drained'),
        refused: (response) => {
          const { statusCode } = response
          text(response).then(
            (body) => say(`${statusCode} ${body}`),
            () => say(`${statusCode} and cut off`),
          )
        },
        closed: (reason) => say(`closed: ${reason}`),
      },
    )
    onTestFinished(() => this.client.destroy())
  }

  /** Waits for a line that begins so. */
  says(beginning: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.said.some((line) => line.startsWith(beginning))) {
          this.#waiting.delete(look)
          resolve()
        }
      }
      this.#waiting.add(look)
      look()
    })
  }

  send(payload: Uint8Array): void {
    this.client.send(Buffer.concat([Buffer.alloc(HEAD_BYTES_MAX), payload]))
  }
}

function told(message: Uint8Array): string {
  return `${message.length}:${Buffer.from(message.subarray(0, 3)).toString('hex')}`
}

/** Counts up, so that a mask laid wrongly is seen. */
function counting(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7))
}

/** Listens where it is told, and answers the address as a WebSocket's. */
async function listen(server: Server, path?: string): Promise<string> {
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path })
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return path === undefined
    ? `ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`
    : `ws+unix:${path}:/session`
}

interface Opened {
  readonly heard: Heard
  readonly socket: WebSocket
  readonly request: IncomingMessage
}

/** Both ends of a socket that is open. */
async function open(server = createServer(), path?: string): Promise<Opened> {
  return openAt(server, await listen(server, path))
}

async function openAt(server: Server, url: string): Promise<Opened> {
  const sockets = new WebSocketServer({ server, handleProtocols: () => SUBPROTOCOL })
  const connected = once(sockets, 'connection')
  const heard = new Heard(url)
  const [socket, request] = (await connected) as [WebSocket, IncomingMessage]
  await heard.says('opened')
  return { heard, socket, request }
}

async function exchangesAllLengths({ heard, socket, request }: Opened): Promise<void> {
  expect(request.url).toBe('/session')
  expect(request.headers.authorization).toBe('Bearer secret')
  const received: Buffer[] = []
  const all = new Promise<void>((resolve) => {
    socket.on('message', (message) => {
      received.push(message as Buffer)
      if (received.length === LENGTHS.length) {
        resolve()
      }
    })
  })
  const sent = LENGTHS.map(counting)
  for (const payload of sent) {
    heard.send(payload)
    socket.send(payload)
  }
  await all
  expect(received.map((one, i) => one.equals(sent[i] ?? one))).toEqual(LENGTHS.map(() => true))
  await heard.says(`binary ${told(counting(200_000))}`)
  expect(heard.said.filter((line) => line !== 'drained')).toEqual([
    'opened',
    ...sent.map((payload) => `binary ${told(payload)}`),
  ])
}

it('[LNK25] messages of every length arrive, over TCP', async () => {
  await exchangesAllLengths(await open())
})

it('[LNK25] messages of every length arrive, over a Unix socket', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-ws-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await exchangesAllLengths(await open(createServer(), join(directory, 'socket')))
})

it('[LNK25] messages of every length arrive, over TLS, from a server that is trusted', async () => {
  const authority = await makeAuthority('signer')
  const server = createSecureServer(await makeLeaf(authority))
  const url = (await listen(server)).replace('ws:', 'wss:')
  const stranger = new Heard(url)
  await stranger.says('closed: unable to verify')
  const before = getCACertificates()
  setDefaultCACertificates([...before, authority.cert])
  onTestFinished(() => setDefaultCACertificates(before))
  await exchangesAllLengths(await openAt(server, url))
})

it('[LNK26] what goes to another machine is masked, and never alike', async () => {
  const server = createRawServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const heads: string[] = []
  server.on('connection', (socket: Socket) => {
    socket.once('data', (request) => {
      socket.write(accepting(request.toString()))
      socket.on('data', (frames) => heads.push(frames.toString('hex')))
    })
    onTestFinished(() => void socket.destroy())
  })
  const heard = new Heard(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`)
  await heard.says('opened')
  for (let i = 0; i < 3; i++) {
    const before = heads.join('').length
    heard.send(Buffer.alloc(8))
    await expect.poll(() => heads.join('').length).toBe(before + 2 * (2 + 4 + 8))
  }
  const frames = heads.join('').match(/.{28}/g) ?? []
  expect(new Set(frames).size).toBe(3)
  for (const frame of frames) {
    const [, mask = ''] = /^8288(.{8})/.exec(frame) ?? []
    expect(frame).toBe(`8288${mask}${mask}${mask}`)
  }
})

/** The answer of a server by RFC 6455 §1.3 to this handshake; `accept` in place of the right one. */
function accepting(request: string, accept?: string, subprotocol = SUBPROTOCOL): string {
  const [, key = ''] = /sec-websocket-key: (.*)\r\n/i.exec(request) ?? []
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept ?? acceptOf(key)}`,
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    '\r\n',
  ].join('\r\n')
}

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** A server that answers a handshake with these bytes. */
async function answering(answer: (request: string) => string | Buffer): Promise<string> {
  const server = createRawServer((socket) => {
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.once('data', (request) => socket.write(answer(request.toString())))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`
}

const NO_WEB_SOCKET = 'closed: the upstream does not know how to open a WebSocket'

it.each([
  ['another key', (request: string) => accepting(request, acceptOf('other'))],
  ['another subprotocol', (request: string) => accepting(request, undefined, 'other')],
  ['another upgrade', (request: string) => accepting(request).replace('websocket', 'h2c')],
])('[LNK27] a handshake answered with %s opens nothing', async (_, answer) => {
  const heard = new Heard(await answering(answer))
  await heard.says(NO_WEB_SOCKET)
  expect(heard.said).toEqual([NO_WEB_SOCKET])
})

it('[LNK27] a handshake that is not answered in time is given up', async () => {
  const heard = new Heard(await answering(() => ''), 50)
  await heard.says('closed: the handshake takes too long')
  expect(heard.said).toHaveLength(1)
})

it('[LNK27] a handshake that is cut off is', async () => {
  const server = createRawServer((socket) => socket.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const heard = new Heard(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`)
  await heard.says('closed: socket hang up')
  expect(heard.said).toHaveLength(1)
})

it('[LNK27] an answer that is no WebSocket is for the listener to read', async () => {
  const server = createServer((_, response) => response.writeHead(401).end('no'))
  const heard = new Heard(await listen(server))
  await heard.says('401 no')
  expect(heard.said).toEqual(['401 no'])
})

it('[LNK27] and so is one that is cut off, or never ends', async () => {
  const cut = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nno'
  const server = createRawServer((socket) => {
    socket.once('data', () => socket.write(cut, () => socket.resetAndDestroy()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const reset = new Heard(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`)
  await reset.says('401 and cut off')
  const endless = new Heard(await answering(() => cut), 100)
  await endless.says('401 and cut off')
  expect([reset.said, endless.said]).toEqual([['401 and cut off'], ['401 and cut off']])
})

it('[LNK27] a frame in the packet of the handshake is not lost', async () => {
  const heard = new Heard(
    await answering((request) =>
      Buffer.concat([Buffer.from(accepting(request)), Buffer.from([0x82, 1, 9, 0x82, 1, 8])]),
    ),
  )
  await heard.says('binary 1:08')
  expect(heard.said).toEqual(['opened', 'binary 1:09', 'binary 1:08'])
})

it('[LNK28] pings are answered with what they bring, and pongs are told', async () => {
  const { heard, socket } = await open()
  const pong = once(socket, 'pong')
  socket.ping('are you there')
  expect(String((await pong)[0])).toBe('are you there')
  heard.client.ping()
  await heard.says('ponged')
})

it('[LNK28] a goodbye is answered with its code, and named', async () => {
  const { heard, socket } = await open()
  const closed = once(socket, 'close')
  socket.close(4404, 'keyspace not found')
  expect((await closed)[0]).toBe(4404)
  await heard.says('closed: closed with 4404, keyspace not found')
})

it('[LNK28] a goodbye without a code is 1005, and an end without a goodbye 1006', async () => {
  const polite = await open()
  polite.socket.close()
  await polite.heard.says('closed: closed with 1005')
  const rude = await open()
  rude.socket.terminate()
  await rude.heard.says('closed: closed with 1006')
  expect(rude.heard.said).toEqual(['opened', 'closed: closed with 1006'])
})

it('[LNK28] an end is heard of at once, whatever is still to be sent', async () => {
  const { heard, request } = await open()
  request.socket.pause()
  for (let i = 0; i < 100; i++) {
    heard.send(Buffer.alloc(200_000))
  }
  await expect.poll(() => heard.client.queuedBytes).toBeGreaterThan(0)
  request.socket.end()
  await heard.says('closed: closed with 1006')
  await expect.poll(() => heard.client.queuedBytes).toBe(0)
})

it('[LNK28] a goodbye from here is 1000, of which the listener hears nothing', async () => {
  const { heard, socket, request } = await open()
  const closed = once(socket, 'close')
  // It has left before the server hears of the goodbye, and so does its answer to that.
  const ended = once(request.socket, 'end')
  socket.send('late')
  heard.client.close()
  expect((await closed)[0]).toBe(1000)
  await ended
  expect(heard.said).toEqual(['opened'])
})

it.each([
  ['a frame of opcode 3', [0x83, 0]],
  ['half a code of a goodbye', [0x88, 1, 3]],
])(
  '[LNK24] a server that sends what is no frame is told so and given up: %s',
  async (name, bytes) => {
    const { heard, socket, request } = await open()
    const closed = once(socket, 'close')
    request.socket.write(Buffer.from(bytes))
    await heard.says(`closed: the upstream sent ${name}`)
    expect((await closed)[0]).toBe(1002)
  },
)

it('[LNK29] what a slow server has not taken is counted, and told when it has', async () => {
  const { heard, request, socket } = await open()
  request.socket.pause()
  while (heard.client.queuedBytes < 1024 * 1024) {
    heard.send(Buffer.alloc(200_000))
    await new Promise(setImmediate)
  }
  expect(heard.said).toEqual(['opened'])
  socket.resume()
  request.socket.resume()
  await heard.says('drained')
  expect(heard.client.queuedBytes).toBe(0)
})
