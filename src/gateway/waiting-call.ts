import type { MethodName } from '../protocol/methods.ts'
import { CallSession, type LastingCall } from './call-session.ts'
import type { ShardClient } from './shard-client.ts'

/** They answer when it is the caller's turn, be it tomorrow. */
const waitingMethods: ReadonlySet<MethodName> = new Set([
  '/v3lockpb.Lock/Lock',
  '/v3electionpb.Election/Campaign',
])

export function mayWait(method: MethodName): boolean {
  return waitingMethods.has(method)
}

/** Rejects with an RpcStatus. Aborting `gone` leaves the queue. */
export async function callWaiting(
  shard: ShardClient,
  call: LastingCall,
  gone: AbortSignal,
): Promise<object> {
  const { promise, resolve, reject } = Promise.withResolvers<object>()
  const session = await CallSession.open(shard, call, {
    received: () => undefined,
    answered: resolve,
    failed: reject,
  })
  const leave = (): void => session.close()
  gone.addEventListener('abort', leave)
  // While the socket was being opened nobody listened.
  if (gone.aborted) {
    leave()
  }
  try {
    return await promise
  } finally {
    gone.removeEventListener('abort', leave)
    session.close()
  }
}
