import { setTimeout } from 'node:timers'
import type { MessagePort, Worker } from 'node:worker_threads'
import type { Sought } from '../../src/host/namespace.ts'
import type { Reached } from '../../src/host/remote-actor.ts'
import { remoteError } from '../../src/host/remote-error.ts'
import { WorkerResponse } from '../../src/host/response.ts'
import { runOutside } from '../../src/host/tasks.ts'
import { type SocketEvent, WorkerWebSocket } from '../../src/host/web-socket.ts'

/** A thread that this one has started, or the one that has started it. */
type OtherThread = Worker | MessagePort

type Message =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly sought: Sought
      readonly method: string
      readonly params: readonly unknown[]
    }
  | {
      readonly kind: 'fetch'
      readonly id: number
      readonly sought: Sought
      readonly url: string
      readonly headers: readonly (readonly [string, string])[]
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: unknown }
  /** Of the socket that was opened by the sender's own request, or by the receiver's. */
  | {
      readonly kind: 'said'
      readonly id: number
      readonly asker: 'sender' | 'receiver'
      readonly event: SocketEvent
    }

interface Opened {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  /** Undefined where it is a socket. */
  readonly body: string | undefined
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Objects of two threads, each of which may ask those of the other one, half a round trip away. */
export class FarObjects {
  readonly #other: OtherThread
  readonly #own: (sought: Sought) => Reached
  readonly #delayMs: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #sockets = {
    sender: new Map<number, WorkerWebSocket>(),
    receiver: new Map<number, WorkerWebSocket>(),
  }
  #asked = 0

  constructor(other: OtherThread, own: (sought: Sought) => Reached, rttMs: number) {
    this.#other = other
    this.#own = own
    this.#delayMs = rttMs / 2
    other.on('message', (message: Message) => this.#received(message))
  }

  /** An object of the other thread. */
  reach(sought: Sought): Reached {
    return {
      call: (method, params) =>
        this.#ask((id) => ({ kind: 'call', id, sought, method, params: [...params] })),
      fetch: (request) => this.#fetch(sought, request),
    }
  }

  async #fetch(sought: Sought, { url, headers }: Request): Promise<WorkerResponse> {
    let socket = 0
    const opened = (await this.#ask((id) => {
      socket = id
      return { kind: 'fetch', id, sought, url, headers: [...headers] }
    })) as Opened
    const { status, body } = opened
    if (body !== undefined) {
      return new WorkerResponse(body, { status })
    }
    const [near, inner] = WorkerWebSocket.pair()
    this.#pass(inner, 'receiver', socket)
    const more = Object.fromEntries(opened.headers)
    return new WorkerResponse(null, { status, headers: more, webSocket: near })
  }

  #ask(message: (id: number) => Message): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked
      this.#waiting.set(id, { resolve, reject })
      this.#send(message(id))
    })
  }

  /** What is handed over is copied, but for buffers that are nobody else's. */
  #send(message: Message, buffers: readonly ArrayBuffer[] = []): void {
    runOutside(() =>
      setTimeout(() => this.#other.postMessage(message, [...buffers]), this.#delayMs),
    )
  }

  #received(message: Message): void {
    switch (message.kind) {
      case 'call':
        return this.#do(message.id, () =>
          this.#own(message.sought).call(message.method, message.params),
        )
      case 'fetch':
        return this.#do(message.id, () => this.#open(message))
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.value)
        this.#waiting.delete(message.id)
        return undefined
      case 'failure':
        this.#waiting.get(message.id)?.reject(message.error)
        this.#waiting.delete(message.id)
        return undefined
      case 'said':
        return tell(this.#sockets[message.asker].get(message.id), message.event)
    }
  }

  #do(id: number, act: () => Promise<unknown>): void {
    runOutside(async () => act()).then(
      // An object answers with a copy.
      (value) => this.#send({ kind: 'answer', id, value }, buffersIn(value)),
      (error: unknown) => this.#send({ kind: 'failure', id, error: remoteError(error) }),
    )
  }

  async #open({ id, sought, url, headers }: Extract<Message, { kind: 'fetch' }>): Promise<Opened> {
    const request = new Request(url, { headers: headers.map(([name, value]) => [name, value]) })
    const response = await this.#own(sought).fetch(request)
    const { status, webSocket } = response
    if (webSocket === null) {
      return { status, headers: [], body: await response.text() }
    }
    // What it says comes behind the answer.
    setTimeout(() => this.#pass(webSocket, 'sender', id), 0)
    return { status, headers: [...response.headers], body: undefined }
  }

  #pass(socket: WorkerWebSocket, asker: 'sender' | 'receiver', id: number): void {
    this.#sockets[asker].set(id, socket)
    const other = asker === 'sender' ? 'receiver' : 'sender'
    const say = (event: SocketEvent): void => this.#send({ kind: 'said', id, asker: other, event })
    socket.addEventListener('message', say)
    socket.addEventListener('close', (event) => {
      this.#sockets[asker].delete(id)
      say(event)
    })
    socket.accept()
  }
}

function buffersIn(value: unknown): readonly ArrayBuffer[] {
  if (value instanceof Uint8Array) {
    return value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength
      ? [value.buffer]
      : []
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(buffersIn) : []
}

function tell(socket: WorkerWebSocket | undefined, event: SocketEvent): void {
  if (socket?.readyState !== WorkerWebSocket.OPEN) {
    return
  }
  if (event.type === 'message') {
    socket.send(event.data)
  } else if (event.type === 'close' && event.wasClean) {
    socket.close(1000)
  } else if (event.type === 'close') {
    socket.break(event.reason)
  }
}
