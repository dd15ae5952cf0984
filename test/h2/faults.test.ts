import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { H2Connection } from '../../src/h2/connection.ts'
import type { H2Stream } from '../../src/h2/stream.ts'
import { key, range, watch } from '../grpc/probes.ts'
import { framed, rawCall } from '../grpc/raw-call.ts'
import { ScriptedUpstream } from '../grpc/scripted-upstream.ts'
import { serve, type Served, until } from '../grpc/served.ts'
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
} from './raw-frames.ts'

const INTERNAL_ERROR = 2
const ENHANCE_YOUR_CALM = 11

let upstream: ScriptedUpstream
let served: Served
let connection: RawConnection

beforeEach(async () => {
  upstream = new ScriptedUpstream()
  served = await serve(upstream)
  connection = served.connectRaw()
})

afterEach(() => served.stop())

const nothing = (): void => undefined

function fail(): void {
  throw new Error('a fault')
}

function failOnBody(stream: H2Stream): void {
  stream.listener = { received: fail, ended: nothing, sent: nothing, over: nothing }
}

describe('a fault on our side', () => {
  it('[HTF13] resets the request, is logged, and the connection goes on', async () => {
    upstream.watch = () => {
      throw new Error('a fault of the upstream')
    }
    const body = frame(FrameType.DATA, { stream: 3, payload: framed(key), flags: Flag.END_STREAM })
    await connection.send(opening, callHeaders(1, watch), callHeaders(3, range), body)
    await until(() => connection.ofType(FrameType.DATA).length === 1)
    const resets = connection.ofType(FrameType.RST_STREAM)
    expect(resets.map(({ payload }) => payload.readUInt32BE(0))).toEqual([INTERNAL_ERROR])
    expect(served.logged).toEqual([
      expect.stringMatching(/^error HTTP\/2 request failed Error: a fault of the upstream\n/),
    ])
  })

  it('[HTF13] in what belongs to no request ends the connection, and no other', async () => {
    const faults: unknown[] = []
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      return new H2Connection<undefined>(socket, {
        streamsMax: 100,
        openingMsMax: 60_000,
        prepare: () => undefined,
        request: failOnBody,
        pinged: () => true,
        failed: (error) => faults.push(error),
        closed: () => undefined,
      })
    }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const failing = new RawConnection((listener.address() as AddressInfo).port)
    const body = frame(FrameType.DATA, { stream: 1, payload: framed(key) })
    await failing.send(opening, callHeaders(1, range), body)
    await until(() => failing.isClosed)
    expect(failing.ofType(FrameType.GOAWAY).map((each) => goawayOf(each).code)).toEqual([
      INTERNAL_ERROR,
    ])
    expect(faults).toEqual([new Error('a fault')])
    listener.close()
  })
})

/** A request on that stream, and what has the server reset it. */
const provocations: readonly {
  readonly what: string
  readonly frames: (stream: number) => Buffer[]
}[] = [
  {
    what: 'WINDOW_UPDATE of nothing',
    frames: (stream) => [callHeaders(stream, watch), update(stream, 0)],
  },
  {
    what: 'a window beyond 2^31 - 1',
    frames: (stream) => [callHeaders(stream, watch), update(stream, 2 ** 31 - 1)],
  },
  {
    what: 'DATA behind the end',
    frames: (stream) => [
      callHeaders(stream, watch, Flag.END_STREAM),
      frame(FrameType.DATA, { stream, payload: framed(key) }),
    ],
  },
  {
    what: 'HEADERS behind the end',
    frames: (stream) => [
      callHeaders(stream, watch, Flag.END_STREAM),
      callHeaders(stream, watch, Flag.END_STREAM),
    ],
  },
  {
    what: 'malformed headers',
    frames: (stream) => {
      const payload = headerBlock({ ...callHeaderFields(watch), connection: 'close' })
      return [frame(FrameType.HEADERS, { stream, flags: Flag.END_HEADERS, payload })]
    },
  },
]

function update(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(increment)
  return frame(FrameType.WINDOW_UPDATE, { stream, payload })
}

it.for(provocations)(
  '[HTF8] a client that has its requests reset by $what, again and again, is let go',
  async ({ frames }) => {
    await connection.send(opening)
    for (let stream = 1; !connection.isClosed;) {
      const parts: Buffer[] = []
      for (let count = 0; count < 500; count++, stream += 2) {
        parts.push(...frames(stream))
      }
      await connection.send(...parts)
    }
    expect(connection.ofType(FrameType.GOAWAY).map((each) => goawayOf(each).code)).toEqual([
      ENHANCE_YOUR_CALM,
    ])
    expect(upstream.streams.every(({ isCanceled }) => isCanceled)).toBe(true)
    const answer = await rawCall(served.connect(), { path: range, body: [framed(key)] })
    expect(answer).toMatchObject({ code: '0' })
  },
)
