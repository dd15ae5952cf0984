import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { type MethodName, streaming } from '../../src/protocol/methods.ts'
import { Code, RpcStatus, statusKinds, statusOf } from '../../src/protocol/status.ts'
import { health, keepAlive, key, range, rangeStream, watch } from './probes.ts'
import { framed, rawCall } from './raw-call.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { serve, type Served, until } from './served.ts'

let upstream: ScriptedUpstream
let served: Served
let client: Client

beforeEach(async () => {
  upstream = new ScriptedUpstream()
  served = await serve(upstream)
  client = new Client(`127.0.0.1:${served.port}`, credentials.createInsecure())
})

afterEach(async () => {
  client.close()
  await served.stop()
})

const bytes = (value: Buffer): Buffer => value
const methods = Object.keys(rpcMethods) as MethodName[]

function unary(path: string, request: Buffer, metadata = new Metadata()): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(path, bytes, bytes, request, metadata, (error, value) =>
      error === null ? resolve(value ?? Buffer.alloc(0)) : reject(error),
    )
  })
}

describe('routes', () => {
  it.for(methods.filter((name) => streaming(name) === 'unary'))(
    '[GRC1] asks the keyspace once for %s',
    async (method) => {
      expect(await unary(method, key)).toEqual(key)
      expect(upstream.calls).toEqual([{ method, request: key, context: {} }])
    },
  )

  it.for(methods.filter((name) => streaming(name) === 'server_stream'))(
    '[GRC1] opens a stream for %s',
    async (method) => {
      const call = client.makeServerStreamRequest(method, bytes, bytes, key)
      expect(await call.toArray()).toEqual([key])
      expect(upstream.streams.map(({ requests }) => requests)).toEqual([[key]])
    },
  )

  it('[GRC1] asks the keyspace once for each request of LeaseKeepAlive', async () => {
    const call = client.makeBidiStreamRequest(keepAlive, bytes, bytes)
    const requests = ['0801', '0802', '0803'].map((hex) => Buffer.from(hex, 'hex'))
    for (const request of requests) {
      call.write(request)
    }
    call.end()
    expect(await call.toArray()).toEqual(requests)
    expect(upstream.calls.map(({ request }) => request)).toEqual(requests)
  })

  it('[GRC1] opens one watch for a stream, however many requests it has', async () => {
    const call = client.makeBidiStreamRequest(watch, bytes, bytes)
    const requests = Array.from({ length: 60 }, (_, index) => Buffer.from([8, index]))
    for (const request of requests) {
      call.write(request)
    }
    const answers: Buffer[] = []
    for await (const answer of call) {
      answers.push(answer as Buffer)
      if (answers.length === requests.length) {
        break
      }
    }
    expect(answers).toEqual(requests)
    expect(upstream.streams.map(({ requests: seen }) => seen)).toEqual([requests])
  })
})

describe('statuses', () => {
  it.for(statusKinds)('[GRC3] passes on the status %s', async (kind) => {
    const { code, message } = statusOf(kind)
    upstream.answer = () => Promise.reject(statusOf(kind))
    await expect(unary(range, key)).rejects.toMatchObject({ code, details: message })
  })

  it('[GRC3] passes on any text', async () => {
    const message = '100 % of\nüñí€ 😀 \u0000\u007f'
    upstream.answer = () => Promise.reject(new RpcStatus(Code.ABORTED, message))
    await expect(unary(range, key)).rejects.toMatchObject({
      code: status.ABORTED,
      details: message,
    })
  })

  it('[GRC3] answers a fault that has no status as Unknown', async () => {
    upstream.answer = () => Promise.reject(new TypeError('a fault'))
    await expect(unary(range, key)).rejects.toMatchObject({
      code: status.UNKNOWN,
      details: 'TypeError: a fault',
    })
  })

  it('[GRC3] ends a server stream with its status behind its messages', async () => {
    upstream.stream = (_, reader) => {
      reader.received(key)
      reader.ended(statusOf('compacted'))
      return { taken: () => undefined, cancel: () => undefined }
    }
    const answer = await rawCall(served.connect(), { path: rangeStream, body: [framed(key)] })
    const { code, message, trailersOnly, messages } = answer
    expect(messages).toEqual([framed(key).toString('hex')])
    expect({ code, message, trailersOnly }).toEqual({
      code: '11',
      message: 'etcdserver: mvcc: required revision has been compacted',
      trailersOnly: false,
    })
  })
})

describe('deadlines and cancellation', () => {
  const late = { 'grpc-timeout': '30m' }
  const deadline = { code: '4', message: 'context deadline exceeded' }

  it('[GRC11] ends a call whose deadline passes, and cancels it upstream', async () => {
    upstream.answer = () => new Promise(() => undefined)
    const call = { path: range, body: [framed(key)], headers: late }
    expect(await rawCall(served.connect(), call)).toMatchObject(deadline)
    expect(upstream.aborted).toBe(1)
  })

  it('[GRC11] ends a call whose request does not come', async () => {
    const call = { path: range, open: true, headers: late }
    expect(await rawCall(served.connect(), call)).toMatchObject(deadline)
    expect(upstream.calls).toEqual([])
  })

  it.for([watch, keepAlive])('[GRC11] ends the stream %s', async (path) => {
    const call = { path, body: [framed(key)], open: true, headers: late }
    const answer = await rawCall(served.connect(), call)
    expect(answer).toMatchObject({ ...deadline, messages: [framed(key).toString('hex')] })
    expect(upstream.streams.every(({ isCanceled }) => isCanceled)).toBe(true)
  })

  it('[GRC11] refuses a call whose deadline has passed without asking the keyspace', async () => {
    const call = { path: range, body: [framed(key)], headers: { 'grpc-timeout': '0S' } }
    expect(await rawCall(served.connect(), call)).toMatchObject({ ...deadline, http: 200 })
    expect(upstream.calls).toEqual([])
  })

  it('[GRC11] does not end a call before its deadline', async () => {
    const call = { path: range, body: [framed(key)], headers: { 'grpc-timeout': '99999999H' } }
    expect(await rawCall(served.connect(), call)).toMatchObject({ code: '0' })
  })

  it('[GRC12] cancels a call that is reset', async () => {
    upstream.answer = () => new Promise(() => undefined)
    const call = client.makeUnaryRequest(range, bytes, bytes, key, () => undefined)
    await until(() => upstream.calls.length === 1)
    call.cancel()
    await until(() => upstream.aborted === 1)
  })

  it('[GRC12] cancels a watch that is reset', async () => {
    const call = { path: watch, body: [framed(key)], open: true, resetAfter: 1 }
    await rawCall(served.connect(), call)
    await until(() => upstream.streams.every(({ isCanceled }) => isCanceled))
  })

  it('[GRC12] cancels whatever a connection that breaks had under way', async () => {
    upstream.answer = () => new Promise(() => undefined)
    const session = served.connect()
    const calls = [
      rawCall(session, { path: range, body: [framed(key)] }),
      rawCall(session, { path: keepAlive, body: [framed(key)], open: true }),
      rawCall(session, { path: watch, body: [framed(key)], open: true }),
    ]
    await until(() => upstream.calls.length === 2 && upstream.streams.length === 1)
    session.destroy()
    await Promise.allSettled(calls)
    await until(() => upstream.aborted === 2 && upstream.streams[0]?.isCanceled === true)
  })

  it('[GRC12] does not cancel what has ended', async () => {
    const session = served.connect()
    await rawCall(session, { path: range, body: [framed(key)] })
    session.destroy()
    await rawCall(served.connect(), { path: range, body: [framed(key)] })
    expect(upstream.aborted).toBe(0)
  })
})

describe('LeaseKeepAlive', () => {
  it('[GRC13] answers in the order of the requests, whatever is ready first', async () => {
    const answers: (() => void)[] = []
    upstream.answer = ({ request }) =>
      new Promise((resolve) => answers.unshift(() => resolve([request])))
    const body = ['0801', '0802', '0803', '0804'].map((hex) => framed(Buffer.from(hex, 'hex')))
    const answered = rawCall(served.connect(), { path: keepAlive, body })
    await until(() => answers.length === 4)
    for (const answer of answers) {
      answer()
    }
    const { messages, code } = await answered
    expect(messages).toEqual(body.map((each) => each.toString('hex')))
    expect(code).toBe('0')
  })

  it('[GRC13] ends with the status of a request that fails, behind the answers before it', async () => {
    upstream.answer = async ({ request }) => {
      if (request[1] === 2) {
        throw statusOf('no-leader')
      }
      return [request]
    }
    const body = ['0801', '0802', '0803'].map((hex) => framed(Buffer.from(hex, 'hex')))
    const answer = await rawCall(served.connect(), { path: keepAlive, body })
    expect(answer.messages).toHaveLength(1)
    expect(answer).toMatchObject({ code: '14', message: 'etcdserver: no leader' })
    await until(() => upstream.aborted === 3)
  })

  it('[GRC13] asks for 128 requests at a time, and for the others as answers come', async () => {
    const waiting: (() => void)[] = []
    upstream.answer = ({ request }) =>
      new Promise((resolve) => waiting.push(() => resolve([request])))
    const session = served.connect()
    const body = Array.from({ length: 400 }, () => framed(Buffer.alloc(2000)))
    const answered = rawCall(session, { path: keepAlive, body })
    await until(() => waiting.length >= 128)
    // The connection serves others meanwhile.
    await rawCall(session, { path: `${health}/Check`, body: [framed(Buffer.alloc(0))] })
    expect(waiting.length).toBe(128)
    let count = 0
    while (count < body.length) {
      await until(() => waiting.length > count)
      waiting[count++]?.()
    }
    expect((await answered).messages).toHaveLength(400)
  })
})

describe('Watch', () => {
  it('[GRC14] goes on when the client has no more requests', async () => {
    const answered = rawCall(served.connect(), { path: watch, body: [framed(key)] })
    await until(() => upstream.streams.length === 1)
    const [stream] = upstream.streams
    await until(() => stream?.requests.length === 1)
    stream?.reader.received(Buffer.from('more'))
    stream?.reader.ended(statusOf('watch-canceled'))
    const { messages, code, message } = await answered
    expect(messages).toHaveLength(2)
    expect({ code, message }).toEqual({ code: '1', message: 'etcdserver: watch canceled' })
  })

  it('[GRC14] sends nothing, not even headers, before there is a response', async () => {
    const call = client.makeBidiStreamRequest(watch, bytes, bytes)
    let headers = 0
    call.on('metadata', () => headers++)
    // It is canceled below.
    call.on('error', () => undefined)
    await until(() => upstream.streams.length === 1)
    await unary(range, key)
    expect(headers).toBe(0)
    call.cancel()
  })

  it('[GRC14] tells the keyspace whether the client requires a leader', async () => {
    for (const [count, hasleader] of [undefined, 'true', 'false'].entries()) {
      const headers = hasleader === undefined ? {} : { hasleader }
      const call = { path: watch, body: [framed(key)], open: true, resetAfter: 1, headers }
      await rawCall(served.connect(), call)
      expect(upstream.streams[count]?.options).toEqual({ requireLeader: hasleader === 'true' })
    }
  })
})

describe('health', () => {
  it.for([
    { service: '', hex: '0801' },
    { service: 'x', hex: '0803' },
  ])('[GRC18] Watch tells the status of "$service" and stays', async ({ service, hex }) => {
    const request = service === '' ? Buffer.alloc(0) : key
    const call = { path: `${health}/Watch`, body: [framed(request)], resetAfter: 1 }
    const { messages, code } = await rawCall(served.connect(), call)
    expect({ messages, code }).toEqual({ messages: [`0000000002${hex}`], code: undefined })
  })

  it('[GRC18] Check and List say SERVING', async () => {
    expect(await unary(`${health}/Check`, Buffer.alloc(0))).toEqual(Buffer.from('0801', 'hex'))
    const list = await unary(`${health}/List`, Buffer.alloc(0))
    expect(list).toEqual(Buffer.from('0a060a0012020801', 'hex'))
    expect(upstream.calls).toEqual([])
  })
})
