import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import * as z from 'zod'
import { decodeFrames, encodeFrames, type Frame, FrameError } from '../protocol/frames.ts'
import { statusOf } from '../protocol/status.ts'
import { BufferGarbage } from './buffer-garbage.ts'

/** The version of frames.ts and of what the session route promises. */
const SUBPROTOCOL = 'etcdurable.frames.1'
const HANDSHAKE_MS_MAX = 10_000
const CLOSE_MS_MAX = 1_000
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

/**
 * A mask keeps proxies on the way from being misled (RFC 6455 §10.3). On a socket of this machine there
 * is none, and a mask of zeros costs no pass over the bytes, nor a copy of them.
 */
function leaveUnmasked(): void {
  // It comes as zeros.
}

export interface SocketListener {
  /** Whether somebody waits for what may come. */
  readonly busy: boolean
  opened(): void
  received(frame: Frame): void
  /** Everything that was sent has left this process. */
  drained(): void
  /** The last of all. */
  closed(end: SocketEnd): void
}

/** One WebSocket to the shard. */
export class LinkSocket {
  readonly #socket: WebSocket
  readonly #listener: SocketListener
  readonly #pings: NodeJS.Timeout
  readonly #garbage = new BufferGarbage()
  #end: SocketEnd | undefined
  #heard = false
  #asked = false
  #idle = 0

  constructor({ url, token }: SocketOptions, listener: SocketListener) {
    this.#listener = listener
    this.#socket = new WebSocket(url, SUBPROTOCOL, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_MS_MAX,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      ...(url.startsWith('ws+unix:') && { generateMask: leaveUnmasked }),
    })
    this.#pings = setInterval(() => this.#checkAlive(), PING_MS)
    this.#socket
      .on('open', () => listener.opened())
      .on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary))
      .on('pong', () => (this.#heard = true))
      .on('unexpected-response', (_, response) => void this.#refused(response))
      .on('error', (error) => this.#over({ reason: reasonOf(error), refused: false }))
      .on('close', (code, text) => {
        const reason = `closed with ${code}${text.length > 0 ? `, ${text.toString()}` : ''}`
        this.#over({ reason, refused: false })
      })
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** As one message. */
  send(frames: readonly Frame[]): void {
    this.#socket.send(encodeFrames(frames), () => this.#listener.drained())
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
      this.#over({ reason: `the upstream sent ${error.message}`, refused: false })
    }
  }

  #checkAlive(): void {
    const heard = this.#heard
    this.#heard = false
    if (heard) {
      this.#asked = false
      this.#idle = 0
    } else if (this.#asked) {
      this.#over({ reason: 'no answer to a ping', refused: false })
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
    this.#over({ reason: `${explain(status)}${said === '' ? '' : `: ${said}`}`, refused, missing })
  }

  #over(end: SocketEnd): void {
    if (this.#end === undefined) {
      this.#end = end
      clearInterval(this.#pings)
      this.#socket.terminate()
      this.#listener.closed(end)
    }
  }

  /** Says goodbye; the listener hears nothing more. */
  close(): void {
    this.#end = { reason: 'closed here', refused: false }
    clearInterval(this.#pings)
    this.#socket.close(1000)
    setTimeout(() => this.#socket.terminate(), CLOSE_MS_MAX).unref()
  }
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

/** The error of a name with several addresses has no message of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError
    ? error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    : error.message
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
