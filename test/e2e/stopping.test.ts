import { once } from 'node:events'
import { type ClientHttp2Stream, connect } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { WatchCreateRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { ChunkedPost } from './http-chunks.ts'
import { base64, call, type JsonObject } from './http.ts'
import { startServer } from './server.ts'

/** As etcd 3.7.1's gateway says it, but for a space behind the comma. */
const lastWord = '{"code":14,"message":"error reading from server: EOF"}'
const lastLine = `{"error":${lastWord}}`

/** By then calls are with the shard, which nothing tells of those that wait. */
const untilAsked = (): Promise<void> => sleep(1_000)

async function ask(
  url: string,
  path: string,
  body: JsonObject,
): Promise<{ status: number; body: string }> {
  const response = await fetch(new URL(path, url), { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: await response.text() }
}

it('[GTW46] a server that stops ends every stream with a word', async () => {
  const server = await startServer()
  const request = JSON.stringify({ create_request: { key: base64('a') } })
  await call(server.url, '/v3/lease/grant', { ID: '77', TTL: '1000' })
  await call(server.url, '/v3/election/campaign', { name: base64('e'), lease: '77' })
  const posts = await Promise.all([
    ChunkedPost.open(server.url, '/v3/watch', request),
    ChunkedPost.open(server.url, '/v3/election/observe', JSON.stringify({ name: base64('e') })),
  ])
  for (const post of posts) {
    expect(await post.chunk()).toContain('"result"')
  }
  const socket = new WebSocket(new URL('/v3/watch', server.url.replace('http', 'ws')))
  await once(socket, 'open')
  socket.send(request)
  await once(socket, 'message')
  const said = once(socket, 'message')
  const closed = once(socket, 'close')
  const client = new GrpcClient(server.url)
  const watch = client.stream('/etcdserverpb.Watch/Watch')
  watch.send({ createRequest: create(WatchCreateRequest, { key: Buffer.from('a') }) })
  await watch.next()
  const refused = refusalOf(watch.next())

  await call(server.url, '/v3/lease/grant', { ID: '78', TTL: '1000' })
  const silent = [
    ask(server.url, '/v3/election/observe', { name: base64('nobody') }),
    ask(server.url, '/v3/election/campaign', { name: base64('e'), lease: '78' }),
  ]
  const locker = new WebSocket(new URL('/v3/election/campaign', server.url.replace('http', 'ws')))
  await once(locker, 'open')
  locker.send(JSON.stringify({ name: base64('e'), lease: '78' }))
  const lockerTold = Promise.all([once(locker, 'message'), once(locker, 'close')])
  await untilAsked()

  const stopped = server.stop()
  expect(await Promise.all(silent)).toEqual([
    { status: 503, body: `${lastLine}\n` },
    { status: 503, body: lastWord },
  ])
  const [word, end] = await lockerTold
  expect([String(word[0]), end[0]]).toEqual([lastWord, 1001])
  for (const post of posts) {
    expect(await post.chunk()).toBe(`${lastLine}\n`)
    expect(await post.chunk()).toBeUndefined()
    post.close()
  }
  expect(String((await said)[0])).toBe(lastLine)
  expect((await closed)[0]).toBe(1001)
  expect(await refused).toEqual({ code: 14, message: 'error reading from server: EOF' })
  client.close()
  await stopped
})

/**
 * What is left of an answer. Iterators of Node give up what they have not read yet when a request that
 * has not ended is reset without an error, as Go's server and ours do behind an answer (RFC 9113 §8.1).
 */
async function restOf(stream: ClientHttp2Stream): Promise<string> {
  let rest = ''
  stream.on('data', (chunk: Buffer) => (rest += chunk.toString()))
  const ended = once(stream, 'end')
  const closed = once(stream, 'close').then(() => Promise.reject(new Error(`cut after ${rest}`)))
  await Promise.race([ended, closed])
  return rest
}

it('[GTW46] so do streams of HTTP/2 over TLS', async () => {
  const server = await startServer({
    flags: ['--listen-client-urls=https://127.0.0.1:0', '--auto-tls'],
  })
  const session = connect(server.url, { rejectUnauthorized: false })
  const open = (body: JsonObject | undefined): ClientHttp2Stream => {
    const stream = session.request({ ':method': 'POST', ':path': '/v3/watch' })
    stream.write(body === undefined ? '' : JSON.stringify(body))
    return stream
  }
  const told = open({ create_request: { key: base64('a') } })
  await once(told, 'readable')
  expect(String(told.read())).toContain('"created":true')
  const silent = open(undefined)
  const answered = once(silent, 'response')
  // Answered behind the headers of the request.
  await new Promise((resolve) => session.ping(resolve))
  const said = Promise.all([restOf(told), restOf(silent)])
  const stopped = server.stop()
  const [headers] = (await answered) as [Readonly<Record<string, unknown>>]
  expect(headers[':status']).toBe(503)
  expect(await said).toEqual([`${lastLine}\n`, `${lastLine}\n`])
  session.close()
  await stopped
})
