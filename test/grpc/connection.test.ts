import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { statusOf } from '../../src/protocol/status.ts'
import {
  callHeaderFields,
  callHeaders,
  Flag,
  frame,
  FrameType,
  goawayOf,
  headerBlock,
  opening,
  RawConnection,
} from '../h2/raw-frames.ts'
import { health, key, range, rangeStream, watch } from './probes.ts'
import { framed, rawCall } from './raw-call.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { serve, type Served, until } from './served.ts'

const ENHANCE_YOUR_CALM = 11
const REFUSED_STREAM = 7

let upstream: ScriptedUpstream
let served: Served

beforeEach(async () => {
  upstream = new ScriptedUpstream()
  served = await serve(upstream)
})

afterEach(() => served.stop())

const request = framed(key)

function data(stream: number, payload: Buffer, flags = 0): Buffer {
  return frame(FrameType.DATA, { stream, payload, flags })
}

/** Without which the limits of the server's settings are not in force. */
const settingsAck = frame(FrameType.SETTINGS, { flags: Flag.ACK })

/** A whole call. */
function wholeCall(stream: number, path = range): Buffer[] {
  return [callHeaders(stream, path), data(stream, request, Flag.END_STREAM)]
}

const ping = frame(FrameType.PING, { payload: Buffer.alloc(8, 1) })

/** Another client's calls are answered. */
async function expectServing(): Promise<void> {
  expect(await rawCall(served.connect(), { path: range, body: [request] })).toMatchObject({
    code: '0',
    messages: [request.toString('hex')],
  })
}

function dataOn(connection: RawConnection, stream: number): string {
  const frames = connection.ofType(FrameType.DATA).filter((each) => each.stream === stream)
  return Buffer.concat(frames.map(({ payload }) => payload)).toString('hex')
}

describe('the beginning of a connection', () => {
  const bytes = Buffer.concat([opening, ...wholeCall(1)])

  it('[GRC10] is the same wherever its bytes are cut', async () => {
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const connection = served.connectRaw()
      await connection.send(bytes.subarray(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      await connection.send(bytes.subarray(cut))
      await until(() => dataOn(connection, 1) !== '')
      expect(dataOn(connection, 1), `cut at ${cut}`).toBe(request.toString('hex'))
      connection.socket.destroy()
    }
  })

  it('[GRC23] may have been read and put back', async () => {
    const listener = createServer((socket) => {
      socket.once('readable', () => {
        socket.unshift(socket.read() as Buffer)
        served.server.accept(socket)
      })
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const connection = new RawConnection((listener.address() as AddressInfo).port)
    await connection.send(bytes)
    await until(() => dataOn(connection, 1) !== '')
    expect(dataOn(connection, 1)).toBe(request.toString('hex'))
    connection.socket.destroy()
    listener.close()
  })

  it('[GRC22] ends a connection that does not speak HTTP/2', async () => {
    const connection = served.connectRaw()
    await connection.send(Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
    await until(() => connection.isClosed)
    await expectServing()
  })
})

describe('pings', () => {
  it('[GRC20] of a client without a call end its connection at the fourth', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, ping, ping, ping)
    await until(() => connection.ofType(FrameType.PING).length === 3)
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
    await connection.send(ping)
    await until(() => connection.isClosed)
    const [goaway] = connection.ofType(FrameType.GOAWAY).map(goawayOf)
    expect(goaway).toEqual({ code: ENHANCE_YOUR_CALM, text: 'too_many_pings' })
  })

  it('[GRC20] are fine between events of a watch', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, callHeaders(1, watch))
    for (let count = 1; count <= 20; count++) {
      await connection.send(data(1, request))
      await until(() => dataOn(connection, 1).length === count * request.length * 2)
      await connection.send(ping)
      await until(() => connection.ofType(FrameType.PING).length === count)
    }
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
  })
})

describe('a client that is silent', () => {
  it('[GRC21] is let go when it does not answer a ping', async () => {
    const short = await serve(upstream, { keepAliveIntervalMs: 30, keepAliveTimeoutMs: 30 })
    const connection = short.connectRaw()
    await connection.send(opening, callHeaders(1, watch), data(1, request))
    await until(() => connection.isClosed)
    expect(connection.ofType(FrameType.PING)).toHaveLength(1)
    await until(() => upstream.streams[0]?.isCanceled === true)
    await short.stop()
  })

  it('[GRC21] is kept when it answers', async () => {
    const short = await serve(upstream, { keepAliveIntervalMs: 20, keepAliveTimeoutMs: 20_000 })
    const connection = short.connectRaw()
    await connection.send(opening)
    for (let count = 1; count <= 5; count++) {
      await until(() => connection.ofType(FrameType.PING).length === count)
      const payload = connection.ofType(FrameType.PING)[count - 1]?.payload ?? Buffer.alloc(8)
      await connection.send(frame(FrameType.PING, { flags: Flag.ACK, payload }))
    }
    expect(connection.isClosed).toBe(false)
    await short.stop()
  })
})

describe('concurrent streams', () => {
  it('[GRC17] of a connection are refused beyond their limit', async () => {
    const two = await serve(upstream, { maxConcurrentStreams: 2 })
    const connection = two.connectRaw()
    await connection.send(opening, callHeaders(1, range), callHeaders(3, range))
    await connection.send(callHeaders(5, range))
    await until(() => connection.ofType(FrameType.RST_STREAM).length === 1)
    const [reset] = connection.ofType(FrameType.RST_STREAM)
    expect({ stream: reset?.stream, code: reset?.payload.readUInt32BE(0) }).toEqual({
      stream: 5,
      code: REFUSED_STREAM,
    })
    await connection.send(data(1, request, Flag.END_STREAM), data(3, request, Flag.END_STREAM))
    await until(() => connection.ofType(FrameType.DATA).length === 2)
    await connection.send(...wholeCall(7))
    await until(() => dataOn(connection, 7) !== '')
    await two.stop()
  })
})

describe('the end of a stream', () => {
  it('[GRC3] resets the stream of a client that has not ended its side with NO_ERROR', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, callHeaders(1, '/no/method'))
    await connection.send(callHeaders(3, range), data(3, request))
    await until(() => connection.ofType(FrameType.RST_STREAM).length === 2)
    const resets = connection.ofType(FrameType.RST_STREAM)
    expect(resets.map(({ payload }) => payload.readUInt32BE(0))).toEqual([0, 0])
    const order = connection.frames.filter(({ stream }) => stream === 3).map(({ type }) => type)
    expect(order).toEqual([
      FrameType.HEADERS,
      FrameType.DATA,
      FrameType.HEADERS,
      FrameType.RST_STREAM,
    ])
  })

  it('[GRC3] resets nothing otherwise', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, ...wholeCall(1), callHeaders(3, '/no/method', Flag.END_STREAM))
    await until(() => connection.ofType(FrameType.HEADERS).length === 3)
    await connection.send(ping)
    await until(() => connection.ofType(FrameType.PING).length === 1)
    expect(connection.ofType(FrameType.RST_STREAM)).toEqual([])
  })

  it.for([0, 8])('[GRC12] cancels a watch that is reset with code %d', async (code) => {
    const connection = served.connectRaw()
    await connection.send(opening, callHeaders(1, watch), data(1, request))
    await until(() => dataOn(connection, 1) !== '')
    const payload = Buffer.from([0, 0, 0, code])
    await connection.send(frame(FrameType.RST_STREAM, { stream: 1, payload }))
    await until(() => upstream.streams[0]?.isCanceled === true)
  })

  it.for([0, 8])(
    '[GRC12] cancels a watch that is reset with code %d before it has read',
    async (code) => {
      const connection = served.connectRaw()
      await connection.send(opening, callHeaders(1, watch), data(1, request))
      await until(() => dataOn(connection, 1) !== '')
      // A window of 64 KiB is open.
      upstream.streams[0]?.reader.received(Buffer.alloc(1_000_000))
      await until(() => dataOn(connection, 1).length > 100_000)
      const payload = Buffer.from([0, 0, 0, code])
      await connection.send(frame(FrameType.RST_STREAM, { stream: 1, payload }))
      await until(() => upstream.streams[0]?.isCanceled === true)
    },
  )

  it.for([0, 8])('[GRC12] does not begin a list that is reset with code %d', async (code) => {
    const connection = served.connectRaw()
    const payload = Buffer.from([0, 0, 0, code])
    await connection.send(opening, callHeaders(1, rangeStream), data(1, request), ...wholeCall(3))
    await until(() => dataOn(connection, 3) !== '')
    await connection.send(frame(FrameType.RST_STREAM, { stream: 1, payload }), ...wholeCall(5))
    await until(() => dataOn(connection, 5) !== '')
    expect(upstream.streams).toEqual([])
  })

  it('[GRC12] cancels a watch whose client ends the connection', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, callHeaders(1, watch), data(1, request))
    await until(() => dataOn(connection, 1) !== '')
    connection.socket.end()
    await until(() => upstream.streams[0]?.isCanceled === true && connection.isClosed)
  })
})

describe('the end of the server', () => {
  it('[GRC24] lets calls end, ends watches, and takes no more', async () => {
    const { promise, resolve: answer } = Promise.withResolvers<readonly Uint8Array[]>()
    upstream.answer = () => promise
    const session = served.connect()
    const watching = rawCall(session, { path: watch, body: [request], open: true })
    const healthWatching = rawCall(session, {
      path: `${health}/Watch`,
      body: [framed(Buffer.alloc(0))],
    })
    const asking = rawCall(session, { path: range, body: [request] })
    await until(() => upstream.calls.length === 1 && upstream.streams.length === 1)
    const goaway = once(session, 'goaway')
    const closed = served.server.close()
    const { code, message } = statusOf('server-gone')
    const stopped = { code: String(code), message }
    expect(await watching).toMatchObject(stopped)
    expect(await healthWatching).toMatchObject(stopped)
    expect(upstream.streams[0]?.isCanceled).toBe(true)
    expect((await goaway)[0]).toBe(0)
    answer([key])
    expect(await asking).toMatchObject({ code: '0', messages: [request.toString('hex')] })
    await closed
    const late = served.connectRaw()
    await late.send(opening)
    await until(() => late.isClosed)
  })

  it('[GRC24] breaks off what does not end', async () => {
    upstream.answer = () => new Promise(() => undefined)
    const asking = rawCall(served.connect(), { path: range, body: [request] })
    await until(() => upstream.calls.length === 1)
    await served.server.close()
    expect(await asking).toMatchObject({ code: undefined })
    await until(() => upstream.aborted === 1)
  })
})

/** A call with so many headers more. */
function longCall(stream: number, count: number, length: number): Buffer[] {
  const fields: Record<string, string> = { ...callHeaderFields(range) }
  for (let index = 0; index < count; index++) {
    fields[`x-${index}`] = 'y'.repeat(length)
  }
  const block = headerBlock(fields)
  const head = frame(FrameType.HEADERS, { stream, payload: block.subarray(0, 16_000) })
  const frames = [head]
  for (let offset = 16_000; offset < block.length; offset += 16_000) {
    const payload = block.subarray(offset, offset + 16_000)
    frames.push(frame(FrameType.CONTINUATION, { stream, payload }))
  }
  const last = frames.at(-1) ?? head
  last[4] = Flag.END_HEADERS
  return [...frames, data(stream, request, Flag.END_STREAM)]
}

describe('abuse', () => {
  it('[GRC22] of resets ends the connection', async () => {
    const connection = served.connectRaw()
    await connection.send(opening)
    const payload = Buffer.from([0, 0, 0, 8])
    let stream = 1
    while (!connection.isClosed && stream < 200_000) {
      const calls: Buffer[] = []
      for (let count = 0; count < 100; count++, stream += 2) {
        calls.push(...wholeCall(stream), frame(FrameType.RST_STREAM, { stream, payload }))
      }
      await connection.send(...calls)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => connection.isClosed)
    expect(upstream.calls.length).toBeLessThan(30_000)
    await expectServing()
  })

  it('[GRC22] does not take a client with a thousand resets for it', async () => {
    const connection = served.connectRaw()
    await connection.send(opening)
    const payload = Buffer.from([0, 0, 0, 8])
    for (let stream = 1; stream < 2000; stream += 2) {
      await connection.send(callHeaders(stream, watch), data(stream, request))
      await connection.send(frame(FrameType.RST_STREAM, { stream, payload }))
    }
    await connection.send(...wholeCall(2001))
    await until(() => dataOn(connection, 2001) !== '')
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
    await until(() => upstream.streams.every(({ isCanceled }) => isCanceled))
  })

  it.for([
    { name: 'pings', flood: ping },
    { name: 'stray frames', flood: frame(FrameType.CONTINUATION, { stream: 1 }) },
  ])('[GRC22] of $name ends the connection', async ({ flood }) => {
    const connection = served.connectRaw()
    await connection.send(opening)
    while (!connection.isClosed) {
      await connection.send(...Array.from({ length: 1000 }, () => flood))
    }
    await expectServing()
  })

  it('[GRC22] of settings whose answers are not read stops being read', async () => {
    const connection = served.connectRaw()
    connection.socket.pause()
    await connection.send(opening)
    const settings = frame(FrameType.SETTINGS, { payload: Buffer.alloc(60) })
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => settings))
    // The system's buffers take some megabytes of it before the server's do.
    let isStuck = false
    for (let round = 0; round < 10_000 && !isStuck && !connection.isClosed; round++) {
      const sent = connection.send(flood).then(() => true)
      const others = Array.from({ length: 20 }, expectServing)
      isStuck = !(await Promise.race([sent, Promise.all(others).then(() => false)]))
      await Promise.all(others)
    }
    expect(isStuck || connection.isClosed).toBe(true)
  })

  it('[GRC22] of a header block without an end ends the connection', async () => {
    const connection = served.connectRaw()
    const block = headerBlock({ ':method': 'POST', ':path': range, ':scheme': 'http' })
    await connection.send(opening, frame(FrameType.HEADERS, { stream: 1, payload: block }))
    const more = headerBlock(
      Object.fromEntries(
        Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'y'.repeat(100)]),
      ),
    )
    for (let round = 0; round < 10_000 && !connection.isClosed; round++) {
      await connection.send(frame(FrameType.CONTINUATION, { stream: 1, payload: more }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => connection.isClosed)
    await expectServing()
  })

  it.for([
    { name: 'long', count: 700, length: 100 },
    { name: 'many', count: 1100, length: 1 },
  ])('[GRC22] of $name headers ends the call, not the connection', async ({ count, length }) => {
    const connection = served.connectRaw()
    await connection.send(opening, settingsAck)
    await connection.send(...longCall(1, count, length), ...wholeCall(3))
    await until(() => dataOn(connection, 3) !== '')
    const [reset] = connection.ofType(FrameType.RST_STREAM)
    expect(reset?.stream).toBe(1)
    expect(reset?.payload.readUInt32BE(0)).toBe(ENHANCE_YOUR_CALM)
    expect(upstream.calls).toHaveLength(1)
  })

  it('[GRC22] does not take six hundred headers for it', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, ...longCall(1, 600, 50))
    await until(() => dataOn(connection, 1) !== '')
  })

  it('[GRC22] of streams without an end is refused once they are too many', async () => {
    const connection = served.connectRaw()
    await connection.send(opening, settingsAck)
    let stream = 1
    while (connection.ofType(FrameType.RST_STREAM).length === 0 && !connection.isClosed) {
      const calls: Buffer[] = []
      for (let count = 0; count < 500; count++, stream += 2) {
        calls.push(callHeaders(stream, range))
      }
      await connection.send(...calls)
      await new Promise((resolve) => setImmediate(resolve))
    }
    // Of kube-apiserver no connection has more than some hundred.
    expect(stream / 2).toBeGreaterThan(10_000)
    expect(stream / 2).toBeLessThan(50_000)
    await expectServing()
  })
})
