import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MessageReader } from '../../src/grpc/message.ts'
import { type GrpcHandler, GrpcStream } from '../../src/grpc/stream.ts'
import type { H2Exchange } from '../../src/h2/exchange.ts'
import { UnreadBytes } from '../../src/h2/unread-bytes.ts'
import { range } from '../grpc/probes.ts'
import { framed } from '../grpc/raw-call.ts'
import { until } from '../grpc/served.ts'
import { callHeaders, Flag, frame, FrameType, opening, RawConnection } from './raw-frames.ts'
import { serveExchanges, serveStreams } from './served.ts'

const ENHANCE_YOUR_CALM = 11

let listener: Server
let connection: RawConnection
/** What the connection holds, and may. */
let held: number
let heldMax: number

beforeEach(async () => {
  held = 0
  heldMax = Infinity
  listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  connection = new RawConnection((listener.address() as AddressInfo).port)
})

afterEach(async () => {
  connection.socket.destroy()
  // Whatever a connection held is given back at its end.
  await until(() => held === 0)
  listener.close()
})

function hold(bytes: number): boolean {
  held += bytes
  return held <= heldMax
}

/** Whatever the server had to do by now is done. */
async function settled(): Promise<void> {
  const count = connection.ofType(FrameType.PING).length
  await connection.send(frame(FrameType.PING, { payload: Buffer.alloc(8) }))
  await until(() => connection.ofType(FrameType.PING).length > count)
}

describe('a body that nobody reads', () => {
  let exchange: H2Exchange | undefined
  /** One byte, with as much padding as there can be. */
  const padded = frame(FrameType.DATA, {
    stream: 1,
    flags: Flag.PADDED,
    payload: Buffer.concat([Buffer.from([255]), Buffer.from('x'), Buffer.alloc(255)]),
  })

  beforeEach(async () => {
    exchange = undefined
    listener.on('connection', (socket) =>
      serveExchanges(socket, (each) => void (exchange = each), hold),
    )
    await connection.send(opening, callHeaders(1, range))
  })

  it('[HTF14] takes about its bytes, however it was cut and padded', async () => {
    const many = Buffer.concat(Array.from({ length: 1000 }, () => padded))
    for (let count = 0; count < 20; count++) {
      await connection.send(many)
    }
    await settled()
    expect(held).toBeGreaterThanOrEqual(20_000)
    expect(held).toBeLessThan(60_000)
    const pieces: Buffer[] = []
    exchange?.on('data', (piece: Buffer) => pieces.push(piece))
    await until(() => Buffer.concat(pieces).length === 20_000)
    expect(pieces.length).toBeLessThan(10)
    for (const piece of pieces) {
      expect(piece.buffer.byteLength).toBeLessThanOrEqual(2 * piece.length + 256)
    }
    await until(() => held === 0)
  })

  it('[HTF14] counts to what a connection may hold, beyond which the stream is reset', async () => {
    heldMax = 100_000
    await until(() => exchange !== undefined)
    exchange?.pause()
    while (connection.ofType(FrameType.RST_STREAM).length === 0) {
      await connection.send(frame(FrameType.DATA, { stream: 1, payload: Buffer.alloc(10_000) }))
    }
    const [reset] = connection.ofType(FrameType.RST_STREAM)
    expect(reset?.payload.readUInt32BE(0)).toBe(ENHANCE_YOUR_CALM)
    expect(held).toBe(0)
  })

  it('[HTF14] is whole for whoever reads it later', async () => {
    const end = frame(FrameType.DATA, { stream: 1, flags: Flag.END_STREAM })
    await connection.send(padded, padded, end)
    await settled()
    expect(exchange === undefined ? '' : await text(exchange)).toBe('xx')
  })
})

it('[HTF14] small pieces are kept as one', () => {
  const unread = new UnreadBytes()
  const received = Buffer.alloc(65_536, 'abc')
  for (let at = 0; at < 3000; at++) {
    unread.add(received.subarray(at, at + 1))
    expect(unread.heldBytes).toBeLessThanOrEqual(Math.max(256, 2 * (at + 1)))
  }
  expect(Buffer.from(unread.take()).equals(received.subarray(0, 3000))).toBe(true)
  expect(unread.isEmpty).toBe(true)
  expect(unread.heldBytes).toBe(0)
})

it('[HTF14] messages that are left are kept without what they came in', () => {
  const reader = new MessageReader(1000)
  const received = Buffer.alloc(65_536)
  const messages = Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b'))])
  messages.copy(received)
  reader.add(received.subarray(0, messages.length))
  expect(Buffer.from(reader.next()?.payload ?? []).toString()).toBe('a')
  reader.keep()
  expect(reader.heldBytes).toBe(messages.length / 2)
  const rest = reader.next()?.payload
  expect(Buffer.from(rest ?? []).toString()).toBe('b')
  expect(rest?.buffer).not.toBe(received.buffer)
  reader.keep()
  expect(reader.heldBytes).toBe(0)
})

describe('a call', () => {
  let call: GrpcStream | undefined
  let isAbandoned: boolean

  beforeEach(async () => {
    isAbandoned = false
    call = undefined
    const host = {
      messageBytesMax: 1_000_000,
      hold,
      wrote: () => undefined,
      ended: () => undefined,
    }
    const request = {
      contentType: 'application/grpc',
      isGzip: false,
      timeoutMs: undefined,
      context: {},
      requireLeader: false,
    }
    const open = (opened: GrpcStream): GrpcHandler => ({
      message: () => opened.pause(),
      halfClosed: () => undefined,
      abandoned: () => {
        isAbandoned = true
      },
    })
    listener.on('connection', (socket) =>
      serveStreams(socket, (stream) => {
        call = new GrpcStream(stream, request, host, { open })
      }),
    )
    await connection.send(opening, callHeaders(1, range))
    await until(() => call !== undefined)
  })

  it('[GRC25] that is paused ends when its connection holds too much', async () => {
    heldMax = 100_000
    const message = framed(Buffer.alloc(10_000))
    while (!connection.frames.some(({ type }) => type === FrameType.HEADERS)) {
      await connection.send(frame(FrameType.DATA, { stream: 1, payload: message }))
    }
    const trailers = connection.ofType(FrameType.HEADERS)[0]?.payload.toString('latin1')
    expect(trailers).toContain('the calls of this connection hold too much memory')
    expect(isAbandoned).toBe(true)
    expect(held).toBe(0)
  })

  it('[GRC25] holds what it has left of a message that it does not read', async () => {
    const messages = Buffer.concat([framed(Buffer.from('a')), framed(Buffer.alloc(1000))])
    await connection.send(frame(FrameType.DATA, { stream: 1, payload: messages }))
    await settled()
    expect(held).toBe(1005)
    call?.resume()
    expect(held).toBe(0)
  })

  it('[GRC25] counts each of its responses with what it takes besides its bytes', async () => {
    // The client's window is full.
    call?.send([Buffer.alloc(65_535 - 5)])
    const before = held
    for (let count = 0; count < 1000; count++) {
      call?.send([Buffer.from('x')])
    }
    expect(held - before).toBeGreaterThanOrEqual(1000 * 256)
    const payload = Buffer.from([0, 1, 0, 0])
    const updates = [0, 1].map((stream) => frame(FrameType.WINDOW_UPDATE, { stream, payload }))
    await connection.send(...updates)
    await until(() => held === 0)
  })
})
