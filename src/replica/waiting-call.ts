import {
  decodeEnd,
  decodeFrames,
  encodeCall,
  encodeFrames,
  type Frame,
  FrameKind,
} from '../protocol/frames.ts'
import { type Call, CONTEXT_HEADER, type Outcome, type Refused } from '../protocol/shard-rpc.ts'
import { Code, statusOf } from '../protocol/status.ts'
import { type Caller, refusal } from '../shard/reply.ts'
import type { LeaderClient } from './leader-client.ts'

/** Each has a socket of its own, and on it one stream. */
const STREAM = 1

/**
 * Passes on a call that waits for its turn, be it until tomorrow: over a socket of its own, whose end takes the caller
 * out of the queue.
 */
export async function passWaiting(leader: LeaderClient, call: Call, caller: Caller): Promise<void> {
  const socket = await open(leader, call)
  if (!(socket instanceof WebSocket)) {
    caller.answered(socket)
    return
  }
  let isOver = false
  const end = (outcome: Outcome): void => {
    if (!isOver) {
      isOver = true
      close(socket)
      caller.answered(outcome)
    }
  }
  const lost = (): void => end(refusal(statusOf('timeout-connection-lost')))
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) {
      for (const frame of decodeFrames(new Uint8Array(data))) {
        const outcome = outcomeOf(frame)
        if (outcome !== undefined) {
          end(outcome)
        }
      }
    }
  })
  socket.addEventListener('close', lost)
  socket.addEventListener('error', lost)
  socket.accept()
  caller.whenGone(() => {
    isOver = true
    close(socket)
  })
  if (caller.gone) {
    close(socket)
    return
  }
  const { method, request } = call
  const { token, commonName, certified, origin } = call.context
  const context = { token, commonName, certified, origin }
  const payload = encodeCall({ method, request, context })
  socket.send(encodeFrames([{ kind: FrameKind.CALL, stream: STREAM, payload }]))
}

async function open(leader: LeaderClient, { context }: Call): Promise<WebSocket | Refused> {
  const headers = { Upgrade: 'websocket', [CONTEXT_HEADER]: JSON.stringify(context) }
  try {
    const response = await leader.stub.fetch('http://shard/session', { headers })
    return response.webSocket ?? (await response.json<Refused>())
  } catch {
    return refusal(statusOf('no-leader'))
  }
}

function outcomeOf({ kind, payload }: Frame): Outcome | undefined {
  if (kind !== FrameKind.ANSWER) {
    return undefined
  }
  const { code, message } = decodeEnd(payload)
  return code === Code.OK
    ? { response: payload.slice(1) }
    : { refused: { code: code as Code, message } }
}

function close(socket: WebSocket): void {
  if (socket.readyState === WebSocket.OPEN) {
    socket.close(1000)
  }
}
