import { decode, encode } from '../../src/protocol/binary.ts'
import {
  decodeEnd,
  decodeFrames,
  encodeCredit,
  encodeFrames,
  FrameKind,
} from '../../src/protocol/frames.ts'
import {
  WatchCreateRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { Shard } from '../../src/shard/shard.ts'

const WATCH = new TextEncoder().encode('/etcdserverpb.Watch/Watch')

/** One socket to a shard with one watch stream on it, as the gateway opens them. */
export class SessionClient {
  readonly socket: WebSocket
  readonly responses: WatchResponse[] = []
  ended: { code: number; message: string } | undefined
  closed: number | undefined
  /** Whether to give credit for what arrives. */
  reads = true
  #wake: (() => void) | undefined

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', (event) => this.#take(event.data as ArrayBuffer))
    socket.addEventListener('close', (event) => {
      this.closed = event.code
      this.#wake?.()
    })
    socket.accept()
  }

  static async open(shard: DurableObjectStub<Shard>): Promise<SessionClient> {
    const headers = { Upgrade: 'websocket' }
    const { webSocket } = await shard.fetch('http://shard/session', { headers })
    if (webSocket === null) {
      throw new Error('the shard did not open a socket')
    }
    webSocket.binaryType = 'arraybuffer'
    const client = new SessionClient(webSocket)
    client.frame(FrameKind.OPEN, WATCH)
    return client
  }

  frame(kind: number, payload: Uint8Array, stream = 1): void {
    this.socket.send(encodeFrames([{ kind, stream, payload }]))
  }

  request(request: Partial<WatchRequest>, stream = 1): void {
    this.frame(FrameKind.DATA, encode(WatchRequest, request as WatchRequest), stream)
  }

  watch(request: Partial<WatchCreateRequest>, stream = 1): void {
    this.request({ createRequest: create(WatchCreateRequest, request) }, stream)
  }

  #take(data: ArrayBuffer): void {
    for (const { kind, stream, payload } of decodeFrames(new Uint8Array(data))) {
      if (kind === FrameKind.DATA) {
        this.responses.push(decode(WatchResponse, payload))
        if (this.reads) {
          this.frame(FrameKind.CREDIT, encodeCredit(payload.length), stream)
        }
      } else if (kind === FrameKind.END) {
        this.ended = decodeEnd(payload)
      }
    }
    this.#wake?.()
  }

  /** Waits until so many responses have come; all of them are returned. */
  async until(condition: () => boolean): Promise<readonly WatchResponse[]> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.responses
  }

  /** The modRevisions of all events so far. */
  get revisions(): readonly number[] {
    return this.responses.flatMap(({ events }) => events.map(({ kv }) => kv?.modRevision ?? 0))
  }
}
