import type { Socket } from 'node:net'

/** How long a silent connection goes unasked. */
const KEEP_ALIVE_MS = 1_000

/** Makes one connection of two: bytes both ways, and the end of one is the end of the other. */
export function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.setNoDelay(true)
    from.setKeepAlive(true, KEEP_ALIVE_MS)
    // What went wrong is for the peer's runtime to find out, which sees the end.
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}
