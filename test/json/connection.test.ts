import { describe, expect, it, vi } from 'vitest'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  KeyValue,
  LeaseTimeToLiveResponse,
  LockResponse,
  PutRequest,
  PutResponse,
  RangeResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { encodeV2Answer, V2_METHOD } from '../../src/protocol/v2-wire.ts'
import { type Asked, JsonServed, post, until } from './served.ts'

const put = (key: string): string => post('/v3/kv/put', JSON.stringify({ key: base64(key) }))
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const keyOf = ({ call }: Asked): string =>
  call.method === V2_METHOD
    ? call.keys.on
    : Buffer.from(decode(PutRequest, call.request).key).toString()

const ok = encode(PutResponse, PutResponse.empty())
const answered = ({ reader }: Asked): void => reader.answered(ok)

const okAnswer =
  'HTTP/1.1 200 OK\r\n' +
  'Access-Control-Allow-Headers: accept, content-type, authorization\r\n' +
  'Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n' +
  'Access-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n' +
  'Grpc-Metadata-Content-Type: application/grpc\r\nDate: (now)\r\nContent-Length: 2\r\n\r\n{}'

const statusLines = (heard: string): readonly string[] => heard.match(/HTTP\/1\.1 \d+/g) ?? []

describe('requests', () => {
  it('[JCP3] wherever their bytes are cut they are the same', async () => {
    const served = await JsonServed.start()
    served.answer = answered
    const bytes = put('one') + put('two')
    for (let cut = 1; cut < bytes.length; cut++) {
      const client = await served.client()
      client.say(bytes.slice(0, cut))
      await new Promise((resolve) => setImmediate(resolve))
      client.say(bytes.slice(cut))
      await until(() => client.heard.length >= 2 * okAnswer.length)
      expect(client.heard).toBe(okAnswer.repeat(2))
      client.socket.destroy()
    }
    expect(served.asked.map(keyOf)).toEqual(
      Array.from({ length: bytes.length - 1 }, () => ['one', 'two']).flat(),
    )
    expect(served.handedOver).toEqual([])
  })

  it('[JCP3] byte by byte they are the same', async () => {
    const served = await JsonServed.start()
    served.answer = answered
    const client = await served.client()
    for (const byte of put('one') + put('two')) {
      client.say(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => client.heard.length >= 2 * okAnswer.length)
    expect(client.heard).toBe(okAnswer.repeat(2))
  })

  it('[JCP3] in a row they are asked and answered one after the other', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(put('one') + post('/v3/kv/put', '{bad') + put('two') + put('three'))
    await until(() => served.asked.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(served.asked.map(keyOf)).toEqual(['one'])
    served.asked.forEach(answered)
    await until(() => served.asked.length === 2)
    served.answer = answered
    served.asked.slice(1).forEach(answered)
    await until(() => statusLines(client.heard).length === 4)
    expect(served.asked.map(keyOf)).toEqual(['one', 'two', 'three'])
    expect(statusLines(client.heard)).toEqual(
      ['200', '400', '200', '200'].map((s) => `HTTP/1.1 ${s}`),
    )
  })

  it('[JCP3] thousands in a row, each refused at once, are answered', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    const count = 5_000
    client.say(post('/v3/kv/put', '{bad').repeat(count))
    await until(() => statusLines(client.heard).length === count)
    expect(served.asked).toEqual([])
  })

  it('[JCP7] are not read by the megabyte while one is answered', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(put('one'))
    await until(() => served.asked.length === 1)
    const all = 64 * 1024 * 1024
    client.say(put('two').padEnd(all, ' '))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(client.socket.writableLength).toBeGreaterThan(all / 2)
    served.asked.forEach(answered)
    await until(() => served.asked.length === 2)
  })

  it('[JCP7] are not read on while their client does not read its answers', async () => {
    const served = await JsonServed.start()
    const value = new Uint8Array(1024 * 1024)
    const kvs = [create(KeyValue, { value })]
    const response = encode(RangeResponse, create(RangeResponse, { kvs }))
    served.answer = ({ reader }) => reader.answered(response)
    const client = await served.client()
    client.socket.pause()
    client.say(post('/v3/kv/range', '{"key":"YQ=="}').repeat(100))
    await until(() => served.asked.length > 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const before = served.asked.length
    expect(before).toBeLessThan(50)
    client.socket.resume()
    await until(() => served.asked.length === 100)
  })
})

describe('what is not plain', () => {
  const get = 'GET /version HTTP/1.1\r\nHost: a\r\n\r\n'

  it('[JCP2] is handed over with all that follows, when what came before is answered', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    const rest = `${get}${put('two')}`
    client.say(put('one') + rest)
    await until(() => served.asked.length === 1)
    expect(served.handedOver).toEqual([])
    served.asked.forEach(answered)
    await until(() => served.handedOver.length === 1)
    expect(served.handedOver).toMatchObject([{ unread: rest }])
    const [{ socket } = served.handedOver[0] ?? {}] = served.handedOver
    let heard = ''
    socket?.on('data', (data) => {
      heard += data.toString()
    })
    client.say(put('three'))
    await until(() => heard === put('three'))
    expect(served.asked).toHaveLength(1)
    expect(client.heard).toBe(okAnswer)
  })

  it('[JCP2] is handed over as far as it has come', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say('GE')
    await until(() => served.handedOver.length === 1)
    expect(served.handedOver).toMatchObject([{ unread: 'GE' }])
  })

  it('[JCP2] a request whose client has ended before it was complete is none of ours', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.socket.end(put('one').slice(0, -1))
    await until(() => served.handedOver.length === 1)
    expect(served.handedOver).toMatchObject([{ unread: put('one').slice(0, -1) }])
    expect(served.asked).toEqual([])
  })

  it('[JCP9] a request that takes long to arrive is handed over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const served = await JsonServed.start()
      const client = await served.client()
      client.say('POST /v3/kv/')
      await vi.waitUntil(() => vi.getTimerCount() === 1)
      vi.advanceTimersByTime(10_000)
      expect(served.handedOver).toMatchObject([{ unread: 'POST /v3/kv/' }])
    } finally {
      vi.useRealTimers()
    }
  })

  it('[JCP2] a host that may not be named is for the gateway to refuse', async () => {
    const served = await JsonServed.start({ ETCD_HOST_WHITELIST: 'b' })
    const client = await served.client()
    client.say(put('one'))
    await until(() => served.handedOver.length === 1)
  })

  it('[JCP10] where only the gateway knows the origins, a request with one is handed over', async () => {
    const served = await JsonServed.start({}, true)
    served.answer = answered
    const client = await served.client()
    client.say(put('one') + post('/v3/kv/put', '{}', 'Origin: http://b'))
    await until(() => served.handedOver.length === 1 && client.heard.length >= okAnswer.length)
    expect(client.heard).toBe(okAnswer)
  })
})

describe('clients that leave', () => {
  it('[JCP4] take their call with them', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(put('one'))
    await until(() => served.asked.length === 1)
    client.socket.resetAndDestroy()
    await until(() => served.asked[0]?.isCanceled === true)
    served.asked.forEach(answered)
  })

  it('[JCP4] are answered if they have only ended their side', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.socket.end(put('one'))
    await until(() => served.asked.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    served.asked.forEach(answered)
    await until(() => client.isEnded)
    expect(client.heard).toBe(okAnswer)
    expect(served.asked).toMatchObject([{ isCanceled: false }])
  })

  it('[JCP4] do not wait for a lock when they have ended their side', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(post('/v3/lock/lock', '{"name":"YQ=="}'))
    await until(() => served.asked.length === 1)
    client.socket.end()
    await until(() => client.isEnded)
    expect(served.asked).toMatchObject([{ isCanceled: true }])
    expect(client.heard).toMatch(/^HTTP\/1\.1 499 .*\{"code":1,"message":"context canceled"\}$/s)
    // Too late.
    served.asked[0]?.reader.answered(encode(LockResponse, LockResponse.empty()))
  })
})

describe('a deadline', () => {
  it('[JCP5] that passes gives the call up', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(post('/v3/kv/put', '{"key":"YQ=="}', 'Grpc-Timeout: 20m'))
    await until(() => client.heard !== '')
    expect(client.heard).toMatch(/^HTTP\/1\.1 504 .*"context deadline exceeded"\}$/s)
    expect(served.asked).toMatchObject([{ isCanceled: true }])
    served.asked.forEach(answered)
    served.answer = answered
    client.say(put('one'))
    await until(() => client.heard.endsWith('{}'))
    expect(statusLines(client.heard)).toHaveLength(2)
  })

  it.each([
    ['1n', 504],
    ['-5S', 504],
    ['abc', 400],
  ])('[JCP5] of %s is answered %d, and nothing is asked', async (timeout, status) => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(post('/v3/kv/put', '{bad', `Grpc-Timeout: ${timeout}`))
    await until(() => client.heard !== '')
    expect(statusLines(client.heard)).toEqual([`HTTP/1.1 ${status}`])
    expect(served.asked).toEqual([])
  })
})

describe('an answer', () => {
  it('[JCP1] that is a refusal has its status, and a text beyond ASCII its length in bytes', async () => {
    const served = await JsonServed.start()
    served.answer = ({ reader }) => reader.failed(statusOf('lease-not-found'))
    const client = await served.client()
    client.say(put('one') + post('/v3/kv/put', '"é"'))
    await until(() => client.heard.endsWith('"é""}') || client.heard.includes('unexpected token'))
    expect(statusLines(client.heard)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 400'])
    const [, length, body = ''] =
      /400 Bad Request\r\n.*?\r\nContent-Length: (\d+)\r\n\r\n(.*)$/s.exec(client.heard) ?? []
    expect(Number(length)).toBe(Buffer.byteLength(body))
    expect(body.length).toBeLessThan(Buffer.byteLength(body))
  })

  it('[JCP1] that is no message is a failure of ours, and the next is not', async () => {
    const served = await JsonServed.start()
    served.answer = ({ reader }) => reader.answered(Uint8Array.of(0xff))
    const client = await served.client()
    client.say(put('one'))
    await until(() => client.heard !== '')
    expect(client.heard).toMatch(/^HTTP\/1\.1 500 .*\{"code":13,"message":"internal error"\}$/s)
    expect(served.log).toEqual([expect.stringMatching(/^a call failed: /)])
    served.answer = answered
    client.say(put('two'))
    await until(() => client.heard.endsWith(okAnswer))
  })
})

const page = (key: string, more: Partial<RangeResponse> = {}): Uint8Array => {
  const kvs = key === '' ? [] : [create(KeyValue, { key: Buffer.from(key) })]
  return encode(RangeResponse, create(RangeResponse, { kvs, ...more }))
}
const leaseOf = (fields: Partial<LeaseTimeToLiveResponse>): Uint8Array =>
  encode(LeaseTimeToLiveResponse, create(LeaseTimeToLiveResponse, fields))
const bodyOf = (heard: string): string =>
  [...heard.matchAll(/\r\n([\dA-F]+)\r\n(.*?)(?=\r\n[\dA-F]+\r\n)/gs)]
    .map(([, , text]) => text)
    .join('')

describe('a long range', () => {
  const range = post('/v3/kv/range', '{"key":"AA==","range_end":"AA=="}')
  it('[JCP6] leaves in chunks, each taken when it has left', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(range + put('next'))
    await until(() => served.asked.length === 1)
    const [{ reader } = { reader: undefined }] = served.asked
    const parts = [page('', { count: 3 }), page('a'), page(''), page('b')]
    for (const [place, part] of parts.entries()) {
      reader?.part(part)
      const sent = parts.slice(0, place + 1).reduce((sum, { length }) => sum + length, 0)
      await until(() => served.asked[0]?.taken === sent)
    }
    served.answer = answered
    reader?.answered(page('c', { more: true }))
    await until(() => client.heard.endsWith(okAnswer))
    expect(client.heard).toContain('\r\nTransfer-Encoding: chunked\r\n')
    expect(client.heard).not.toContain('Content-Length: 0')
    const body = bodyOf(client.heard.slice(0, -okAnswer.length))
    const kvs = ['a', 'b', 'c'].map((key) => ({ key: base64(key) }))
    expect(JSON.parse(body)).toEqual({ kvs, more: true, count: '3' })
  })

  it('[JCP6] of which the first pages hold nothing has a length like any', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(range)
    await until(() => served.asked.length === 1)
    served.asked[0]?.reader.part(page('', { count: 7 }))
    served.asked[0]?.reader.answered(page('a'))
    await until(() => client.heard.endsWith('}'))
    expect(client.heard).toContain('\r\nContent-Length: ')
    expect(client.heard).toMatch(/\{"kvs":\[\{"key":"YQ=="\}\],"count":"7"\}$/)
  })

  it('[JCP11] and what another answer has in parts is one message', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(post('/v3/lease/timetolive', '{"ID":"1","keys":true}'))
    await until(() => served.asked.length === 1)
    const [{ reader } = { reader: undefined }] = served.asked
    // Of a connection that was lost.
    reader?.part(leaseOf({ ID: 1n, TTL: 8 }))
    reader?.repeated()
    reader?.part(leaseOf({ ID: 1n, TTL: 7 }))
    reader?.part(leaseOf({ keys: [Buffer.from('a')] }))
    reader?.part(leaseOf({ keys: [Buffer.from('b')] }))
    reader?.answered(new Uint8Array(0))
    await until(() => client.heard.endsWith('}'))
    expect(client.heard).toContain('\r\nContent-Length: ')
    expect(client.heard).toMatch(/\{"ID":"1","TTL":"7","keys":\["YQ==","Yg=="\]\}$/)
  })

  it('[JCP6] breaks off where it cannot go on', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say(range)
    await until(() => served.asked.length === 1)
    served.asked[0]?.reader.part(page('a'))
    await until(() => client.heard.includes('YQ=='))
    served.asked[0]?.reader.failed(statusOf('timeout'))
    await until(() => client.isEnded || client.socket.destroyed)
    expect(client.heard).not.toContain('\r\n0\r\n')
  })
})

describe('/v2/keys', () => {
  const set = 'PUT /v2/keys/a HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n'
  const form = `${set}Content-Type: application/x-www-form-urlencoded\r\n\r\nvalue=é`
  const header = { clusterId: 255n, etcdIndex: 4, raftIndex: 5, raftTerm: 2 }
  const body = new TextEncoder().encode('{"é":1}\n')

  it('[V2K27] is asked over the link and answered as etcd does', async () => {
    const served = await JsonServed.start()
    served.answer = ({ reader }) =>
      reader.answered(encodeV2Answer({ header, body, isCreated: true }))
    const client = await served.client()
    client.socket.write(form.replace('Length: 7', 'Length: 8'))
    await until(() => client.heard.includes('}'))
    expect(client.heard).toBe(
      'HTTP/1.1 201 Created\r\n' +
        'Access-Control-Allow-Headers: accept, content-type, authorization\r\n' +
        'Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE\r\n' +
        'Access-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n' +
        'X-Etcd-Cluster-Id: ff\r\nX-Etcd-Index: 4\r\nX-Raft-Index: 5\r\nX-Raft-Term: 2\r\n' +
        'Date: (now)\r\nContent-Length: 9\r\n\r\n{"é":1}\n',
    )
    const [asked] = served.asked
    expect(asked?.call).toMatchObject({
      method: V2_METHOD,
      keys: { on: 'keys', method: 'PUT', path: '/a', value: 'é' },
    })
  })

  it('[V2K27] that is lost under way fails as a lost proposal does', async () => {
    const served = await JsonServed.start()
    served.answer = ({ reader }) => reader.failed(statusOf('timeout-connection-lost'))
    const client = await served.client()
    client.say('DELETE /v2/keys/a HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => client.heard.includes('}'))
    expect(client.heard).toMatch(/^HTTP\/1\.1 500 /)
    expect(client.heard).toContain('{"errorCode":300,"message":"Raft Internal Error","cause":"')
  })

  it('[V2K27] is handed on where it waits', async () => {
    const served = await JsonServed.start()
    const client = await served.client()
    client.say('GET /v2/keys/a?wait=true HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => served.handedOver.length === 1)
    expect(served.asked).toEqual([])
  })

  it('[V2K19] is not found where the shard says that it is off', async () => {
    const served = await JsonServed.start()
    served.answer = ({ reader }) => reader.failed(statusOf('v2-off'))
    const client = await served.client()
    client.say('GET /v2/keys/a HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => client.heard.includes('found\n'))
    expect(client.heard).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/)
    expect(client.heard).toMatch(/\r\nX-Content-Type-Options: nosniff\r\n.*404 page not found\n$/s)
  })
})

describe('the end of the server', () => {
  it('[JCP8] ends idle connections, answers what is asked and breaks off what goes on', async () => {
    const served = await JsonServed.start()
    const [idle, asking, waiting, stuck] = await Promise.all(
      Array.from({ length: 4 }, () => served.client()),
    )
    served.answer = answered
    idle?.say(put('idle'))
    await until(() => idle?.heard === okAnswer)
    served.answer = () => undefined
    asking?.say(put('asking'))
    await until(() => served.asked.length === 2)
    waiting?.say(post('/v3/lock/lock', '{"name":"YQ=="}'))
    await until(() => served.asked.length === 3)
    stuck?.say(put('stuck'))
    await until(() => served.asked.length === 4)
    const closed = served.server.close()
    await until(() => idle?.isEnded === true && waiting?.isEnded === true)
    expect(served.asked[2]).toMatchObject({ isCanceled: true })
    expect(waiting?.heard).toMatch(
      /^HTTP\/1\.1 503 .*\r\nConnection: close\r\n.*error reading from server: EOF/s,
    )
    served.asked.slice(1, 2).forEach(answered)
    await until(() => asking?.isEnded === true)
    expect(asking?.heard).toContain('\r\nConnection: close\r\n')
    expect(asking?.heard).toMatch(/\{\}$/)
    await closed
    await until(() => stuck?.socket.destroyed === true || stuck?.isEnded === true)
    expect(stuck?.heard).toBe('')
    expect(served.asked[3]).toMatchObject({ isCanceled: true })
  })
})
