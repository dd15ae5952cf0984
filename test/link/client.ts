// What tests ask of a link: calls as messages, and watches that keep what they hear.
import { setTimeout as sleep } from 'node:timers/promises'
import { Link } from '../../src/link/link.ts'
import type { StreamHandle, StreamReader, WatchHandle } from '../../src/link/upstream.ts'
import { webSocketTo } from '../../src/link/web-socket.ts'
import type { Event } from '../../src/mvcc/types.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  type RangeResponse,
  RangeStreamResponse,
  SnapshotResponse,
  WatchCreateRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { create, type MessageType } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import type { RecordedResponse, WatchRecord } from '../watch-guarantees.ts'

type Methods = typeof rpcMethods
type Message<T> = T extends MessageType<infer M> ? M : never
type RequestOf<M extends MethodName> = Message<Methods[M]['request']>
type ResponseOf<M extends MethodName> = Message<Methods[M]['response']>

const encoder = new TextEncoder()

export function bytes(text: string): Uint8Array {
  return encoder.encode(text)
}

/** From `"\0"` to `"\0"`: every key. */
export const ALL = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) }

export class LinkClient {
  readonly link: Link
  /** What the link has logged, as `level: message: reason`. */
  readonly logged: string[] = []

  constructor(url: string, token?: string) {
    this.link = new Link({
      route: webSocketTo({ url, token }),
      clientUrls: 'http://127.0.0.1:2379',
      log: (level, message, { reason }) => {
        this.logged.push([level, message, reason].filter(Boolean).join(': '))
      },
    })
  }

  static async start(url: string, token?: string): Promise<LinkClient> {
    const client = new LinkClient(url, token)
    await client.link.start()
    return client
  }

  /** Waits until the link has noticed so many losses since its start. */
  async lost(count: number): Promise<void> {
    while (this.logged.filter((line) => line.includes(': lost the link')).length < count) {
      await sleep(1)
    }
  }

  async call<M extends MethodName>(
    method: M,
    request: Partial<RequestOf<M>>,
    signal?: AbortSignal,
  ): Promise<ResponseOf<M>> {
    const parts = await this.link.call(unary(method, request), signal)
    const type = rpcMethods[method].response as MessageType<object>
    return decode(type, Buffer.concat(parts)) as ResponseOf<M>
  }

  /** Resolves to the revision. */
  async put(key: string, value = ''): Promise<number> {
    const request = { key: bytes(key), value: bytes(value) }
    const { header } = await this.call('/etcdserverpb.KV/Put', request)
    return header?.revision ?? 0
  }

  range(key: string): Promise<RangeResponse> {
    return this.call('/etcdserverpb.KV/Range', { key: bytes(key) })
  }

  rangeStream(
    request: Partial<RequestOf<'/etcdserverpb.KV/RangeStream'>>,
  ): Recorder<RangeStreamResponse, StreamHandle> {
    return new Recorder(
      (reader) => this.link.stream(unary('/etcdserverpb.KV/RangeStream', request), reader),
      (message) => decode(RangeStreamResponse, message),
    )
  }

  snapshot(): Recorder<SnapshotResponse, StreamHandle> {
    return new Recorder(
      (reader) => this.link.stream(unary('/etcdserverpb.Maintenance/Snapshot', {}), reader),
      (message) => decode(SnapshotResponse, message),
    )
  }

  watch(options: { readonly requireLeader?: boolean } = {}): WatchRecorder {
    return new WatchRecorder(this.link, options.requireLeader ?? false)
  }
}

export function unary<M extends MethodName>(method: M, request: Partial<RequestOf<M>>) {
  const type = rpcMethods[method].request as MessageType<object>
  return { method, request: encode(type, create(type, request)), context: {} }
}

/** What a stream has said, and waiting for more of it. */
export class Recorder<T, Call extends StreamHandle> {
  readonly call: Call
  readonly messages: T[] = []
  /** Whether what comes is taken at once. */
  takes = true
  /** Bytes that have come and are not taken. */
  held = 0
  ended: { readonly status: Error | undefined } | undefined
  readonly #wakes = new Set<() => void>()

  constructor(open: (reader: StreamReader) => Call, decodeMessage: (message: Uint8Array) => T) {
    this.call = open({
      received: (message) => {
        this.messages.push(decodeMessage(message))
        this.held += message.length
        if (this.takes) {
          this.takeAll()
        }
        this.#changed()
      },
      ended: (status) => {
        if (this.ended !== undefined) {
          throw new Error('a stream has ended twice')
        }
        this.ended = { status }
        this.#changed()
      },
    })
  }

  takeAll(): void {
    this.call.taken(this.held)
    this.held = 0
  }

  #changed(): void {
    this.#wakes.forEach((wake) => wake())
    this.#wakes.clear()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wakes.add(resolve)
      })
    }
  }

  /** Resolves to what the stream ended with. */
  async end(): Promise<Error | undefined> {
    await this.until(() => this.ended !== undefined)
    return this.ended?.status
  }
}

export function keysOf(messages: readonly RangeStreamResponse[]): readonly string[] {
  const kvs = messages.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? [])
  return kvs.map(({ key }) => Buffer.from(key).toString())
}

export class WatchRecorder {
  readonly stream: Recorder<WatchResponse, WatchHandle>
  readonly #requests: WatchCreateRequest[] = []

  constructor(link: Link, requireLeader: boolean) {
    this.stream = new Recorder(
      (reader) => link.watch({}, reader, { requireLeader }),
      (message) => decode(WatchResponse, message),
    )
  }

  ask(request: Partial<WatchRequest>): void {
    this.stream.call.request(encode(WatchRequest, create(WatchRequest, request)))
  }

  create(request: Partial<WatchCreateRequest>): void {
    const createRequest = create(WatchCreateRequest, request)
    this.#requests.push(createRequest)
    this.ask({ createRequest })
  }

  /** Asks for a watch and waits for the answer. */
  async created(request: Partial<WatchCreateRequest>): Promise<WatchResponse> {
    const answers = (): WatchResponse[] => this.stream.messages.filter(({ created }) => created)
    const before = answers().length
    this.create(request)
    await this.stream.until(() => answers().length > before)
    const [answer] = answers().slice(before)
    if (answer === undefined) {
      throw new Error('there is no answer')
    }
    return answer
  }

  /** Asks for progress; resolves to the revision that is told. */
  async progress(): Promise<number> {
    const before = this.stream.messages.length
    this.ask({ progressRequest: {} })
    const told = (): WatchResponse | undefined =>
      this.stream.messages.slice(before).find(({ watchId }) => watchId === -1)
    await this.stream.until(() => told() !== undefined)
    return told()?.header?.revision ?? 0
  }

  get events(): readonly Event[] {
    return this.stream.messages.flatMap(eventsOf)
  }

  /** Each watch of the stream that was not refused; all up to there must have come. */
  records(upTo: number): readonly WatchRecord[] {
    const { messages } = this.stream
    return messages
      .filter(({ created }) => created)
      .flatMap(({ watchId, canceled }, place) => {
        const request = this.#requests[place]
        if (request === undefined) {
          throw new Error('a watch is created that nobody asked for')
        }
        if (canceled) {
          return []
        }
        const own = messages.filter((message) => message.watchId === watchId || isProgress(message))
        return { request, responses: own.map(recordedOf), upTo }
      })
  }
}

function isProgress({ watchId, created }: WatchResponse): boolean {
  return watchId === -1 && !created
}

function recordedOf(response: WatchResponse): RecordedResponse {
  const { created, canceled, fragment, header } = response
  const revision = header?.revision ?? 0
  return { created, canceled, fragment, revision, events: eventsOf(response) }
}

function eventsOf({ events }: WatchResponse): readonly Event[] {
  return events.map(({ type, kv, prevKv }) => {
    if (kv === undefined) {
      throw new Error('an event has a key')
    }
    return { type, kv, prevKv }
  })
}
