import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '../protocol/generated/messages.ts'
import { encodeJsonResult } from '../protocol/json-encode.ts'
import { statusOfFailure } from './failure.ts'
import { type Chunks, readRequests } from './json-requests.ts'
import { Lines } from './lines.ts'
import type { IncomingRequest } from './unary.ts'

/** LeaseKeepAlive: a line for each request, and the end of the input ends the call. */
export function keepAlive(call: IncomingRequest, input: Chunks): Lines {
  const lines = new Lines(() => undefined)
  const renew = async (): Promise<void> => {
    for await (const request of readRequests(LeaseKeepAliveRequest, input, call.settings)) {
      const { response } = await call.shard.call(call.method, request, call.context)
      const line = encodeJsonResult(LeaseKeepAliveResponse, response as LeaseKeepAliveResponse)
      // The next request waits for the client to take this answer.
      await new Promise<void>((taken) => {
        lines.push(line, taken)
      })
      if (lines.ended) {
        return
      }
    }
    lines.end()
  }
  renew().catch((error: unknown) => lines.end(statusOfFailure(error)))
  return lines
}
