/**
 * Gives bytes back at once that are all of their buffer; nobody may look at them any more. Buffers are outside
 * of V8's heap, and for each few megabytes of them that wait for its collector it marks the whole heap, which
 * takes some milliseconds: a gigabyte that was read from SQLite cost 130 such pauses. A buffer that is moved
 * to one of no length is let go by that. Empty bytes are left alone: many share them, and they hold nothing.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  const isAll = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  if (isAll && byteLength > 0 && !buffer.detached) {
    buffer.transfer(0)
  }
}
