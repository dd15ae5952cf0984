import { type RpcStatus, statusOf } from '../protocol/status.ts'

/** What a client waits for or reads here, and may wait for without end. */
export interface OpenCall {
  end(status: RpcStatus): void
}

const open = new Set<OpenCall>()

/** What etcd's gateway says when the server behind it stops. */
export const stopped = statusOf('server-gone')

export function opened(call: OpenCall): void {
  open.add(call)
}

export function closed(call: OpenCall): void {
  open.delete(call)
}

/**
 * Ends all, and says why: by the status where nothing was said yet, else by a last line. What is under way
 * for them is of other requests, and is left alone.
 */
export function stopOpenCalls(): void {
  for (const call of open) {
    call.end(stopped)
  }
}
