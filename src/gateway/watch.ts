import { WatchRequest } from '../protocol/generated/messages.ts'
import { statusOfFailure } from './failure.ts'
import { type Chunks, drain, readRequests } from './json-requests.ts'
import { Lines } from './lines.ts'
import type { IncomingRequest } from './unary.ts'
import { watchLine } from './watch-line.ts'
import { type WatchReader, WatchSession } from './watch-session.ts'

/**
 * Watch: requests come as a sequence of JSON values, whose end only means that no more come; the
 * watches go on until the client leaves. A client that never asks for anything gets no session.
 */
export function watch(call: IncomingRequest, input: Chunks): Lines {
  let session: WatchSession | undefined
  const lines = new Lines(() => session?.close())
  const reader: WatchReader = {
    received: (message) => {
      lines.push(watchLine(message), () => session?.credit(message.length))
    },
    ended: (status) => lines.cancel(status),
  }
  const forward = async (): Promise<void> => {
    for await (const request of readRequests(WatchRequest, input, call.settings)) {
      session ??= await WatchSession.open(call.shard, call.context, reader)
      if (lines.ended) {
        session.close()
        return
      }
      session.request(request)
    }
    await drain(input)
  }
  forward().catch((error: unknown) => lines.cancel(statusOfFailure(error)))
  return lines
}
