import { jsonStreamError } from '../protocol/status.ts'
import { statusOfFailure } from './failure.ts'
import type { Lines } from './lines.ts'
import { closed, opened } from './open-calls.ts'
import { streamRefusalResponse } from './refusal.ts'

const utf8 = new TextEncoder()

const space = utf8.encode(' ')

export interface LineStreamOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds between two spaces that show that the connection is alive; 0 for no spaces. */
  readonly spaceIntervalMs: number
}

/**
 * The answer to a streaming call. As in etcd nothing is sent, not even the status, before there is
 * a first line: a watch that is told nothing looks as if nobody had answered. Each line is a chunk of
 * its own, because many clients parse chunks and not lines.
 */
export async function streamResponse(
  lines: Lines,
  { headers, spaceIntervalMs }: LineStreamOptions,
): Promise<Response> {
  opened(lines)
  let first: string | undefined
  try {
    first = await lines.next()
  } catch (error) {
    closed(lines)
    return streamRefusalResponse(statusOfFailure(error))
  }
  if (first === undefined) {
    closed(lines)
    return new Response(null)
  }
  return new Response(streamLines(first, lines, spaceIntervalMs), { headers })
}

function streamLines(
  first: string,
  lines: Lines,
  spaceIntervalMs: number,
): ReadableStream<Uint8Array> {
  let ready: string | undefined = first
  let canceled = false
  let spaces: number | null = null
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        if (spaceIntervalMs > 0) {
          spaces = setInterval(() => sendSpace(controller), spaceIntervalMs)
        }
      },
      pull: (controller) => {
        const send = (line: string): void => {
          // One that was asked for is not waited for: what is read next asks again.
          if (!canceled) {
            controller.enqueue(utf8.encode(`${line}\n`))
          }
        }
        if (ready !== undefined) {
          const line = ready
          ready = undefined
          send(line)
          return
        }
        lines.ask({
          line: send,
          ended: (status) => {
            if (canceled) {
              return
            }
            if (status !== undefined) {
              send(jsonStreamError(status))
            }
            closed(lines)
            clearInterval(spaces)
            controller.close()
          },
        })
      },
      cancel: () => {
        canceled = true
        closed(lines)
        clearInterval(spaces)
        lines.cancel()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Between two lines it is nothing to a reader of JSON. One that waits to be read is enough. */
function sendSpace(controller: ReadableStreamDefaultController<Uint8Array>): void {
  if (controller.desiredSize === 0) {
    controller.enqueue(space)
  }
}
