import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { range, watch, key } from '../grpc/probes.ts'
import { framed } from '../grpc/raw-call.ts'
import { ScriptedUpstream } from '../grpc/scripted-upstream.ts'
import { serve, type Served, until } from '../grpc/served.ts'
import {
  callHeaders,
  Flag,
  frame,
  FrameType,
  goawayOf,
  opening,
  type RawConnection,
} from './raw-frames.ts'

const FLOW_CONTROL_ERROR = 3
const WINDOW_AT_FIRST = 65_535

let upstream: ScriptedUpstream
let served: Served
let connection: RawConnection

beforeEach(async () => {
  upstream = new ScriptedUpstream()
  served = await serve(upstream)
  connection = served.connectRaw()
})

afterEach(() => served.stop())

function update(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(increment)
  return frame(FrameType.WINDOW_UPDATE, { stream, payload })
}

/** SETTINGS_INITIAL_WINDOW_SIZE. */
function initialWindow(size: number): Buffer {
  const payload = Buffer.from([0, 4, 0, 0, 0, 0])
  payload.writeUInt32BE(size, 2)
  return frame(FrameType.SETTINGS, { payload })
}

function isEnd({ flags }: { readonly flags: number }): boolean {
  return (flags & Flag.END_STREAM) !== 0
}

function received(stream: number): number {
  return connection
    .ofType(FrameType.DATA)
    .filter((each) => each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.length, 0)
}

/** What the client may have sent by now on a stream, or on all of them. */
function window(stream: number): number {
  const atFirst = stream === 0 ? WINDOW_AT_FIRST : 1024 * 1024
  return connection
    .ofType(FrameType.WINDOW_UPDATE)
    .filter((each) => each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), atFirst)
}

/** Whatever the server had to say by now has come. */
async function settled(): Promise<void> {
  const count = connection.ofType(FrameType.PING).length
  await connection.send(frame(FrameType.PING, { payload: Buffer.alloc(8) }))
  await until(() => connection.ofType(FrameType.PING).length > count)
}

/** A call whose answer is so long, prefix included. */
async function callFor(stream: number, answerBytes: number): Promise<void> {
  upstream.answer = async () => [Buffer.alloc(answerBytes - 5)]
  const before = upstream.calls.length
  const body = frame(FrameType.DATA, { stream, payload: framed(key), flags: Flag.END_STREAM })
  await connection.send(callHeaders(stream, range), body)
  await until(() => upstream.calls.length > before)
  await settled()
}

describe('what is sent', () => {
  it('[HTF6] is what the windows of the stream and of the connection leave room for', async () => {
    await connection.send(opening)
    await callFor(1, 50_000)
    expect(received(1)).toBe(50_000)
    await callFor(3, 50_000)
    expect(received(3)).toBe(WINDOW_AT_FIRST - 50_000)
    await connection.send(update(3, 100_000))
    await settled()
    expect(received(3)).toBe(WINDOW_AT_FIRST - 50_000)
    await connection.send(update(0, 20_000))
    await settled()
    expect(received(3)).toBe(WINDOW_AT_FIRST - 30_000)
    await connection.send(update(0, 100_000))
    await settled()
    expect(received(3)).toBe(50_000)
    const sizes = connection.ofType(FrameType.DATA).map(({ payload }) => payload.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(16_384)
    const ends = connection.ofType(FrameType.HEADERS).filter(isEnd)
    expect(ends.map(({ stream }) => stream)).toEqual([1, 3])
  })

  it('[HTF6] follows the initial window, which may leave less than nothing', async () => {
    await connection.send(opening, update(0, 1_000_000))
    await callFor(1, 200_000)
    expect(received(1)).toBe(WINDOW_AT_FIRST)
    await connection.send(initialWindow(1000))
    await connection.send(update(1, 64_000))
    await settled()
    expect(received(1)).toBe(WINDOW_AT_FIRST)
    await connection.send(update(1, 1000))
    await settled()
    expect(received(1)).toBe(WINDOW_AT_FIRST + 465)
    await connection.send(initialWindow(1_000_000))
    await settled()
    expect(received(1)).toBe(200_000)
  })

  it('[HTF6] goes to waiting streams in turns', async () => {
    await connection.send(opening, initialWindow(10_000_000))
    await callFor(1, 1_000_000)
    await callFor(3, 1_000_000)
    await connection.send(update(0, 1_000_000))
    await settled()
    const [first, second] = [received(1), received(3)]
    expect(first + second).toBe(1_000_000 + WINDOW_AT_FIRST)
    expect(Math.abs(first - second)).toBeLessThan(150_000)
    await connection.send(update(0, 1_000_000))
    await until(() => received(1) + received(3) === 2_000_000)
  })
})

describe('what is received', () => {
  const chunk = Buffer.alloc(16_384)
  const data = (stream: number): Buffer => frame(FrameType.DATA, { stream, payload: chunk })

  it('[HTF7] may be much more than a window, as it is taken', async () => {
    await connection.send(opening)
    const message = framed(Buffer.alloc(1_500_000))
    let sent = 0
    for (let stream = 1; stream < 21; stream += 2) {
      await connection.send(callHeaders(stream, range))
      for (let at = 0; at < message.length; at += 16_384) {
        const payload = message.subarray(at, at + 16_384)
        const end = at + payload.length
        sent += payload.length
        await until(() => sent <= window(0) && end <= window(stream))
        const flags = end === message.length ? Flag.END_STREAM : 0
        await connection.send(frame(FrameType.DATA, { stream, payload, flags }))
      }
      await until(() => upstream.calls.length === (stream + 1) / 2)
    }
    expect(window(0)).toBeLessThanOrEqual(sent + 1024 * 1024)
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
  })

  it('[HTF7] beyond the window of a stream resets it', async () => {
    upstream.answer = () => new Promise(() => undefined)
    const keepAlive = '/etcdserverpb.Lease/LeaseKeepAlive'
    await connection.send(opening, callHeaders(1, keepAlive))
    // 128 requests are under way, and the others are not taken.
    const payload = Buffer.concat(Array.from({ length: 2000 }, () => framed(Buffer.alloc(3))))
    await connection.send(frame(FrameType.DATA, { stream: 1, payload }))
    for (let count = 0; count < 64; count++) {
      await connection.send(data(1))
    }
    await until(() => connection.ofType(FrameType.RST_STREAM).length === 1)
    const [reset] = connection.ofType(FrameType.RST_STREAM)
    expect(reset?.payload.readUInt32BE(0)).toBe(FLOW_CONTROL_ERROR)
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
    await until(() => upstream.aborted === 128)
  })

  it('[HTF7] counts with its padding', async () => {
    await connection.send(opening, callHeaders(1, watch))
    const payload = Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])
    const padding = frame(FrameType.DATA, { stream: 1, payload, flags: Flag.PADDED })
    for (let count = 0; count < 3; count++) {
      await connection.send(...Array.from({ length: 2050 }, () => padding))
      await settled()
    }
    const updates = connection.ofType(FrameType.WINDOW_UPDATE)
    expect(updates.filter(({ stream }) => stream === 1).length).toBeGreaterThanOrEqual(2)
    expect(connection.ofType(FrameType.GOAWAY)).toEqual([])
  })

  it('[HTF8] that changes the windows of all streams again and again ends the connection', async () => {
    await connection.send(opening, callHeaders(1, watch))
    for (let size = 1; !connection.isClosed; size++) {
      await connection.send(initialWindow(size))
    }
    expect(connection.ofType(FrameType.GOAWAY).map((each) => goawayOf(each).code)).toEqual([11])
  })

  it('[HTF8] that carries nothing, again and again, ends the connection', async () => {
    await connection.send(opening, callHeaders(1, watch))
    const empty = Buffer.concat(
      Array.from({ length: 1000 }, () => frame(FrameType.DATA, { stream: 1 })),
    )
    while (!connection.isClosed) {
      await connection.send(empty)
    }
    const goaways = connection.ofType(FrameType.GOAWAY).map(goawayOf)
    expect(goaways.every(({ code }) => code === 11)).toBe(true)
  })
})

it('[HTF9] the answers of a turn leave in one piece', async () => {
  const waiting: (() => void)[] = []
  upstream.answer = ({ request }) =>
    new Promise((resolve) => waiting.push(() => resolve([request])))
  // A stream of Node's gives each of its reads: what came in one piece is one.
  const pieces: number[] = []
  connection.socket.on('data', (piece: Buffer) => pieces.push(piece.length))
  await connection.send(opening)
  for (let stream = 1; stream < 41; stream += 2) {
    const body = frame(FrameType.DATA, { stream, payload: framed(key), flags: Flag.END_STREAM })
    await connection.send(callHeaders(stream, range), body)
  }
  await until(() => waiting.length === 20)
  await settled()
  pieces.length = 0
  for (const answer of waiting) {
    answer()
  }
  await until(() => connection.ofType(FrameType.HEADERS).filter(isEnd).length === 20)
  expect(pieces).toHaveLength(1)
})
