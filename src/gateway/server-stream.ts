import { decodeRequest } from '../gateway-rules/call.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { encodeJsonResult } from '../protocol/json-encode.ts'
import type { MessageType } from '../protocol/message-type.ts'
import { statusOfFailure } from './failure.ts'
import { LastingStream } from './lasting-stream.ts'
import { Lines } from './lines.ts'
import type { IncomingRequest } from './unary.ts'

/**
 * A call of one request that is answered by many messages: a line for each, as the client takes them,
 * until the last one or until the client leaves. Throws an RpcStatus.
 */
export function serverStream(call: IncomingRequest, body: Uint8Array): Lines {
  const { method, context, shard, settings } = call
  const type: MessageType<object> = rpcMethods[method].response
  const request = decodeRequest(method, body, settings)
  let session: LastingStream | undefined
  const lines = new Lines(() => session?.close())
  const begin = async (): Promise<void> => {
    session = await LastingStream.open(
      shard,
      { method, request, context },
      {
        received: (response, size) => {
          lines.push(encodeJsonResult(type, response), () => session?.credit(size))
        },
        answered: () => {
          lines.end()
          session?.close()
        },
        failed: (status) => lines.cancel(status),
      },
    )
    if (lines.ended) {
      session.close()
    }
  }
  begin().catch((error: unknown) => lines.cancel(statusOfFailure(error)))
  return lines
}
