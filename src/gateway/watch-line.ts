import { decode } from '../protocol/binary.ts'
import { WatchResponse } from '../protocol/generated/messages.ts'
import { encodeJsonResult } from '../protocol/json-encode.ts'

/** A longer one is kept for nobody. */
const KEPT_BYTES_MAX = 4 * 1024

let last: { readonly message: Uint8Array; readonly line: string } | undefined

/**
 * A message of a watch in JSON. What many clients watch comes to each of them in a row, in the same bytes, and is
 * put into words once.
 */
export function watchLine(message: Uint8Array): string {
  if (last !== undefined && isSame(last.message, message)) {
    return last.line
  }
  const line = encodeJsonResult(WatchResponse, decode(WatchResponse, message))
  last = message.length > KEPT_BYTES_MAX ? undefined : { message: message.slice(), line }
  return line
}

/** From the end, where two messages differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let i = a.length
  if (i !== b.length) {
    return false
  }
  while (i > 0 && a[i - 1] === b[i - 1]) {
    i--
  }
  return i === 0
}
