import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import * as z from 'zod'
import {
  decodeFrames,
  encodeFrames,
  type Frame,
  FrameError,
  FrameKind,
  messagesOf,
  SESSION_PROTOCOL,
} from '../protocol/frames.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import { CLOSE_MOVED, CLOSE_REMOVED, MOVED_HERE } from '../protocol/session-close.ts'
import { statusOf } from '../protocol/status.ts'
import { BufferGarbage } from './buffer-garbage.ts'
import type { LinkConnection, LinkRoute, SocketEnd, SocketListener } from './connection.ts'

const HANDSHAKE_MS_MAX = 10_000
/** How long the upstream may take to answer a goodbye. */
const CLOSE_MS_MAX = 1_000
/** RFC 6455 §7.4.1. */
const CLOSE_NORMAL = 1000
const CLOSE_ABNORMAL = 1006
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

/** How often the shard itself is asked whether it is there, where it may vanish. */
const PROBE_MS = 1_000
/** So many in a row without a word are taken for its end. */
const SILENT_PROBES_MAX = 4
/** Only a new connection finds out that a node has died and its lease has run out: these are short. */
const HASTY_HANDSHAKE_MS = 3_000
/** Longer than a lease lasts. Whoever takes over a large keyspace is then given its time. */
const HASTY_HANDSHAKES = 10
const PATIENT_HANDSHAKE_MS = 60_000
/** HTTP statuses below 500 that may pass by themselves. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 421, 425, 429])

/**
 * A keyspace is with the node that asks for it first once it was let go. Who asks before that is passed on
 * to whichever node the runtime likes.
 */
const MOVED_HERE_MS = 700
const MOVED_ELSEWHERE_MS = 1_500
const notMember: ReadonlySet<string> = new Set([
  statusOf('member-removed').message,
  statusOf('member-unknown').message,
])

export interface WebSocketRoute {
  /** `ws://…`, `wss://…` or `ws+unix:/path:/session`. */
  readonly url: string
  readonly token?: string | undefined
  /** Whether the upstream's disk is full, where that can be known: workerd does not say why it closes. */
  readonly isDiskFull?: () => boolean
  /**
   * The shard may be on another machine, which dies without a word, while what is between answers pings and
   * keeps the connection. So the shard itself is asked.
   */
  readonly mayVanish?: boolean
}

/** The session route of a Worker. */
export function webSocketTo(options: WebSocketRoute): LinkRoute {
  let handshakes = 0
  const handshakeMs = (): number => {
    if (options.mayVanish !== true) {
      return HANDSHAKE_MS_MAX
    }
    handshakes++
    return handshakes > HASTY_HANDSHAKES ? PATIENT_HANDSHAKE_MS : HASTY_HANDSHAKE_MS
  }
  const opened = (): void => {
    handshakes = 0
  }
  return {
    name: options.url,
    connect: (listener) =>
      new LinkSocket({ ...options, handshakeMs: handshakeMs(), opened }, listener),
  }
}

interface SocketOptions extends WebSocketRoute {
  readonly handshakeMs: number
  readonly opened: () => void
}

const probe: Frame = { kind: FrameKind.PROBE, stream: 0, payload: new Uint8Array(0) }

/**
 * A mask keeps proxies on the way from being misled (RFC 6455 §10.3). On a socket of this machine
 * there is none, and a mask of zeros costs no pass over the bytes.
 */
function leaveUnmasked(): void {
  // It comes as zeros.
}

/** One WebSocket to the shard. */
class LinkSocket implements LinkConnection {
  readonly #socket: WebSocket
  readonly #listener: SocketListener
  readonly #isDiskFull: (() => boolean) | undefined
  readonly #mayVanish: boolean
  readonly #opens: () => void
  readonly #garbage = new BufferGarbage()
  readonly #handshake: NodeJS.Timeout
  #pings: NodeJS.Timeout | undefined
  #replica: string | undefined
  #isRefused = false
  #end: SocketEnd | undefined
  #heard = false
  #asked = false
  #idle = 0
  #silentProbes = 0

  constructor(options: SocketOptions, listener: SocketListener) {
    const { url, token } = options
    this.#listener = listener
    this.#isDiskFull = options.isDiskFull
    this.#mayVanish = options.mayVanish ?? false
    this.#opens = options.opened
    this.#socket = new WebSocket(url, SESSION_PROTOCOL, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      ...(url.startsWith('ws+unix:') && { generateMask: leaveUnmasked }),
    })
    this.#handshake = setTimeout(() => this.#giveUpHandshake(), options.handshakeMs)
    this.#socket
      .on('upgrade', ({ socket, headers }) => {
        this.#replica = headers[REPLICA_HEADER]?.toString()
        this.#follow(socket)
      })
      .on('open', () => this.#opened())
      .on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary))
      .on('pong', () => (this.#heard ||= !this.#mayVanish))
      .on('unexpected-response', (_, response) => void this.#refused(response))
      .on('error', (error) => this.#failed(error))
      .on('close', (code, text) => this.#closed(code, text.toString()))
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** As one message, unless that would be too long for one. */
  send(frames: readonly Frame[]): void {
    for (const message of messagesOf(frames)) {
      this.#socket.send(encodeFrames(message))
    }
  }

  /** Of the connection below, what the WebSocket does not tell. */
  #follow(connection: Socket): void {
    connection
      .on('drain', () => {
        if (this.#end === undefined) {
          this.#listener.drained()
        }
      })
      .once('end', () => {
        // Without a goodbye, and what is still to be sent is for nobody.
        if (this.#socket.readyState === WebSocket.OPEN) {
          const reason = `closed with ${CLOSE_ABNORMAL}`
          this.#giveUp({ reason, refused: false, ...this.#whenBroken(CLOSE_ABNORMAL) })
        }
      })
  }

  #opened(): void {
    clearTimeout(this.#handshake)
    this.#opens()
    this.#pings = this.#mayVanish
      ? setInterval(() => this.#checkThere(), PROBE_MS)
      : setInterval(() => this.#checkAlive(), PING_MS)
    this.#listener.opened(this.#replica)
  }

  /** What is known of a refusal by then is told when its body breaks off. */
  #giveUpHandshake(): void {
    if (this.#isRefused) {
      this.#socket.terminate()
    } else {
      this.#giveUp({ reason: 'the handshake takes too long', refused: false, waited: true })
    }
  }

  #failed(error: Error): void {
    // A refusal is told by its own words.
    if (!this.#isRefused) {
      this.#over({ reason: reasonOf(error), refused: false })
    }
  }

  #closed(code: number, text: string): void {
    if (!this.#isRefused) {
      const reason = `closed with ${code}${text === '' ? '' : `, ${text}`}`
      this.#over({ reason, refused: false, ...this.#whenBroken(code), ...endOfNode(code, text) })
    }
  }

  #whenBroken(code: number): Pick<SocketEnd, 'full'> {
    const isFull = code === CLOSE_ABNORMAL && this.#isDiskFull?.() === true
    return isFull ? { full: 'perhaps-done' } : {}
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#end !== undefined) {
      return
    }
    this.#heard = true
    this.#garbage.add(data.length)
    try {
      if (!isBinary) {
        throw new FrameError('a text message, where frames are binary')
      }
      for (const frame of decodeFrames(data)) {
        if (frame.kind !== FrameKind.PROBE) {
          this.#listener.received(frame)
        }
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

  #checkThere(): void {
    this.#silentProbes = this.#heard ? 0 : this.#silentProbes + 1
    this.#heard = false
    if (this.#silentProbes > SILENT_PROBES_MAX) {
      this.#giveUp({ reason: 'the keyspace does not answer', refused: false })
    } else {
      this.send([probe])
    }
  }

  async #refused(response: IncomingMessage): Promise<void> {
    this.#isRefused = true
    const status = response.statusCode ?? 0
    const said = await firstLine(response)
    const refused = status < 500 && !TEMPORARY_STATUSES.has(status)
    const missing = status === 404 && said === statusOf('keyspace-not-found').message
    const removed = status === 403 && notMember.has(said)
    this.#giveUp({
      ...(removed && { removed }),
      reason: removed ? said : `${explain(status)}${said === '' ? '' : `: ${said}`}`,
      refused,
      missing,
    })
  }

  /** From here. */
  #giveUp(end: SocketEnd): void {
    this.#over(end)
    this.#socket.terminate()
  }

  #over(end: SocketEnd): void {
    if (this.#end === undefined) {
      this.#end = end
      clearTimeout(this.#handshake)
      clearInterval(this.#pings)
      this.#listener.closed(end)
    }
  }

  close(): void {
    this.#end = { reason: 'closed here', refused: false }
    clearTimeout(this.#handshake)
    clearInterval(this.#pings)
    this.#socket.close(CLOSE_NORMAL)
    setTimeout(() => this.#socket.terminate(), CLOSE_MS_MAX).unref()
  }
}

/** What a cluster's keyspace has to say to the nodes of it. */
function endOfNode(code: number, text: string): Pick<SocketEnd, 'againInMs' | 'removed'> {
  switch (code) {
    case CLOSE_MOVED:
      return { againInMs: text === MOVED_HERE ? MOVED_HERE_MS : MOVED_ELSEWHERE_MS }
    case CLOSE_REMOVED:
      return { removed: true }
    default:
      return {}
  }
}

/** The error of a name with several addresses has no message of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError
    ? error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    : error.message
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
