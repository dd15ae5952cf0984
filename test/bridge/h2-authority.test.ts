import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeAuthority, makeLeaf } from './certificates.ts'
import { key, range } from './grpc-probes.ts'
import { serve, type Served, until } from './grpc-served.ts'
import { framed, rawCall } from './raw-call.ts'
import {
  callHeaderFields,
  callHeaders,
  Flag,
  frame,
  FrameType,
  headerBlock,
  opening,
  RawConnection,
} from './raw-frames.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'

const url = 'http://127.0.0.1:2379'
const visible = Array.from({ length: 0x7f - 0x20 }, (_, place) => String.fromCharCode(0x20 + place))

let served: Served
let connections: RawConnection[]

beforeEach(async () => {
  served = await serve(new ScriptedUpstream())
  connections = []
})

afterEach(async () => {
  for (const { socket } of connections) {
    socket.destroy()
  }
  await served.stop()
})

function connectRaw(): RawConnection {
  const connection = new RawConnection(served.port)
  connections.push(connection)
  return connection
}

function callOf(authority: string, headers: Readonly<Record<string, string>> = {}) {
  return { path: range, body: [framed(key)], headers: { ':authority': authority, ...headers } }
}

/** A whole call of a raw connection. */
function rawFrames(stream: number, authority: string): Buffer[] {
  const payload = headerBlock({ ...callHeaderFields(range), ':authority': authority })
  return [
    frame(FrameType.HEADERS, { flags: Flag.END_HEADERS, stream, payload }),
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

describe('the authority of a call', () => {
  it('[GRA1] may have any visible character', async () => {
    for (const character of visible) {
      const session = served.connect()
      const answers = [
        await rawCall(session, callOf(`a${character}b`)),
        await rawCall(session, callOf(`a${character}b`)),
      ]
      for (const answer of answers) {
        expect({ character, ...answer }).toMatchObject({ character, code: '0', reset: 0 })
      }
      session.destroy()
    }
  })

  it('[GRA1] may have many that offend', async () => {
    for (const character of '#/?@') {
      const session = served.connect()
      const authority = `${character}00000`.repeat(20)
      expect(await rawCall(session, callOf(authority))).toMatchObject({ code: '0', reset: 0 })
    }
  })

  it('[GRA1] may be a URL over TLS', async () => {
    const signer = await makeAuthority('signer')
    const options = { ...(await makeLeaf(signer)), ALPNProtocols: ['h2'] }
    const listener = createServer(options, (socket) => served.server.accept(socket))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    for (const authority of ['127.0.0.1', url, '#initially=[https://a:2379;https://b:2379]']) {
      const session = connect(`https://127.0.0.1:${port}`, { ca: signer.cert })
      for (let count = 0; count < 3; count++) {
        expect(await rawCall(session, callOf(authority))).toMatchObject({ code: '0' })
      }
      session.destroy()
    }
    listener.close()
  })

  it('[GRA7] is rewritten again when the dynamic table has forgotten it', async () => {
    const session = served.connect()
    for (let count = 0; count < 200; count++) {
      const answer = await rawCall(session, callOf(url, { 'x-filler': `${count}`.repeat(50) }))
      expect(answer).toMatchObject({ code: '0', reset: 0 })
    }
    expect(await rawCall(session, callOf('#other'))).toMatchObject({ code: '0' })
    expect(await rawCall(session, callOf('fine'))).toMatchObject({ code: '0' })
  })

  it('[GRA7] fails its own stream where the first of the connection was another kind', async () => {
    const session = served.connect()
    expect(await rawCall(session, callOf('fine'))).toMatchObject({ code: '0' })
    expect(await rawCall(session, callOf(url))).toMatchObject({ code: undefined, reset: 1 })
    expect(await rawCall(session, callOf('fine'))).toMatchObject({ code: '0' })
  })
})

describe.each(['fine', url])('a connection whose authority is %s', (authority) => {
  it('[GRA4] may wait for the settings of the server', async () => {
    const connection = connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1)
    await connection.send(settingsAck, ...rawFrames(1, authority))
    await until(() => settingsOf(connection, false) === 2 && settingsOf(connection, true) === 1)
    await connection.send(settingsAck, ...rawFrames(3, authority))
    await expectAnswer(connection, 1)
    await expectAnswer(connection, 3)
  })

  it('[GRA5] may acknowledge settings behind its request, or never', async () => {
    for (const acks of [[settingsAck], []]) {
      const connection = connectRaw()
      await connection.send(opening)
      await until(() => settingsOf(connection, false) === 1)
      await connection.send(...rawFrames(1, authority))
      await connection.send(...acks)
      await expectAnswer(connection, 1)
      await connection.send(...rawFrames(3, authority))
      await expectAnswer(connection, 3)
    }
  })

  it('[GRA5] gets no settings but those of node:http2 where it does not wait', async () => {
    const connection = connectRaw()
    await connection.send(opening, ...rawFrames(1, authority))
    await expectAnswer(connection, 1)
    await connection.send(settingsAck, ...rawFrames(3, authority))
    await expectAnswer(connection, 3)
    expect(settingsOf(connection, false)).toBe(1)
  })
})

describe('a client without a request', () => {
  it('[GRA6] has its pings answered, and may make one later', async () => {
    const connection = connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1)
    await connection.send(frame(FrameType.PING, { payload: Buffer.alloc(8, 1) }))
    await until(() => connection.ofType(FrameType.PING).length === 1)
    await connection.send(settingsAck, ...rawFrames(1, url))
    await expectAnswer(connection, 1)
  })

  it('[GRA6] is pinged when it is silent', async () => {
    const short = await serve(new ScriptedUpstream(), { keepAliveIntervalMs: 20 })
    const connection = new RawConnection(short.port)
    await connection.send(opening)
    await until(() => connection.ofType(FrameType.PING).length === 1)
    connection.socket.destroy()
    await short.stop()
  })

  it('[GRA6] is let go when it ends its side', async () => {
    const connection = connectRaw()
    await connection.send(opening, callHeaders(1, range).subarray(0, 20))
    connection.socket.end()
    await until(() => connection.isClosed)
  })

  it('[GRA6] is let go when the server closes', async () => {
    const connection = connectRaw()
    await connection.send(opening)
    await until(() => settingsOf(connection, false) === 1)
    await served.server.close()
    await until(() => connection.isClosed)
  })
})
