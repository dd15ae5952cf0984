import type { Visitor } from '../../src/door/visitor.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  decodeEnd,
  decodeFrames,
  decodeLength,
  encodeCall,
  encodeCredit,
  encodeFrames,
  FrameKind,
} from '../../src/protocol/frames.ts'
import {
  WatchCreateRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { type CallContext, CONTEXT_HEADER, type Refused } from '../../src/protocol/shard-rpc.ts'
import type { Serving } from './calls.ts'

const WATCH = { method: '/etcdserverpb.Watch/Watch', request: new Uint8Array(0) }

/** One socket to a shard with one watch stream on it, as the gateway opens them. */
export class SessionClient {
  readonly socket: WebSocket
  readonly responses: WatchResponse[] = []
  ended: { code: number; message: string } | undefined
  /** By stream: the parts of each call's answer that have come, and its ANSWER. */
  readonly parts = new Map<number, Uint8Array[]>()
  readonly answers = new Map<number, Uint8Array>()
  /** What was said of the length of each answer. */
  readonly lengths = new Map<number, number>()
  closed: number | undefined
  /** Whether it was asked to leave. */
  leaves = false
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

  /** An administrator's. The watch stream is opened with etcd's token. */
  static async open(shard: Serving, token?: string): Promise<SessionClient> {
    const client = await SessionClient.of(shard, { administrator: true })
    client.watchStream({ token })
    return client
  }

  /** Without a stream. A refusal is thrown. */
  static async of(
    shard: Serving,
    visitor: Visitor,
    more: Readonly<Record<string, string>> = {},
  ): Promise<SessionClient> {
    const shown = { Upgrade: 'websocket', [CONTEXT_HEADER]: JSON.stringify(visitor) }
    const headers = { ...shown, ...more }
    const response = await shard.fetch('http://shard/session', { headers })
    if (response.webSocket === null) {
      throw new Error((await response.json<Refused>()).refused.message)
    }
    response.webSocket.binaryType = 'arraybuffer'
    return new SessionClient(response.webSocket)
  }

  watchStream(context: CallContext, stream = 1): void {
    this.frame(FrameKind.OPEN, encodeCall({ ...WATCH, context }), stream)
  }

  frame(kind: number, payload: Uint8Array, stream = 1): void {
    this.socket.send(encodeFrames([{ kind, stream, payload }]))
  }

  /** Starts a call on a stream of its own. */
  call(method: MethodName, request: object, stream: number, context: CallContext = {}): void {
    this.parts.set(stream, [])
    this.frame(FrameKind.CALL, this.callPayload(method, request, context), stream)
  }

  callPayload(method: MethodName, request: object, context: CallContext = {}): Uint8Array {
    const type: MessageType<object> = rpcMethods[method].request
    return encodeCall({ method, context, request: encode(type, request) })
  }

  /** The answer of a call: its parts in a row, or its refusal thrown. */
  async answer(stream: number): Promise<Uint8Array> {
    await this.until(() => this.answers.has(stream))
    const answer = this.answers.get(stream) ?? new Uint8Array(0)
    if (answer[0] !== 0) {
      throw new Error(decodeEnd(answer).message)
    }
    const parts = [...(this.parts.get(stream) ?? []), answer.subarray(1)]
    return Uint8Array.from(parts.flatMap((part) => [...part]))
  }

  request(request: Partial<WatchRequest>, stream = 1): void {
    this.frame(FrameKind.DATA, encode(WatchRequest, request as WatchRequest), stream)
  }

  watch(request: Partial<WatchCreateRequest>, stream = 1): void {
    this.request({ createRequest: create(WatchCreateRequest, request) }, stream)
  }

  #take(data: ArrayBuffer): void {
    for (const { kind, stream, payload } of decodeFrames(new Uint8Array(data))) {
      if (kind === FrameKind.ANSWER) {
        this.answers.set(stream, payload)
      } else if (kind === FrameKind.LENGTH) {
        this.lengths.set(stream, decodeLength(payload))
      } else if (kind === FrameKind.DATA && this.parts.has(stream)) {
        this.parts.get(stream)?.push(payload)
      } else if (kind === FrameKind.DATA) {
        this.responses.push(decode(WatchResponse, payload))
        if (this.reads) {
          this.frame(FrameKind.CREDIT, encodeCredit(payload.length), stream)
        }
      } else if (kind === FrameKind.LEAVE) {
        this.leaves = true
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
