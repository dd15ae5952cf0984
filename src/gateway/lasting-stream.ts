import { decode, encode } from '../protocol/binary.ts'
import { decodeEnd, encodeCall, type Frame, FrameKind } from '../protocol/frames.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import type { MessageType } from '../protocol/message-type.ts'
import type { MethodName } from '../protocol/methods.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { ShardClient } from './shard-client.ts'
import { StreamSocket } from './stream-socket.ts'

/** Hears of what a call comes to. */
export interface ResponseReader {
  /** A message of the method's response type, other than the last; `size` is its bytes. */
  received(response: object, size: number): void
  answered(response: object): void
  failed(status: RpcStatus): void
}

/** A `Call` before it is encoded: the request is of the method's type. */
export interface DecodedRequest {
  readonly method: MethodName
  readonly request: object
  readonly context: CallContext
}

/**
 * A call that may last, because it waits for its turn or observes. It has a socket to the shard of
 * its own: when that closes, the shard knows that nobody waits any more.
 */
export class LastingStream {
  readonly #stream: StreamSocket
  readonly #type: MessageType<object>
  readonly #reader: ResponseReader

  static async open(
    shard: ShardClient,
    call: DecodedRequest,
    reader: ResponseReader,
  ): Promise<LastingStream> {
    return new LastingStream(
      { socket: await shard.connect(call.method), mayVanish: shard.mayVanish },
      call,
      reader,
    )
  }

  private constructor(
    { socket, mayVanish }: { readonly socket: WebSocket; readonly mayVanish: boolean },
    { method, request, context }: DecodedRequest,
    reader: ResponseReader,
  ) {
    this.#type = rpcMethods[method].response
    this.#reader = reader
    this.#stream = new StreamSocket(socket, mayVanish, {
      received: (frame) => this.#receive(frame),
      lost: () => reader.failed(statusOf('timeout-connection-lost')),
    })
    const encoded = encode(rpcMethods[method].request as MessageType<object>, request)
    this.#stream.send(FrameKind.CALL, encodeCall({ method, context, request: encoded }))
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
    this.#stream.credit(size)
  }

  close(): void {
    this.#stream.close()
  }
}
