import { decodeRequest } from '../http/call.ts'
import { LeaderResponse } from '../protocol/generated/messages.ts'
import { encodeJsonResult } from '../protocol/json-encode.ts'
import { CallSession } from './call-session.ts'
import { statusOfFailure } from './failure.ts'
import { Lines } from './lines.ts'
import type { Call } from './unary.ts'

export function observes({ method }: Call): boolean {
  return method === '/v3electionpb.Election/Observe'
}

/** A line for each news of the leader, until the client leaves. Throws an RpcStatus. */
export function observe(call: Call, body: Uint8Array): Lines {
  const { method, context, shard, settings } = call
  const request = decodeRequest(method, body, settings)
  let session: CallSession | undefined
  const lines = new Lines(() => session?.close())
  const begin = async (): Promise<void> => {
    session = await CallSession.open(
      shard,
      { method, request, context },
      {
        received: (response, size) => {
          const line = encodeJsonResult(LeaderResponse, response as LeaderResponse)
          void lines.push(line).then(() => session?.credit(size))
        },
        answered: () => lines.end(),
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
