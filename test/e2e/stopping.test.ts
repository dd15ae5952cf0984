import { once } from 'node:events'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { WatchCreateRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { GrpcClient } from './grpc-client.ts'
import { refusalOf } from './grpc-streams.ts'
import { ChunkedPost } from './http-chunks.ts'
import { base64, call } from './http.ts'
import { startServer } from './server.ts'

/** As etcd 3.7.1's gateway says it. */
const lastLine = '{"error":{"code":14,"message":"error reading from server: EOF"}}'

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

  const stopped = server.stop()
  for (const post of posts) {
    expect(await post.chunk()).toBe(`${lastLine}\n`)
    expect(await post.chunk()).toBeUndefined()
    post.close()
  }
  expect(String((await said)[0])).toBe(lastLine)
  expect((await closed)[0]).toBe(1001)
  expect(await refused).toEqual({ code: 14, message: 'etcdserver: server stopped' })
  client.close()
  await stopped
})
