import type { Settings } from '../config/settings.ts'
import { clientGone } from '../gateway-rules/call.ts'
import { jsonBytesMax, requireReceivable } from '../gateway-rules/limits.ts'
import { chunksOf } from './json-requests.ts'

/** Clients write their request before they read an answer, so a refusal waits for this much. */
const DISCARDED_BYTES_MAX = 64 * 1024 * 1024

/**
 * The whole body. One that is too long to hold a message of an acceptable size is not kept, and
 * the size that its refusal names is the body's, since nobody has looked at the message.
 */
export async function readBody(request: Request, settings: Settings): Promise<Uint8Array> {
  const declared = request.headers.get('Content-Length')
  if (declared !== null && Number(declared) <= jsonBytesMax(settings)) {
    try {
      return await request.bytes()
    } catch {
      throw clientGone()
    }
  }
  let length = 0
  const kept: Uint8Array[] = []
  for await (const chunk of chunksOf(request.body)) {
    length += chunk.length
    if (length <= jsonBytesMax(settings)) {
      kept.push(chunk)
    } else if (length > DISCARDED_BYTES_MAX) {
      break
    } else {
      kept.length = 0
    }
  }
  if (length > jsonBytesMax(settings)) {
    requireReceivable(Math.max(length, Number(declared)), settings)
  }
  return join(kept, length)
}

export function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let position = 0
  for (const chunk of chunks) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}
