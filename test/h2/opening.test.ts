import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { key, range } from '../grpc/probes.ts'
import { framed } from '../grpc/raw-call.ts'
import { ScriptedUpstream } from '../grpc/scripted-upstream.ts'
import { serve, type Served, until } from '../grpc/served.ts'
import { callHeaders, Flag, frame, FrameType, opening, RawConnection } from './raw-frames.ts'
import { serveStreams } from './served.ts'

let served: Served

beforeEach(async () => {
  served = await serve(new ScriptedUpstream())
})

afterEach(() => served.stop())

/** A whole call. */
function rawFrames(stream: number): Buffer[] {
  return [
    callHeaders(stream, range),
    frame(FrameType.DATA, { flags: Flag.END_STREAM, stream, payload: framed(key) }),
  ]
}

const settingsAck = frame(FrameType.SETTINGS, { flags: Flag.ACK })

function settingsOf(connection: RawConnection, isAck: boolean): number {
  const isWanted = (flags: number): boolean => ((flags & Flag.ACK) !== 0) === isAck
  return connection.ofType(FrameType.SETTINGS).filter(({ flags }) => isWanted(flags)).length
}

/** The call is answered, and nothing was wrong with the connection. */
async function expectAnswer(connection: RawConnection, stream: number): Promise<void> {
  const isEnd = (each: { stream: number; flags: number }): boolean =>
    each.stream === stream && (each.flags & Flag.END_STREAM) !== 0
  await until(() => connection.frames.some(isEnd) || connection.isClosed)
  const types = connection.frames.filter((each) => each.stream === stream).map(({ type }) => type)
  expect(types).toEqual([FrameType.HEADERS, FrameType.DATA, FrameType.HEADERS])
  expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
}

describe('a client', () => {
  it('[HTF4] may wait for the settings of the server', async () => {
    const connection = served.connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1 && settingsOf(connection, true) === 1)
    await connection.send(settingsAck, ...rawFrames(1))
    await expectAnswer(connection, 1)
  })

  it('[HTF4] may acknowledge settings before its request, behind it, or never', async () => {
    for (const acks of [[settingsAck], []]) {
      const connection = served.connectRaw()
      await connection.send(opening, ...rawFrames(1), ...acks)
      await expectAnswer(connection, 1)
      await connection.send(...rawFrames(3))
      await expectAnswer(connection, 3)
      expect(settingsOf(connection, false)).toBe(1)
    }
  })
})

describe('a client without a request', () => {
  it('[HTF5] has its pings answered, and may make one later', async () => {
    const connection = served.connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1)
    await connection.send(frame(FrameType.PING, { payload: Buffer.alloc(8, 1) }))
    await until(() => connection.ofType(FrameType.PING).length === 1)
    await connection.send(settingsAck, ...rawFrames(1))
    await expectAnswer(connection, 1)
  })

  it('[HTF5] is pinged when it is silent', async () => {
    const short = await serve(new ScriptedUpstream(), { keepAliveIntervalMs: 20 })
    const connection = short.connectRaw()
    await connection.send(opening)
    await until(() => connection.ofType(FrameType.PING).length === 1)
    connection.socket.destroy()
    await short.stop()
  })

  it('[HTF5] is let go when it ends its side', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, callHeaders(1, range).subarray(0, 20))
    connection.socket.end()
    await until(() => connection.isClosed)
  })

  it('[HTF5] is let go when the server closes', async () => {
    const connection = served.connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1)
    await served.server.close()
    await until(() => connection.isClosed)
  })
})

it.for([0, 10, 24])('[HTF5] a client that stops after %d bytes is let go', async (count) => {
  const listener = createServer((socket) => serveStreams(socket, () => undefined, 50))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const connection = new RawConnection((listener.address() as AddressInfo).port)
  await connection.send(opening.subarray(0, count))
  await until(() => connection.isClosed)
  listener.close()
})

it('[HTF5] a client that has said what it speaks may be silent', async () => {
  const listener = createServer((socket) => serveStreams(socket, () => undefined, 50))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const connection = new RawConnection(port)
  await connection.send(opening)
  await until(() => settingsOf(connection, true) === 1)
  // Another one that came later is let go meanwhile.
  const silent = new RawConnection(port)
  await until(() => silent.isClosed)
  expect(connection.isClosed).toBe(false)
  connection.socket.destroy()
  listener.close()
})
