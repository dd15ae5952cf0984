import type { Serializable } from 'node:child_process'
import { setTimeout } from 'node:timers'
import { ConnectionLost } from '../../src/host/connection-lost.ts'
import type { Sought } from '../../src/host/namespace.ts'
import type { Reached } from '../../src/host/remote-actor.ts'
import { remoteError } from '../../src/host/remote-error.ts'
import { WorkerResponse } from '../../src/host/response.ts'
import { runOutside } from '../../src/host/tasks.ts'
import { type SocketEvent, WorkerWebSocket } from '../../src/host/web-socket.ts'

/** A process that this one has started, or the one that has started it. */
export interface Channel {
  send(message: Serializable): void
  listen(received: (message: unknown) => void): void
}

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

/** Objects of two processes, each of which may ask those of the other one, half a round trip away. */
export class FarObjects {
  readonly #channel: Channel
  readonly #own: (sought: Sought) => Reached
  readonly #delayMs: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #sockets = {
    sender: new Map<number, WorkerWebSocket>(),
    receiver: new Map<number, WorkerWebSocket>(),
  }
  #asked = 0

  constructor(channel: Channel, own: (sought: Sought) => Reached, rttMs: number) {
    this.#channel = channel
    this.#own = own
    this.#delayMs = rttMs / 2
    channel.listen((message) => this.#received(message as Message))
  }

  /** An object of the other process. */
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

  #send(message: Message): void {
    runOutside(() => setTimeout(() => this.#channel.send(message), this.#delayMs))
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
      (value) => this.#send({ kind: 'answer', id, value }),
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

  /** The other process is gone. */
  end(): void {
    this.#waiting.forEach(({ reject }) => reject(new ConnectionLost()))
    this.#waiting.clear()
  }
}

function tell(socket: WorkerWebSocket | undefined, event: SocketEvent): void {
  if (socket?.readyState !== WorkerWebSocket.OPEN) {
    return
  }
  if (event.type === 'message') {
    socket.send(event.data)
  } else if (event.wasClean) {
    socket.close(1000)
  } else {
    socket.break(event.reason)
  }
}
