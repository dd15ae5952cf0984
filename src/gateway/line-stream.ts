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
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const texts = ready ?? (await lines.next(IDLE_MS))
          ready = undefined
          if (texts === undefined) {
            controller.close()
          } else {
            controller.enqueue(utf8.encode(texts.length === 0 ? ' ' : `${texts.join('\n')}\n`))
          }
        } catch (error) {
          controller.enqueue(utf8.encode(`${jsonStreamError(statusOfFailure(error))}\n`))
          controller.close()
        }
      },
      cancel: () => lines.cancel(),
    },
    { highWaterMark: 0 },
  )
}
