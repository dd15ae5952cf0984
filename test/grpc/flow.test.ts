import { constants } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HELD_BYTES_MAX } from '../../src/grpc/unary.ts'
import type { AnswerReader } from '../../src/link/upstream.ts'
import { CREDIT_WINDOW_BYTES } from '../../src/protocol/frames.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { key, range, rangeStream, watch } from './probes.ts'
import { framed, rawCall } from './raw-call.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { serve, type Served, until } from './served.ts'

let upstream: ScriptedUpstream
let served: Served

beforeEach(async () => {
  upstream = new ScriptedUpstream()
  served = await serve(upstream)
})

afterEach(() => served.stop())

const MEBIBYTE = 1024 * 1024
const headers = { 'content-type': 'application/grpc', 'te': 'trailers' }
const post = { ':method': 'POST', ...headers }
const request = framed(key)

/** Memory outside of the heap, where the bytes of messages are. */
function bytesUsed(): number {
  return process.memoryUsage().arrayBuffers
}

describe('an answer in parts that is longer than what is held', () => {
  const parts = Array.from({ length: 24 }, (_, at) => Buffer.alloc(MEBIBYTE / 2, at))
  const whole = Buffer.concat(parts)

  it('[GRC28] is measured, and leaves as the client takes it', async () => {
    let next = 0
    let underWay = 0
    const measuring = { isUnderWay: false }
    upstream.ask = (_, reader) => {
      const send = (): void => {
        while (!measuring.isUnderWay && underWay < CREDIT_WINDOW_BYTES && next < parts.length) {
          const part = parts[next] ?? whole
          next += 1
          underWay += part.length
          if (next < parts.length) {
            reader.part(part)
          } else {
            reader.answered(part)
          }
        }
      }
      setImmediate(send)
      return {
        taken: (bytes) => {
          underWay -= bytes
          setImmediate(send)
        },
        measure: () => {
          measuring.isUnderWay = true
          setImmediate(() => {
            reader.measured?.(whole.length)
            measuring.isUnderWay = false
            send()
          })
        },
        cancel: () => undefined,
      }
    }
    const stream = served.connect().request({ ...post, ':path': range })
    stream.end(request)
    await until(() => next * (MEBIBYTE / 2) > HELD_BYTES_MAX)
    // The client takes what its windows have room for.
    await new Promise((resolve) => setTimeout(resolve, 200))
    const heldMax = HELD_BYTES_MAX + CREDIT_WINDOW_BYTES + MEBIBYTE
    expect(next * (MEBIBYTE / 2)).toBeLessThan(heldMax)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    let code: unknown
    stream.on('trailers', (trailers) => {
      code = (trailers as Record<string, unknown>)['grpc-status']
    })
    await until(() => code !== undefined)
    expect(code).toBe('0')
    expect(Buffer.concat(chunks).equals(framed(whole))).toBe(true)
  })

  it('[GRC28] is measured earlier where others hold much, until they have gone', async () => {
    const asked: { reader: AnswerReader; isMeasured: boolean }[] = []
    upstream.ask = (_, reader) => {
      const one = { reader, isMeasured: false }
      asked.push(one)
      return {
        taken: () => undefined,
        measure: () => {
          one.isMeasured = true
        },
        cancel: () => undefined,
      }
    }
    const client = served.connect()
    const streams = Array.from({ length: 12 }, () => {
      const stream = client.request({ ...post, ':path': range })
      stream.on('error', () => undefined)
      stream.end(request)
      return stream
    })
    await until(() => asked.length === 12)
    /** Which of them are measured then. */
    const give = (): boolean[] => {
      const given = asked.splice(0)
      given.forEach(({ reader }) => parts.slice(0, 6).forEach((part) => reader.part(part)))
      return given.map(({ isMeasured }) => isMeasured)
    }
    // Eleven times 3 MiB are more than 32.
    expect(give()).toEqual([...Array.from({ length: 10 }, () => false), true, true])
    streams.forEach((stream) => stream.close(constants.NGHTTP2_CANCEL))
    const later = client.request({ ...post, ':path': range })
    later.on('error', () => undefined)
    later.end(request)
    await until(() => asked.length === 1)
    expect(give()).toEqual([false])
  })

  it.for([
    ['too short', 1],
    ['too long', -1],
  ] as const)('[GRC28] is broken off where its length was said %s', async ([, flaw]) => {
    upstream.answer = async () => parts
    upstream.answerBytes = whole.length - flaw
    const stream = served.connect().request({ ...post, ':path': range })
    stream.end(request)
    let length = 0
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    stream.on('error', () => undefined)
    await until(() => stream.closed)
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR)
    expect(length).toBeLessThan(framed(whole).length)
  })

  it.for([
    ['lost', statusOf('timeout-connection-lost'), constants.NGHTTP2_REFUSED_STREAM],
    ['refused', statusOf('compacted'), constants.NGHTTP2_INTERNAL_ERROR],
  ] as const)('[GRC28] is broken off where the rest of it is %s', async ([, status, code]) => {
    upstream.ask = (_, reader) => {
      queueMicrotask(() => {
        parts.forEach((part) => reader.part(part))
        expect(reader.repeatable).toBe(false)
        reader.failed(status)
      })
      const measure = (): void => reader.measured?.(2 * whole.length)
      return { taken: () => undefined, measure, cancel: () => undefined }
    }
    const stream = served.connect().request({ ...post, ':path': range })
    stream.end(request)
    stream.resume()
    stream.on('error', () => undefined)
    await until(() => stream.closed)
    expect(stream.rstCode).toBe(code)
  })

  it.for([
    [2 ** 32, '8', 'grpc: message too large (4294967296 bytes)'],
    [MEBIBYTE, '13', 'internal error'],
  ] as const)('[GRC28] of %d bytes is refused', async ([answerBytes, code, message]) => {
    upstream.answer = async () => parts
    upstream.answerBytes = answerBytes
    const answer = await rawCall(served.connect(), { path: range, body: [request] })
    expect(answer).toMatchObject({ code, message })
  })
})

describe('a client that does not read', () => {
  it.for([watch, rangeStream])('[GRC15] takes a window of %s and no more', async (path) => {
    const isWatch = path === watch
    upstream.stream = (_, reader) => upstream.watch({}, reader, { requireLeader: false })
    const session = served.connect()
    const stream = session.request({ ...post, ':path': path })
    stream.write(request)
    if (!isWatch) {
      stream.end()
    }
    await until(() => upstream.streams.length === 1)
    const [opened] = upstream.streams
    if (isWatch) {
      await until(() => opened?.requests.length === 1)
    }
    const message = Buffer.alloc(10_000)
    const count = 300
    for (let index = 0; index < count; index++) {
      opened?.reader.received(message)
    }
    opened?.reader.ended(undefined)
    // Others of the connection are served, and what they are told has overtaken the messages.
    for (let index = 0; index < 20; index++) {
      const answer = await rawCall(session, { path: range, body: [request] })
      expect(answer).toMatchObject({ code: '0' })
    }
    expect(opened?.taken).toBeLessThan(300_000)
    let length = 0
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    let code: unknown
    stream.on('trailers', (trailers) => {
      code = (trailers as Record<string, unknown>)['grpc-status']
    })
    await until(() => code !== undefined)
    expect(code).toBe('0')
    expect(length).toBe(count * framed(message).length + (isWatch ? request.length : 0))
  })

  it('[GRC15] is credited for each message once it has taken it', async () => {
    const session = served.connect()
    const stream = session.request({ ...post, ':path': watch })
    stream.write(request)
    stream.resume()
    await until(() => upstream.streams[0]?.taken === key.length)
    const sizes = [0, 1, 100, 40_000, 65_536, 300_000, 7]
    let sum = key.length
    for (const size of sizes) {
      upstream.streams[0]?.reader.received(Buffer.alloc(size))
      sum += size
    }
    await until(() => upstream.streams[0]?.taken === sum)
    stream.close(constants.NGHTTP2_CANCEL)
  })

  it('[GRC16] does not have a long response copied for it, nor others wait', async () => {
    // The same bytes again and again: only copies of them would take memory.
    const part = Buffer.alloc(MEBIBYTE, 'abcdefg')
    upstream.answer = async () => Array.from({ length: 200 }, () => part)
    const session = served.connect()
    const before = bytesUsed()
    const stream = session.request({ ...post, ':path': range })
    stream.end(request)
    await until(() => upstream.calls.length === 1)
    upstream.answer = async ({ request: asked }) => [asked]
    for (let index = 0; index < 20; index++) {
      const answer = await rawCall(session, { path: range, body: [request] })
      expect(answer).toMatchObject({ code: '0' })
    }
    expect(bytesUsed() - before).toBeLessThan(20 * MEBIBYTE)
    let length = 0
    for await (const chunk of stream) {
      length += (chunk as Buffer).length
    }
    expect(length).toBe(5 + 200 * MEBIBYTE)
  })

  it('[GRC16] reads the parts of a response as one message', async () => {
    const parts = Array.from({ length: 60 }, (_, index) => Buffer.alloc(10_000 + index, `${index}`))
    upstream.answer = async () => parts
    const answer = await rawCall(served.connect(), { path: range, body: [request] })
    expect(answer.messages).toEqual([framed(Buffer.concat(parts)).toString('hex')])
    expect(answer).toMatchObject({ code: '0' })
  })

  it.for([constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL])(
    '[GRC25] is refused further calls while it holds half a gibibyte, until reset %d',
    async (code) => {
      const part = Buffer.alloc(MEBIBYTE)
      upstream.answer = async () => Array.from({ length: 300 }, () => part)
      const session = served.connect()
      const streams = [1, 2].map(() => {
        const stream = session.request({ ...post, ':path': range })
        stream.end(request)
        return stream
      })
      await until(() => upstream.calls.length === 2)
      upstream.answer = async ({ request: asked }) => [asked]
      const call = { path: range, body: [request] }
      expect(await rawCall(session, call)).toMatchObject({
        code: '8',
        message: 'the calls of this connection hold too much memory',
      })
      expect(await rawCall(served.connect(), call)).toMatchObject({ code: '0' })
      streams[0]?.close(code)
      let answer = await rawCall(session, call)
      while (answer.code === '8') {
        answer = await rawCall(session, call)
      }
      expect(answer).toMatchObject({ code: '0' })
    },
  )
})

describe('a deadline', () => {
  it('[GRC11] resets a stream whose messages nobody takes', async () => {
    const session = served.connect()
    const stream = session.request({ ...post, ':path': watch, 'grpc-timeout': '50m' })
    stream.on('error', () => undefined)
    stream.write(request)
    await until(() => upstream.streams.length === 1)
    upstream.streams[0]?.reader.received(Buffer.alloc(MEBIBYTE))
    await until(() => stream.closed)
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
    expect(upstream.streams[0]?.isCanceled).toBe(true)
  })
})

describe('gzip', () => {
  it.for([
    { bytes: 256 * 1024, flag: '01' },
    { bytes: 256 * 1024 + 1, flag: '00' },
  ])('[GRC6] flags a response of $bytes bytes with $flag', async ({ bytes, flag }) => {
    upstream.answer = async () => [Buffer.alloc(bytes)]
    const call = { path: range, body: [request], headers: { 'grpc-encoding': 'gzip' } }
    const { messages, encoding } = await rawCall(served.connect(), call)
    expect(messages.map((message) => message.slice(0, 2))).toEqual([flag])
    expect(encoding).toBe('gzip')
  })
})
