import { Code, RpcStatus } from '../protocol/status.ts'
import type { Lines } from './lines.ts'

/** The answers that clients read here, from their first line on. */
const open = new Set<Lines>()

/** What etcd's gateway says when the server behind it stops. */
export const stopped = new RpcStatus(Code.UNAVAILABLE, 'error reading from server: EOF')

export function opened(lines: Lines): void {
  open.add(lines)
}

export function closed(lines: Lines): void {
  open.delete(lines)
}

/** Ends all with a last line that says why. Those who make them have other requests' sockets, and are left alone. */
export function stopOpenLines(): void {
  for (const lines of open) {
    lines.end(stopped)
  }
}
