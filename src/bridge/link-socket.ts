import type { IncomingMessage } from 'node:http'
import * as z from 'zod'
import {
  decodeFrames,
  encodeFrames,
  type Frame,
  FrameError,
  messagesOf,
  SESSION_PROTOCOL,
} from '../protocol/frames.ts'
import { statusOf } from '../protocol/status.ts'
import { BufferGarbage } from './buffer-garbage.ts'
import { WebSocketClient } from './web-socket-client.ts'
import { HEAD_BYTES_MAX } from './web-socket-frames.ts'

const HANDSHAKE_MS_MAX = 10_000
/**
 * The shard's messages are a turn's answers: some pages of half a MiB, or watch responses of some
 * MiB.
 */
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024
const REFUSAL_BYTES_MAX = 1024
/**
 * A socket that is silent this long is asked whether it is still there, and given as long again.
 */
const PING_MS = 10_000
/** As many times longer while nobody waits for anything. */
const IDLE_PINGS = 3
/** HTTP statuses below 500 that may pass by themselves. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 421, 425, 429])

export interface SocketOptions {
  /** `ws://…`, `wss://…` or `ws+unix:/path:/session`. */
  readonly url: string
  readonly token: string | undefined
}

/** Why there is no socket (any more). */
export interface SocketEnd {
  readonly reason: string
  /** The upstream has answered that it will not have us, and would do so again. */
  readonly refused: boolean
  /** It has said that there is no such keyspace. */
  readonly missing?: boolean
}

export interface SocketListener {
  /** Whether somebody waits for what may come. */
  readonly busy: boolean
  opened(): void
  received(frame: Frame): void
  /** It was full, and everything that was sent has left this process. */
  drained(): void
  /** The last of all. */
  closed(end: SocketEnd): void
}

/** One WebSocket to the shard. */
export class LinkSocket {
  readonly #socket: WebSocketClient
  readonly #listener: SocketListener
  readonly #pings: NodeJS.Timeout
  readonly #garbage = new BufferGarbage()
  #end: SocketEnd | undefined
  #heard = false
  #asked = false
  #idle = 0

  constructor({ url, token }: SocketOptions, listener: SocketListener) {
    this.#listener = listener
    this.#socket = new WebSocketClient(
      {
        url,
        subprotocol: SESSION_PROTOCOL,
        headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
        handshakeMsMax: HANDSHAKE_MS_MAX,
        messageBytesMax: MESSAGE_BYTES_MAX,
      },
      {
        opened: () => listener.opened(),
        received: (message, isBinary) => this.#receive(message, isBinary),
        ponged: () => (this.#heard = true),
        drained: () => listener.drained(),
        refused: (response) => void this.#refused(response),
        closed: (reason) => this.#over({ reason, refused: false }),
      },
    )
    this.#pings = setInterval(() => this.#checkAlive(), PING_MS)
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#socket.queuedBytes
  }

  /** As one message, unless that would be too long for one. */
  send(frames: readonly Frame[]): void {
    for (const message of messagesOf(frames)) {
      this.#socket.send(encodeFrames(message, HEAD_BYTES_MAX, allocate))
    }
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heard = true
    this.#garbage.add(data.length)
    try {
      if (!isBinary) {
        throw new FrameError('a text message, where frames are binary')
      }
      for (const frame of decodeFrames(data)) {
        this.#listener.received(frame)
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error
      }
      this.#giveUp({ reason: `the upstream sent ${error.message}`, refused: false })
    }
  }

  #checkAlive(): void {
    const heard = this.#heard
    this.#heard = false
    if (heard) {
      this.#asked = false
      this.#idle = 0
    } else if (this.#asked) {
      this.#giveUp({ reason: 'no answer to a ping', refused: false })
    } else if (this.#listener.busy || ++this.#idle >= IDLE_PINGS) {
      this.#idle = 0
      this.#asked = true
      this.#socket.ping()
    }
  }

  async #refused(response: IncomingMessage): Promise<void> {
    const status = response.statusCode ?? 0
    const said = await firstLine(response)
    const refused = status < 500 && !TEMPORARY_STATUSES.has(status)
    const missing = status === 404 && said === statusOf('keyspace-not-found').message
    this.#giveUp({
      reason: `${explain(status)}${said === '' ? '' : `: ${said}`}`,
      refused,
      missing,
    })
  }

  /** From here. */
  #giveUp(end: SocketEnd): void {
    this.#socket.destroy()
    this.#over(end)
  }

  #over(end: SocketEnd): void {
    if (this.#end === undefined) {
      this.#end = end
      clearInterval(this.#pings)
      this.#listener.closed(end)
    }
  }

  /** Says goodbye; the listener hears nothing more. */
  close(): void {
    this.#end = { reason: 'closed here', refused: false }
    clearInterval(this.#pings)
    this.#socket.close()
  }
}

/** Of the pool, if it is short. */
function allocate(bytes: number): Uint8Array {
  return Buffer.allocUnsafe(bytes)
}

function explain(status: number): string {
  switch (status) {
    case 400:
      return 'it refuses this version of the protocol (HTTP 400)'
    case 401:
    case 403:
      return `it refuses the token (HTTP ${status})`
    default:
      return `it answers HTTP ${status} where a WebSocket was asked for`
  }
}

/** Of a refusal's body, in printable characters. */
async function firstLine(response: IncomingMessage): Promise<string> {
  let body = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      body += String(chunk)
      if (body.length >= REFUSAL_BYTES_MAX) {
        break
      }
    }
  } catch (error) {
    body += ` (${error instanceof Error ? error.message : String(error)})`
  }
  const [line = ''] = messageIn(body).slice(0, REFUSAL_BYTES_MAX).trim().split('\n')
  return line.replaceAll(/[^ -~]/g, '').trim()
}

const refusal = z.object({ message: z.string() })

/** Of a gateway's refusal in JSON, else the body itself. */
function messageIn(body: string): string {
  try {
    return refusal.safeParse(JSON.parse(body)).data?.message ?? body
  } catch (error) {
    if (error instanceof SyntaxError) {
      return body
    }
    throw error
  }
}
