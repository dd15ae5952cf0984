import type { Settings } from '../config/settings.ts'
import { type Chunks, chunksOf } from './json-requests.ts'
import { jsonBytesMax, requireReceivable } from './limits.ts'

/**
 * The whole body. One that cannot hold a message of an acceptable size is refused before it is
 * read to its end; the size named then is that of the body, since the message is not known.
 */
export async function readBody(request: Request, settings: Settings): Promise<Uint8Array> {
  const declared = request.headers.get('Content-Length')
  if (declared !== null) {
    const length = Number(declared)
    if (length > jsonBytesMax(settings)) {
      requireReceivable(length, settings)
    }
    return new Uint8Array(await request.arrayBuffer())
  }
  return readChunks(chunksOf(request.body), settings)
}

async function readChunks(body: Chunks, settings: Settings): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length > jsonBytesMax(settings)) {
      requireReceivable(length, settings)
    }
  }
  const bytes = new Uint8Array(length)
  let position = 0
  for (const chunk of chunks) {
    bytes.set(chunk, position)
    position += chunk.length
  }
  return bytes
}
