import { RpcStatus, statusOf } from '../../protocol/status.ts'
import { WireError } from '../../protocol/wire.ts'

/** What refuses a stream or a call before it has begun; any other error is thrown on. */
export function refusalOf(error: unknown): RpcStatus {
  if (error instanceof RpcStatus) {
    return error
  }
  if (error instanceof WireError) {
    return statusOf('unreadable-request')
  }
  throw error
}
