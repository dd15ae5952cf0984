import { eventHeaders } from '../gateway-rules/v2-keys-answer.ts'
import {
  type V2Answer,
  type V2Header,
  type V2KeysCall,
  V2_WATCH_HEADER,
  type V2WatchAnswer,
} from '../protocol/v2-call.ts'
import type { ShardClient } from './shard-client.ts'
import { v2Response } from './v2-answer.ts'

const utf8 = new TextEncoder()

/** The shard is told of what a client has taken when it is that much, as each time wakes it. */
const CREDIT_BYTES_MIN = 256 * 1024

/** Answers a GET that waits: the headers at once, and the body when there is an event. */
export async function v2WatchResponse(shard: ShardClient, call: V2KeysCall): Promise<Response> {
  const { path, askedPath, recursive, stream, waitIndex, credentials } = call
  const response = await shard.openV2Watch({
    path,
    askedPath,
    recursive,
    stream,
    waitIndex: String(waitIndex),
    credentials,
  })
  const { webSocket } = response
  const told = response.headers.get(V2_WATCH_HEADER)
  if (webSocket !== null && told !== null) {
    const { header } = JSON.parse(told) as V2WatchAnswer
    return streamed(eventsOf(webSocket), headerOf(header))
  }
  const answer = await response.json<V2WatchAnswer | Refusal>()
  if ('refusal' in answer) {
    return v2Response({ ...answer, header: headerOf(answer.header) }, 'GET')
  }
  const { event = '' } = answer
  return streamed(inChunks(event), headerOf(answer.header))
}

/** Node's server would wait for a short body, and tell its length instead of sending the headers. */
function streamed(body: ReadableStream<Uint8Array>, header: V2Header): Response {
  return new Response(body, {
    headers: { ...eventHeaders(header), 'Transfer-Encoding': 'chunked' },
  })
}

interface Refusal {
  readonly header: V2WatchAnswer['header']
  readonly refusal: Extract<V2Answer, { refusal: unknown }>['refusal']
}

function headerOf(header: V2WatchAnswer['header']): V2Header {
  return { ...header, clusterId: BigInt(header.clusterId) }
}

/** etcd sends the headers first and so, not knowing its length, the event in chunks. */
function inChunks(event: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue(utf8.encode(event))
      controller.close()
    },
  })
}

/** Each message of the shard is an event, and it closes the socket behind the last. */
function eventsOf(socket: WebSocket): ReadableStream<Uint8Array> {
  let isOpen = true
  let received = 0
  let credited = 0
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const end = (): void => {
          if (isOpen) {
            isOpen = false
            controller.close()
          }
        }
        socket.addEventListener('message', ({ data }) => {
          if (isOpen && typeof data === 'string') {
            const event = utf8.encode(data)
            received += event.length
            controller.enqueue(event)
          }
        })
        socket.addEventListener('close', end)
        socket.addEventListener('error', end)
        socket.accept()
      },
      pull: (controller) => {
        const taken = received - (CREDIT_BYTES_MIN - (controller.desiredSize ?? 0))
        if (taken - credited >= CREDIT_BYTES_MIN && socket.readyState === WebSocket.OPEN) {
          socket.send(String(taken - credited))
          credited = taken
        }
      },
      cancel: () => {
        isOpen = false
        socket.close(1000)
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: CREDIT_BYTES_MIN }),
  )
}
