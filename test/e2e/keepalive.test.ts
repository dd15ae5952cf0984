import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { base64, call, isObject, type JsonObject, parseObject, send } from './http.ts'
import { plainMessage } from './plain.ts'
import {
  httpTransport,
  type MessageStream,
  type OpenStream,
  webSocketTransport,
} from './streams.ts'
import { Target } from './target.ts'
import { headerAt, Keyspace } from './watch-session.ts'

const path = '/v3/lease/keepalive'
let target: Target
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
  await call(target.url, '/v3/lease/grant', { ID: 1, TTL: 1000 })
  await call(target.url, '/v3/lease/grant', { ID: -2, TTL: 2000 })
})

afterAll(() => target.stop())

async function nextRenewal(stream: MessageStream): Promise<JsonObject> {
  const line = await stream.next()
  const result = line?.['result']
  if (!isObject(result)) {
    throw new Error(`not a keep-alive response: ${JSON.stringify(line)}`)
  }
  return plainMessage(path, result)
}

const transports: readonly (readonly [string, OpenStream])[] = [
  ['HTTP', httpTransport],
  ['WebSocket', webSocketTransport],
]

describe.each(transports)('keep-alive over %s', (_, transport) => {
  function open(): MessageStream {
    const stream = transport(target.url, path)
    onTestFinished(() => stream.close())
    return stream
  }

  it('[WSH35] answers each request in its order, a missing lease without a TTL', async () => {
    const header = headerAt(await keyspace.revision())
    const stream = open()
    stream.send('{"ID":1}{"ID":"77"} {"ID":')
    stream.send('-2}\n{}')
    const answers = [
      { header, ID: '1', TTL: '1000' },
      { header, ID: '77' },
      { header, ID: '-2', TTL: '2000' },
      { header },
    ]
    for (const answer of answers) {
      expect(await nextRenewal(stream)).toEqual(answer)
    }
    stream.send('{"ID":1}')
    expect(await nextRenewal(stream)).toMatchObject({ ID: '1' })
  })
})

const isPresent = (answer: JsonObject): boolean => answer['count'] !== undefined

describe('keep-alive over HTTP', () => {
  it('[WSH36] holds a lease past its TTL, and no longer once it stops', async () => {
    const key = 'kept'
    const granted = await keyspace.call('/v3/lease/grant', { TTL: 2 })
    const lease = String(granted['ID'])
    await keyspace.put(key, '', { lease })
    const stream = httpTransport(target.url, path)
    onTestFinished(() => stream.close())
    for (let tick = 0; tick < 15; tick++) {
      stream.send(JSON.stringify({ ID: lease }))
      expect(await nextRenewal(stream)).toMatchObject({ ID: lease, TTL: '2' })
      await sleep(250)
    }
    const present = { key: base64(key), count_only: true }
    expect(await keyspace.call('/v3/kv/range', present)).toMatchObject({ count: '1' })
    const deadline = Date.now() + 20_000
    while (isPresent(await keyspace.call('/v3/kv/range', present)) && Date.now() < deadline) {
      await sleep(100)
    }
    expect(await keyspace.call('/v3/kv/range', present)).not.toHaveProperty('count')
    stream.send(JSON.stringify({ ID: lease }))
    expect(await nextRenewal(stream)).not.toHaveProperty('TTL')
  })

  it('[WSH37] ends with the request body', async () => {
    const answer = await send(target.url, { path, body: '{"ID":1}\n{"ID":77}\n' })
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.body.endsWith('\n')).toBe(true)
    expect(answer.body.trimEnd().split('\n').map(parseObject)).toMatchObject([
      { result: { ID: '1' } },
      { result: { ID: '77' } },
    ])
  })

  it.each([
    ['an empty body', ''],
    ['bad JSON', '{bad'],
    ['a wrong type', '{"ID":"x"}'],
    ['a list', '[]'],
  ])('[WSH38] answers %s with an empty 200 of no type', async (_, body) => {
    const answer = await send(target.url, { path, body })
    expect(answer).toMatchObject({ status: 200, body: '' })
    expect(answer.headers['content-type']).toBeUndefined()
  })

  it('[WSH39] takes bad JSON after a request for the end of the body', async () => {
    const answer = await send(target.url, { path, body: '{"ID":1} x {"ID":1}' })
    expect(answer.status).toBe(200)
    expect(answer.body.trimEnd().split('\n')).toHaveLength(1)
  })
})
