import { createHash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, it, onTestFinished, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import type { LinkConnection, SocketEnd } from '../../src/link/connection.ts'
import { webSocketTo } from '../../src/link/web-socket.ts'
import { encodeFrames, FrameKind, SESSION_PROTOCOL } from '../../src/protocol/frames.ts'
import { makeAuthority, makeLeaf } from '../port/certificates.ts'

/** With their frame's head of 10 bytes they are of each form that a message's length has. */
const LENGTHS = [0, 115, 116, 65_525, 65_526, 200_000]

/** A connection, and what it says. */
class Heard {
  readonly connection: LinkConnection
  readonly said: string[] = []
  end: SocketEnd | undefined

  constructor(url: string) {
    this.connection = webSocketTo({ url, token: 'secret' }).connect({
      busy: false,
      opened: () => void this.said.push('opened'),
      received: ({ payload }) => void this.said.push(told(payload)),
      drained: () => void this.said.push('drained'),
      closed: (end) => {
        this.end = end
        this.said.push(`closed: ${end.reason}`)
      },
    })
    onTestFinished(() => this.connection.close())
  }

  /** Waits for a line that begins so. */
  async says(beginning: string): Promise<void> {
    await vi.waitUntil(() => this.said.some((line) => line.startsWith(beginning)), 10_000)
  }

  send(payload: Uint8Array): void {
    this.connection.send([frame(payload)])
  }
}

function frame(payload: Uint8Array) {
  return { kind: FrameKind.DATA, stream: 1, payload }
}

function told(payload: Uint8Array): string {
  return `${payload.length} bytes: ${Buffer.from(payload.subarray(-3)).toString('hex')}`
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
  const sockets = new WebSocketServer({ server, handleProtocols: () => SESSION_PROTOCOL })
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
  socket.on('message', (message) => received.push(message as Buffer))
  const sent = LENGTHS.map(counting)
  for (const payload of sent) {
    heard.send(payload)
    socket.send(encodeFrames([frame(payload)]))
  }
  await heard.says(told(counting(200_000)))
  expect(heard.said.filter((line) => line !== 'drained')).toEqual(['opened', ...sent.map(told)])
  await expect.poll(() => received.length).toBe(sent.length)
  expect(received).toEqual(sent.map((payload) => Buffer.from(encodeFrames([frame(payload)]))))
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

/** Listens on a raw socket, for which `serve` answers. */
async function serveRaw(serve: (socket: Socket) => void): Promise<string> {
  const server = createRawServer((socket) => {
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/session`
}

/** A server that answers a handshake with these bytes. */
function answering(answer: (request: string) => string): Promise<string> {
  return serveRaw((socket) => {
    socket.once('data', (request) => socket.write(answer(request.toString())))
  })
}

/** The answer of a server by RFC 6455 §1.3 to this handshake; `accept` in place of the right one. */
function accepting(request: string, accept?: string, subprotocol = SESSION_PROTOCOL): string {
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

it('[LNK26] what goes to another machine is masked, and never alike', async () => {
  const heads: string[] = []
  const url = await serveRaw((socket) => {
    socket.once('data', (request) => {
      socket.write(accepting(request.toString()))
      socket.on('data', (frames) => heads.push(frames.toString('hex')))
    })
  })
  const heard = new Heard(url)
  await heard.says('opened')
  const message = encodeFrames([frame(Buffer.alloc(6))])
  const sizes = 2 * (2 + 4 + message.length)
  for (let i = 0; i < 3; i++) {
    heard.send(Buffer.alloc(6))
    await expect.poll(() => heads.join('').length).toBe(sizes * (i + 1))
  }
  const frames = heads.join('').match(new RegExp(`.{${sizes}}`, 'g')) ?? []
  expect(new Set(frames).size).toBe(3)
  for (const one of frames.map((text) => Buffer.from(text, 'hex'))) {
    expect(one.subarray(0, 2).toString('hex')).toBe('8290')
    const mask = one.subarray(2, 6)
    const unmasked = one.subarray(6).map((byte, i) => byte ^ (mask[i % 4] ?? 0))
    expect(Buffer.from(unmasked)).toEqual(Buffer.from(message))
  }
})

it.each([
  [
    'another key',
    'Invalid Sec-WebSocket-Accept header',
    (request: string) => accepting(request, acceptOf('other')),
  ],
  [
    'another subprotocol',
    'Server sent an invalid subprotocol',
    (request: string) => accepting(request, undefined, 'other'),
  ],
  [
    'another upgrade',
    'Invalid Upgrade header',
    (request: string) => accepting(request).replace('websocket', 'h2c'),
  ],
])('[LNK27] a handshake answered with %s opens nothing', async (_, reason, answer) => {
  const heard = new Heard(await answering(answer))
  await heard.says('closed')
  expect(heard.said).toEqual([`closed: ${reason}`])
  expect(heard.end).toEqual({ reason, refused: false })
})

it('[LNK27] a handshake that is not answered in time is given up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const heard = new Heard(await answering(() => ''))
  vi.advanceTimersByTime(10_000)
  expect(heard.said).toEqual(['closed: the handshake takes too long'])
})

it('[LNK27] a handshake that is cut off is', async () => {
  const heard = new Heard(await serveRaw((socket) => socket.end()))
  await heard.says('closed: socket hang up')
  expect(heard.said).toHaveLength(1)
})

const CUT = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nno'
const refusedInPart = {
  reason: 'it refuses the token (HTTP 401): no (aborted)',
  refused: true,
  missing: false,
}

it('[LNK27] a refusal that is cut off is one', async () => {
  const heard = new Heard(
    await serveRaw((socket) => {
      socket.once('data', () => socket.write(CUT, () => socket.resetAndDestroy()))
    }),
  )
  await heard.says('closed')
  expect(heard.end).toEqual(refusedInPart)
})

it('[LNK27] and so is one that never ends', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const answered = new Promise<void>((resolve) => {
    const come = (): void => resolve()
    subscribe('http.client.response.finish', come)
    onTestFinished(() => void unsubscribe('http.client.response.finish', come))
  })
  const heard = new Heard(await answering(() => CUT))
  await answered
  vi.advanceTimersByTime(10_000)
  vi.useRealTimers()
  await heard.says('closed')
  expect(heard.end).toEqual(refusedInPart)
})

it('[LNK28] pings are answered with what they bring', async () => {
  const { socket } = await open()
  const pong = once(socket, 'pong')
  socket.ping('are you there')
  expect(String((await pong)[0])).toBe('are you there')
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
  await expect.poll(() => heard.connection.queuedBytes).toBeGreaterThan(0)
  request.socket.end()
  await heard.says('closed: closed with 1006')
})

it('[LNK28] a goodbye from here is 1000, of which the listener hears nothing', async () => {
  const { heard, socket, request } = await open()
  const closed = once(socket, 'close')
  // It has left before the server hears of the goodbye, and so does its answer to that.
  const ended = once(request.socket, 'end')
  socket.send(encodeFrames([frame(Buffer.alloc(1))]))
  heard.connection.close()
  expect((await closed)[0]).toBe(1000)
  await ended
  expect(heard.said).toEqual(['opened'])
})

const tooLong = Buffer.alloc(10)
tooLong.set([0x82, 127])
tooLong.writeBigUInt64BE(BigInt(512 * 1024 * 1024 + 1), 2)

it.each([
  ['opcode 3', 1002, 'Invalid WebSocket frame: invalid opcode 3', Buffer.from([0x83, 0])],
  ['more than 512 MiB', 1009, 'Max payload size exceeded', tooLong],
])(
  '[LNK24] a server that sends what is no frame is told so and given up: %s',
  async (_, code, reason, bytes) => {
    const { heard, socket, request } = await open()
    const closed = once(socket, 'close')
    request.socket.write(bytes)
    await heard.says(`closed: ${reason}`)
    expect((await closed)[0]).toBe(code)
  },
)

it.each([
  ['text', 'a text message, where frames are binary'],
  [Buffer.from([9]), "a frame's head is cut off after 1 bytes"],
])('[LNK24] a server whose message holds no frames is given up: %s', async (message, reason) => {
  const { heard, socket } = await open()
  const closed = once(socket, 'close')
  socket.send(message)
  await heard.says(`closed: the upstream sent ${reason}`)
  expect((await closed)[0]).toBe(1006)
})

it('[LNK29] what a slow server has not taken is counted, and told when it has', async () => {
  const { heard, request, socket } = await open()
  request.socket.pause()
  while (heard.connection.queuedBytes < 1024 * 1024) {
    heard.send(Buffer.alloc(200_000))
    await new Promise(setImmediate)
  }
  expect(heard.said).toEqual(['opened'])
  socket.resume()
  request.socket.resume()
  await heard.says('drained')
  expect(heard.connection.queuedBytes).toBe(0)
})
