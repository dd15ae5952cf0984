import type { ShardRpc } from './protocol/shard-rpc.ts'
import { decodeJson } from './protocol/json-decode.ts'
import { encodeJson } from './protocol/json-encode.ts'
import { rpcMethods } from './protocol/generated/services.ts'
import { routes } from './protocol/methods.ts'
import type { MessageType } from './protocol/message-type.ts'

export { Shard } from './shard/shard.ts'

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const path = new URL(request.url).pathname
    if (path === '/livez') return new Response('ok\n')
    const method = routes[path as keyof typeof routes]
    if (method === undefined) return new Response('404 page not found\n', { status: 404 })
    const body = decodeJson(rpcMethods[method].request as MessageType<object>, await request.bytes())
    const stub = env.SHARD.getByName('default') as unknown as ShardRpc
    const answer = await stub.call(method, body, { origin: 'http://x' })
    if ('refused' in answer) return Response.json(answer.refused, { status: 400 })
    return new Response(encodeJson(rpcMethods[method].response as MessageType<object>, answer.response))
  },
}
