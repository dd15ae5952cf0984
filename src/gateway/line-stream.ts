import { jsonStreamError } from '../protocol/status.ts'
import { statusOfFailure } from './failure.ts'
import type { Lines } from './lines.ts'
import { streamRefusalResponse } from './refusal.ts'

/**
 * workerd notices that a client has gone only when it writes to it. A space before the next line
 * is nothing to a reader of JSON, and tells of a client that vanished while nothing happened.
 */
const IDLE_MS = 30_000

const utf8 = new TextEncoder()

/**
 * The answer to a streaming call. As in etcd nothing is sent, not even the status, before there is
 * a first line: a watch that is told nothing looks as if nobody had answered.
 */
export async function streamResponse(
  lines: Lines,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  let first: readonly string[] | undefined
  try {
    do {
      first = await lines.next(IDLE_MS)
    } while (first?.length === 0)
  } catch (error) {
    return streamRefusalResponse(statusOfFailure(error))
  }
  return first === undefined
    ? new Response(null)
    : new Response(streamLines(first, lines), { headers })
}

function streamLines(first: readonly string[], lines: Lines): ReadableStream<Uint8Array> {
  let ready: readonly string[] | undefined = first
  let canceled = false
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const chunk = ready === undefined ? await nextChunk(lines) : chunkOf(ready)
        ready = undefined
        if (canceled) {
          return
        }
        if (chunk.text !== '') {
          controller.enqueue(utf8.encode(chunk.text))
        }
        if (chunk.last) {
          controller.close()
        }
      },
      cancel: () => {
        canceled = true
        lines.cancel()
      },
    },
    { highWaterMark: 0 },
  )
}

interface Chunk {
  readonly text: string
  readonly last: boolean
}

async function nextChunk(lines: Lines): Promise<Chunk> {
  try {
    const texts = await lines.next(IDLE_MS)
    return texts === undefined ? { text: '', last: true } : chunkOf(texts)
  } catch (error) {
    return { text: `${jsonStreamError(statusOfFailure(error))}\n`, last: true }
  }
}

function chunkOf(texts: readonly string[]): Chunk {
  return { text: texts.length === 0 ? ' ' : `${texts.join('\n')}\n`, last: false }
}
