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
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { ShardClient } from './shard-client.ts'

const STREAM = 1

/** Every credit wakes the shard, so it is given for a good part of the window at a time. */
const CREDIT_BYTES_MIN = CREDIT_WINDOW_BYTES / 4

/** Hears of a call's answers. */
export interface CallReader {
  /** A message of the method's response type, other than the last; `size` is its bytes. */
  received(response: object, size: number): void
  answered(response: object): void
  failed(status: RpcStatus): void
}

export interface LastingCall {
  readonly method: MethodName
  readonly request: object
  readonly context: CallContext
}

/**
 * A call that may last, because it waits for its turn or observes. It has a socket to the shard of
 * its own: when that closes, the shard knows that nobody waits any more.
 */
export class CallSession {
  readonly #socket: WebSocket
  readonly #type: MessageType<object>
  readonly #reader: CallReader
  #taken = 0

  static async open(
    shard: ShardClient,
    call: LastingCall,
    reader: CallReader,
  ): Promise<CallSession> {
    return new CallSession(await shard.connect(), call, reader)
  }

  private constructor(
    socket: WebSocket,
    { method, request, context }: LastingCall,
    reader: CallReader,
  ) {
    this.#socket = socket
    this.#type = rpcMethods[method].response
    this.#reader = reader
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) {
        decodeFrames(new Uint8Array(data)).forEach((frame) => this.#receive(frame))
      }
    })
    // The shard ends calls by a frame: a socket that closes was lost with the object behind it.
    socket.addEventListener('close', () => reader.failed(statusOf('timeout-connection-lost')))
    socket.addEventListener('error', () => reader.failed(statusOf('timeout-connection-lost')))
    socket.accept()
    const encoded = encode(rpcMethods[method].request as MessageType<object>, request)
    this.#send(FrameKind.CALL, encodeCall({ method, context, request: encoded }))
  }

  #receive({ kind, payload }: Frame): void {
    if (kind === FrameKind.DATA) {
      this.#reader.received(decode(this.#type, payload), payload.length)
    } else if (kind === FrameKind.ANSWER && payload[0] === 0) {
      this.#reader.answered(decode(this.#type, payload.subarray(1)))
    } else if (kind === FrameKind.ANSWER) {
      const { code, message } = decodeEnd(payload)
      this.#reader.failed(new RpcStatus(code as Code, message))
    }
  }

  /** The client has got so many bytes of messages. */
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
