import { packBody, unpackBody } from '../protocol/packed-body.ts'
import { type Call, type CallContext, CALLS_URL, type ShardRpc } from '../protocol/shard-rpc.ts'
import type { V2Call } from '../protocol/v2-call.ts'

/** Answers what has come by `fetch` in place of RPC; undefined where it is something else. */
export async function answerFetched(
  request: Request,
  shard: Pick<ShardRpc, 'callMany' | 'v2'>,
): Promise<Response | undefined> {
  switch (request.url) {
    case CALLS_URL.calls: {
      const calls = (await valueOf(request)) as readonly Call[]
      return new Response(packBody(await shard.callMany(calls)))
    }
    case CALLS_URL.v2: {
      const { call, context } = (await valueOf(request)) as {
        readonly call: V2Call
        readonly context: CallContext
      }
      return new Response(packBody(await shard.v2(call, context)))
    }
    default:
      return undefined
  }
}

async function valueOf(request: Request): Promise<unknown> {
  return unpackBody(new Uint8Array(await request.arrayBuffer()))
}
