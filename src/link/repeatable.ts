import { decode } from '../protocol/binary.ts'
import { AlarmAction, AlarmRequest } from '../protocol/generated/messages.ts'
import { type MethodName, reads } from '../protocol/methods.ts'
import { WireError } from '../protocol/wire.ts'
import type { UnaryCall } from './upstream.ts'

/**
 * Reads, the keep-alive, which only sets a time that a second one sets again, and the login, whose
 * first token nobody has seen.
 */
const REPEATABLE: ReadonlySet<MethodName> = new Set<MethodName>([
  ...reads,
  '/etcdserverpb.KV/RangeStream',
  '/etcdserverpb.Lease/LeaseKeepAlive',
  '/etcdserverpb.Maintenance/Snapshot',
  '/etcdserverpb.Auth/Authenticate',
])

/** Whether a call may run twice when it is not known whether it has run. */
export function isRepeatable({ method, request }: UnaryCall): boolean {
  return REPEATABLE.has(method) || (method === '/etcdserverpb.Maintenance/Alarm' && isGet(request))
}

function isGet(request: Uint8Array): boolean {
  try {
    return decode(AlarmRequest, request).action === AlarmAction.GET
  } catch (error) {
    // The shard says what is wrong with it.
    if (error instanceof WireError) {
      return false
    }
    throw error
  }
}
