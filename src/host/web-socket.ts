import { serialize } from 'node:v8'
import type { Frame } from '../protocol/frames.ts'
import { runOutside, runSoon } from './tasks.ts'

/** https://developers.cloudflare.com/durable-objects/api/state/#serializeattachment */
const ATTACHMENT_BYTES_MAX = 16_384
const CLOSE_NO_STATUS = 1005
const CLOSE_ABNORMAL = 1006
const REASON_BYTES_MAX = 123

type Listener = (event: SocketEvent) => void

interface Message {
  readonly type: 'message'
  readonly data: string | ArrayBuffer
}
/** Frames of ours, which nobody has encoded. */
interface Handed {
  readonly type: 'frames'
  readonly frames: readonly Frame[]
}
interface Close {
  readonly type: 'close'
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}
/** What a listener is given: the fields of a MessageEvent or a CloseEvent, and no more; or frames. */
export type SocketEvent = Message | Handed | Close

/** The object that an end of a socket belongs to. */
export interface SocketOwner {
  /** Sends when the output gate lets it out. */
  leave(deliver: () => void): void
  /** What came is an event of the object. Where it hibernates, `event` says what to tell its class. */
  enter(socket: WorkerWebSocket, event: SocketEvent): void
}

/**
 * One end of a WebSocketPair, whose other end is in the same process. What is sent is handed over, not
 * copied: a buffer that was sent is not to be written to again.
 */
export class WorkerWebSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  binaryType = 'arraybuffer'
  /** By which the object finds it that has accepted it. */
  tags: readonly string[] = []
  readyState: 0 | 1 | 2 | 3 = WorkerWebSocket.OPEN
  #peer: WorkerWebSocket | undefined
  #owner: SocketOwner | undefined
  #isAccepted = false
  /** What came before it was accepted. */
  readonly #early: SocketEvent[] = []
  readonly #listeners = new Map<string, Set<Listener>>()
  #attachment: unknown = null
  #waiting: (() => number) | undefined

  /** The two ends of a new socket. */
  static pair(): [WorkerWebSocket, WorkerWebSocket] {
    const [a, b] = [new WorkerWebSocket(), new WorkerWebSocket()]
    a.#peer = b
    b.#peer = a
    return [a, b]
  }

  /** What this end sends leaves, and what comes enters, by the gates of that object. */
  belongTo(owner: SocketOwner): void {
    this.#owner = owner
  }

  /** The other end, of which a response holds this one. */
  get peer(): WorkerWebSocket {
    if (this.#peer === undefined) {
      throw new Error('a WebSocket without its other end')
    }
    return this.#peer
  }

  accept(): void {
    this.#isAccepted = true
    for (const frame of this.#early.splice(0)) {
      this.#enter(frame)
    }
  }

  get isAccepted(): boolean {
    return this.#isAccepted
  }

  /** What of that sent here has not left the process, where the other end is a client's connection. */
  get bufferedAmount(): number {
    return this.peer.#waiting?.() ?? 0
  }

  /** Whoever passes on what comes here says how much of it waits. */
  countWaiting(waiting: () => number): void {
    this.#waiting = waiting
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type)
    if (listeners === undefined) {
      this.#listeners.set(type, new Set([listener]))
    } else {
      listeners.add(listener)
    }
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    if (this.readyState !== WorkerWebSocket.OPEN) {
      throw new TypeError("Can't call WebSocket send() after close().")
    }
    this.#leave({ type: 'message', data: typeof data === 'string' ? data : bufferOf(data) })
  }

  /** Sends frames as they are. Answers whether the other end listens for them. */
  handOver(frames: readonly Frame[]): boolean {
    if (this.readyState !== WorkerWebSocket.OPEN || !this.peer.#listeners.has('frames')) {
      return false
    }
    this.#leave({ type: 'frames', frames })
    return true
  }

  /** Throws for a code or a reason that no frame may have. */
  close(code?: number, reason = ''): void {
    if (code !== undefined && !isCloseCode(code)) {
      throw new TypeError(`Invalid WebSocket close code: ${code}.`)
    }
    if (Buffer.byteLength(reason) > REASON_BYTES_MAX) {
      throw new TypeError(`a WebSocket's close reason is of ${REASON_BYTES_MAX} bytes at most`)
    }
    if (this.readyState === WorkerWebSocket.OPEN) {
      this.readyState = WorkerWebSocket.CLOSING
      this.#leave({ type: 'close', code: code ?? CLOSE_NO_STATUS, reason, wasClean: true })
    }
  }

  /** The object behind it is gone without a word; the reason is known in this process alone. */
  break(reason = ''): void {
    const close: Close = { type: 'close', code: CLOSE_ABNORMAL, reason, wasClean: false }
    this.readyState = WorkerWebSocket.CLOSED
    const { peer } = this
    // What hears of it is not the object's that is lost, and may set timers.
    runOutside(() => queueMicrotask(() => peer.#enter(close)))
  }

  #leave(frame: SocketEvent): void {
    const { peer } = this
    const deliver = (): void => peer.#enter(frame)
    if (this.#owner === undefined) {
      runSoon(deliver)
    } else {
      this.#owner.leave(deliver)
    }
  }

  #enter(frame: SocketEvent): void {
    if (this.readyState === WorkerWebSocket.CLOSED) {
      return
    }
    if (!this.#isAccepted) {
      this.#early.push(frame)
      return
    }
    if (frame.type === 'close') {
      this.#closed(frame)
    }
    if (this.#owner === undefined) {
      this.dispatch(frame)
    } else {
      this.#owner.enter(this, frame)
    }
  }

  /** A goodbye is answered by itself, as workerd does since 2026-04-07. */
  #closed({ code, reason, wasClean }: Close): void {
    const isFirst = this.readyState === WorkerWebSocket.OPEN
    this.readyState = WorkerWebSocket.CLOSED
    if (isFirst && wasClean) {
      this.#leave({ type: 'close', code, reason, wasClean })
    }
  }

  /** Tells the listeners. What one of them throws is the log's, and none of the sender's business. */
  dispatch(frame: SocketEvent): void {
    for (const listener of this.#listeners.get(frame.type) ?? []) {
      try {
        listener(frame)
      } catch (error) {
        // oxlint-disable-next-line no-console -- a Worker's log is its console
        console.error(error)
      }
    }
  }

  /** Remembered while the object is not in memory. Throws for more than an attachment holds. */
  serializeAttachment(value: unknown): void {
    const bytes = serialize(value).length
    if (bytes > ATTACHMENT_BYTES_MAX) {
      throw new Error(`a WebSocket's attachment of ${bytes} bytes: ${ATTACHMENT_BYTES_MAX} at most`)
    }
    this.#attachment = structuredClone(value)
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment)
  }
}

/** The constructor `WebSocketPair` of Workers: the ends are its properties 0 and 1. */
export class WebSocketPair {
  readonly 0: WorkerWebSocket
  readonly 1: WorkerWebSocket

  constructor() {
    const [client, server] = WorkerWebSocket.pair()
    this[0] = client
    this[1] = server
  }
}

/** Those that RFC 6455 reserves stand for what no frame says. */
function isCloseCode(code: number): boolean {
  return code >= 1000 && code < 5000 && ![1004, 1005, 1006, 1015].includes(code)
}

/** The bytes themselves, where they are all of their buffer. */
function bufferOf(data: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (data instanceof ArrayBuffer) {
    return data
  }
  const { buffer, byteOffset, byteLength } = data
  return byteLength === buffer.byteLength && buffer instanceof ArrayBuffer
    ? buffer
    : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
}
