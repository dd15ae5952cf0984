import { SESSION_PROTOCOL } from '../protocol/frames.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import type { ShardClient } from './shard-client.ts'

/**
 * The socket of a bridge, which the Worker hands on to the shard. Its frames have a version, and a
 * bridge of another one is told so instead of being cut off later.
 */
export async function sessionResponse(request: Request, shard: ShardClient): Promise<Response> {
  if (request.headers.get('Upgrade') !== 'websocket') {
    return new Response('a WebSocket is expected here\n', { status: 426 })
  }
  const offered = request.headers.get('Sec-WebSocket-Protocol')?.split(/ *, */) ?? []
  if (!offered.includes(SESSION_PROTOCOL)) {
    return new Response(`this deployment speaks ${SESSION_PROTOCOL}\n`, { status: 400 })
  }
  const { socket, replica } = await shard.connectLink()
  const headers = {
    'Sec-WebSocket-Protocol': SESSION_PROTOCOL,
    ...(replica !== undefined && { [REPLICA_HEADER]: replica }),
  }
  return new Response(null, { status: 101, webSocket: socket, headers })
}
