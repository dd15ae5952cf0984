import { encode } from '../protocol/binary.ts'
import { decodeEnd, encodeCall, type Frame, FrameKind } from '../protocol/frames.ts'
import { WatchRequest } from '../protocol/generated/messages.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { type Code, RpcStatus, statusOf } from '../protocol/status.ts'
import type { ShardClient } from './shard-client.ts'
import { StreamSocket } from './stream-socket.ts'

const WATCH_METHOD = '/etcdserverpb.Watch/Watch'

export interface WatchReader {
  /** An encoded WatchResponse; credit is to be given for its length when it has left. */
  received(message: Uint8Array): void
  ended(status: RpcStatus): void
}

/** A watch stream of the shard. */
export class WatchSession {
  readonly #stream: StreamSocket

  static async open(
    shard: ShardClient,
    context: CallContext,
    reader: WatchReader,
  ): Promise<WatchSession> {
    return new WatchSession(await shard.connect(WATCH_METHOD), shard.mayVanish, { context, reader })
  }

  private constructor(
    socket: WebSocket,
    mayVanish: boolean,
    { context, reader }: { readonly context: CallContext; readonly reader: WatchReader },
  ) {
    this.#stream = new StreamSocket(socket, mayVanish, {
      received: (frame) => receive(frame, reader),
      lost: () => reader.ended(statusOf('leader-changed')),
    })
    const call = {
      method: WATCH_METHOD,
      context: { token: context.token },
      request: new Uint8Array(0),
    }
    this.#stream.send(FrameKind.OPEN, encodeCall(call))
  }

  request(request: WatchRequest): void {
    this.#stream.send(FrameKind.DATA, encode(WatchRequest, request))
  }

  /** Tells the shard that the client has got so many bytes of responses. */
  credit(size: number): void {
    this.#stream.credit(size)
  }

  close(): void {
    this.#stream.close()
  }
}

function receive({ kind, payload }: Frame, reader: WatchReader): void {
  if (kind === FrameKind.DATA) {
    reader.received(payload)
  } else if (kind === FrameKind.END) {
    const { code, message } = decodeEnd(payload)
    reader.ended(new RpcStatus(code as Code, message))
  }
}
