import type { Socket } from 'node:net'

/** How long a silent connection goes unasked. */
const KEEP_ALIVE_MS = 1_000

/**
 * Makes one connection of two: bytes both ways, and the end of one is the end of the other, unless `near`
 * is to be held.
 */
export function join(near: Socket, far: Socket, isHeld: () => boolean = () => false): void {
  for (const socket of [near, far]) {
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    // What went wrong is for the runtime to find out, which sees the end.
    socket.on('error', () => undefined)
  }
  near.pipe(far)
  far.pipe(near, { end: false })
  near.once('close', () => far.destroySoon())
  far.once('close', () => {
    if (!isHeld()) {
      near.destroySoon()
    }
  })
}
