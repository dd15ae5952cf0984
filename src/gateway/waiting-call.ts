import { LastingStream, type DecodedRequest } from './lasting-stream.ts'
import { closed, type OpenCall, opened } from './open-calls.ts'
import type { ShardClient } from './shard-client.ts'

/** Rejects with an RpcStatus. Aborting `gone` leaves the queue. */
export async function callWaiting(
  shard: ShardClient,
  call: DecodedRequest,
  gone: AbortSignal,
): Promise<object> {
  const { promise, resolve, reject } = Promise.withResolvers<object>()
  const session = await LastingStream.open(shard, call, {
    received: () => undefined,
    answered: resolve,
    failed: reject,
  })
  const open: OpenCall = { end: reject }
  opened(open)
  const leave = (): void => session.close()
  gone.addEventListener('abort', leave)
  // While the socket was being opened nobody listened.
  if (gone.aborted) {
    leave()
  }
  try {
    return await promise
  } finally {
    closed(open)
    gone.removeEventListener('abort', leave)
    session.close()
  }
}
