import { decode, encode } from '../protocol/binary.ts'
import {
  CREDIT_WINDOW_BYTES,
  decodeEnd,
  decodeFrames,
  encodeCall,
  encodeCredit,
  encodeFrames,
  type Frame,
  FrameKind,
} from '../protocol/frames.ts'
import { WatchRequest, WatchResponse } from '../protocol/generated/messages.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { ShardClient } from './shard-client.ts'

const WATCH_METHOD = '/etcdserverpb.Watch/Watch'

/** One client's watches have a socket of their own, and on it one stream. */
const STREAM = 1

/** Every credit wakes the shard, so it is given for a good part of the window at a time. */
const CREDIT_BYTES_MIN = CREDIT_WINDOW_BYTES / 4

export interface WatchReader {
  /** `size` is what to give credit for when the response has left. */
  received(response: WatchResponse, size: number): void
  ended(status: RpcStatus): void
}

/** A watch stream of the shard. */
export class WatchSession {
  readonly #socket: WebSocket
  #taken = 0

  static async open(
    shard: ShardClient,
    context: CallContext,
    reader: WatchReader,
  ): Promise<WatchSession> {
    return new WatchSession(await shard.connect(), context, reader)
  }

  private constructor(socket: WebSocket, { token }: CallContext, reader: WatchReader) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) {
        decodeFrames(new Uint8Array(data)).forEach((frame) => receive(frame, reader))
      }
    })
    // The shard ends streams by a frame: a socket that closes was lost with the object behind it.
    socket.addEventListener('close', () => reader.ended(statusOf('leader-changed')))
    socket.addEventListener('error', () => reader.ended(statusOf('leader-changed')))
    socket.accept()
    const call = { method: WATCH_METHOD, context: { token }, request: new Uint8Array(0) }
    this.#send(FrameKind.OPEN, encodeCall(call))
  }

  request(request: WatchRequest): void {
    this.#send(FrameKind.DATA, encode(WatchRequest, request))
  }

  /** Tells the shard that the client has got so many bytes of responses. */
  credit(size: number): void {
    this.#taken += size
    if (this.#taken >= CREDIT_BYTES_MIN) {
      this.#send(FrameKind.CREDIT, encodeCredit(this.#taken))
      this.#taken = 0
    }
  }

  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.close(1000)
    }
  }

  #send(kind: number, payload: Uint8Array): void {
    // What is said to a socket that was lost is lost with it; its close event says so.
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(encodeFrames([{ kind, stream: STREAM, payload }]))
    }
  }
}

function receive({ kind, payload }: Frame, reader: WatchReader): void {
  if (kind === FrameKind.DATA) {
    reader.received(decode(WatchResponse, payload), payload.length)
  } else if (kind === FrameKind.END) {
    const { code, message } = decodeEnd(payload)
    reader.ended(new RpcStatus(code as Code, message))
  }
}
