import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { SESSION_PROTOCOL } from '../../src/protocol/frames.ts'
import { base64, gatewayWith, LineReader, put } from './client.ts'

const linked = gatewayWith({ ETCDURABLE_TOKEN: 'a secret', ETCDURABLE_LINK_SECRET: 'a link' })

async function open(token: string): Promise<WebSocket> {
  const headers = {
    'Upgrade': 'websocket',
    'Sec-WebSocket-Protocol': SESSION_PROTOCOL,
    'Authorization': `Bearer ${token}`,
  }
  const { webSocket } = await linked('/session', { headers })
  if (webSocket === null) {
    throw new Error('no socket')
  }
  webSocket.accept()
  return webSocket
}

function hibernating(): Promise<number> {
  const shard = env.SHARD.getByName('default')
  return runInDurableObject(shard, (_, ctx) => ctx.getWebSockets().length)
}

it("[SHD16] a socket is the server's own with the secret of its link alone", async () => {
  const sockets = [await open('a link')]
  expect(await hibernating()).toBe(0)
  sockets.push(await open('a secret'))
  expect(await hibernating()).toBe(1)
  sockets.push(await open('a link'))
  expect(await hibernating()).toBe(1)
  sockets.forEach((socket) => socket.close())
})

it('[GTW47] the process with the secret of the link ends all streams, and nobody else does', async () => {
  const end = (token: string): Promise<Response> =>
    linked('/session', { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } })
  const lines = new LineReader(
    await linked('/v3/watch', {
      method: 'POST',
      body: JSON.stringify({ create_request: { key: base64('stopped') } }),
      headers: { Authorization: 'Bearer a secret' },
    }),
  )
  expect(await lines.json()).toMatchObject({ result: { created: true } })
  expect((await end('a secret')).status).toBe(405)
  expect((await end('wrong')).status).toBe(401)
  await put('stopped', '1')
  expect(await lines.json()).toMatchObject({ result: { events: [{}] } })
  expect((await end('a link')).status).toBe(204)
  expect(await lines.json()).toEqual({
    error: { code: 14, message: 'error reading from server: EOF' },
  })
  expect(await lines.next()).toBeUndefined()
})
