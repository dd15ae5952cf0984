import { Code, RpcStatus } from '../protocol/status.ts'

/** A failure that is no refusal is a defect: the log gets all of it, and the client that it is. */
export function statusOfFailure(error: unknown): RpcStatus {
  if (error instanceof RpcStatus) {
    return error
  }
  // oxlint-disable-next-line no-console -- a Worker's log is its console
  console.error(error)
  return new RpcStatus(Code.INTERNAL, 'internal error')
}
