import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { SESSION_PROTOCOL } from '../../src/protocol/frames.ts'
import { gatewayWith } from './client.ts'

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
