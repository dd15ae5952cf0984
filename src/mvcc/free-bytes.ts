/**
 * Gives bytes back at once that are all of their buffer; nobody may look at them any more. Buffers are outside
 * of V8's heap, and for each few megabytes of them that wait for its collector it marks the whole heap, which
 * takes some milliseconds: a gigabyte that was read from SQLite cost 130 such pauses. A buffer that is moved
 * to one of no length is let go by that.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) {
    buffer.transfer(0)
  }
}
