import type { Settings } from '../config/settings.ts'
import { bearerProtocol } from '../door/shown.ts'
import { jsonBytesMax } from '../gateway-rules/limits.ts'
import { JsonSplitter } from '../protocol/json-stream.ts'
import { streaming } from '../protocol/methods.ts'
import { Code, jsonErrorBody, jsonStreamError, RpcStatus, statusOf } from '../protocol/status.ts'
import { statusOfFailure } from './failure.ts'
import { type Chunks, chunksOf } from './json-requests.ts'
import type { Lines } from './lines.ts'
import { closed, opened, stopped } from './open-calls.ts'
import { serverStream } from './server-stream.ts'
import { socketInput } from './socket-input.ts'
import { openLines } from './streams.ts'
import { type IncomingRequest, callUnary } from './unary.ts'

// RFC 6455 §7.4.1
const CLOSE_NORMAL = 1000
const CLOSE_GOING_AWAY = 1001

const BUFFERED_BYTES_MAX = 256 * 1024
const BUFFERED_POLL_MS = 20

/**
 * A call over WebSocket, on the same paths: messages in are the body, and each line of the answer
 * is a message out. A unary call is answered and the connection closed, which etcd 3.6 did as well
 * and 3.7 does not come to. `call` is undefined for a path that does not exist.
 */
export function webSocketResponse(
  request: Request,
  settings: Settings,
  call: IncomingRequest | undefined,
): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  server.binaryType = 'arraybuffer'
  const input = chunksOf(socketInput(server, jsonBytesMax(settings)))
  server.accept()
  void serve(server, call, input)
  const protocol = bearerProtocol(request)
  return new Response(null, {
    status: 101,
    webSocket: client,
    headers: protocol === undefined ? {} : { 'Sec-WebSocket-Protocol': protocol },
  })
}

async function serve(
  socket: WebSocket,
  call: IncomingRequest | undefined,
  input: Chunks,
): Promise<void> {
  let code = CLOSE_NORMAL
  if (call === undefined) {
    send(socket, jsonErrorBody(statusOf('path-not-found')))
  } else {
    code = await answer(socket, call, input)
  }
  if (socket.readyState === WebSocket.OPEN) {
    socket.close(code)
  }
}

/** Resolves to the code to close with. */
async function answer(socket: WebSocket, call: IncomingRequest, input: Chunks): Promise<number> {
  const gone = new AbortController()
  socket.addEventListener('close', () => gone.abort())
  socket.addEventListener('error', () => gone.abort())
  try {
    if (streaming(call.method) === 'bidi_stream') {
      return await sendLines(socket, openLines(call, input), gone.signal)
    } else if (streaming(call.method) === 'server_stream') {
      const lines = serverStream(call, await firstValue(input, call.settings))
      return await sendLines(socket, lines, gone.signal)
    }
    send(socket, await answerUnary(call, input, gone.signal))
    return CLOSE_NORMAL
  } catch (error) {
    send(socket, jsonErrorBody(statusOfFailure(error)))
    return codeAfter(error)
  }
}

function codeAfter(error: unknown): number {
  return error === stopped ? CLOSE_GOING_AWAY : CLOSE_NORMAL
}

async function sendLines(socket: WebSocket, lines: Lines, gone: AbortSignal): Promise<number> {
  gone.addEventListener('abort', () => lines.cancel())
  opened(lines)
  try {
    for (;;) {
      const text = await lines.next()
      if (text === undefined) {
        return CLOSE_NORMAL
      }
      send(socket, text)
      await untilTaken(socket)
    }
  } catch (error) {
    send(socket, jsonStreamError(statusOfFailure(error)))
    return codeAfter(error)
  } finally {
    closed(lines)
  }
}

/** A client that reads slowly holds up the call; workerd says how much waits, but not when it left. */
async function untilTaken(socket: WebSocket): Promise<void> {
  while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > BUFFERED_BYTES_MAX) {
    await new Promise((resolve) => setTimeout(resolve, BUFFERED_POLL_MS))
  }
}

/** The first value is the request, and what follows it is not looked at. */
async function answerUnary(
  call: IncomingRequest,
  input: Chunks,
  gone: AbortSignal,
): Promise<string> {
  const { body } = await callUnary(call, await firstValue(input, call.settings), gone)
  if (typeof body !== 'string') {
    await body.cancel()
    throw new RpcStatus(Code.RESOURCE_EXHAUSTED, 'the answer is too long for a message')
  }
  return body
}

async function firstValue(input: Chunks, settings: Settings): Promise<Uint8Array> {
  const splitter = new JsonSplitter(jsonBytesMax(settings))
  for await (const chunk of input) {
    for (const value of splitter.push(chunk)) {
      return value
    }
  }
  return new Uint8Array(0)
}

function send(socket: WebSocket, text: string): void {
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(text)
  }
}
