import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connectTo, webSocketAddress } from './web-socket-address.ts'
import { HEAD_BYTES_MAX, Opcode, WebSocketError, writeHead } from './web-socket-frames.ts'
import { WebSocketReader } from './web-socket-reader.ts'

/** RFC 6455 §7.4.1. */
const CLOSE_NORMAL = 1000
const CLOSE_PROTOCOL_ERROR = 1002
const CLOSE_NO_STATUS = 1005
const CLOSE_ABNORMAL = 1006
/** How long the last frames may take to leave. */
const CLOSE_MS_MAX = 1_000
/** RFC 6455 §1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export interface WebSocketOptions {
  /** `ws://…`, `wss://…` or `ws+unix:/path:/session`. */
  readonly url: string
  readonly subprotocol: string
  readonly headers: Readonly<Record<string, string>>
  readonly handshakeMsMax: number
  readonly messageBytesMax: number
}

export interface WebSocketListener {
  opened(): void
  received(message: Buffer, isBinary: boolean): void
  ponged(): void
  /** It was full, and everything has left this process. */
  drained(): void
  /** The server answers something else, which is for the listener to read and to end; nothing follows. */
  refused(response: IncomingMessage): void
  /** The last of all. */
  closed(reason: string): void
}

/**
 * A WebSocket of a client (RFC 6455). It is what the link needs and no more: what comes is read into
 * memory that is used again, and a message leaves by one write, because streams, events and buffers of
 * their own took much of what a bridge does for a call that is alone.
 */
export class WebSocketClient {
  readonly #listener: WebSocketListener
  readonly #socket: Socket
  readonly #reader: WebSocketReader
  readonly #isMasked: boolean
  readonly #request: ClientRequest
  /** What node:http reads and writes, until it has seen the answer to the handshake. */
  #opening: Duplex | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: WebSocketOptions, listener: WebSocketListener) {
    const address = webSocketAddress(options.url)
    this.#listener = listener
    this.#isMasked = 'host' in address.peer
    this.#reader = new WebSocketReader(
      {
        message: (payload, isBinary) => {
          if (!this.#isOver) {
            listener.received(payload, isBinary)
          }
        },
        control: (opcode, payload) => this.#control(opcode, payload),
      },
      options.messageBytesMax,
    )
    this.#socket = connectTo(address, (chunk, length) => this.#take(chunk, length))
      .on('error', (error) => this.#lost(error))
      .on('end', () => this.#cutOff())
      .on('close', () => this.#lost(undefined))
      .on('drain', () => this.#drained())
    const opening = duplexOver(this.#socket)
    this.#opening = opening
    const key = randomBytes(16).toString('base64')
    this.#request = request({
      createConnection: () => opening,
      path: address.path,
      headers: {
        'Host': address.host,
        'Connection': 'Upgrade',
        'Upgrade': 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': key,
        'Sec-WebSocket-Protocol': options.subprotocol,
        ...options.headers,
      },
    })
    this.#request
      .on('response', (response) => this.#refused(response))
      .on('upgrade', (response, _, head) => this.#open(response, head, key, options.subprotocol))
      .on('error', (error) => this.#over(reasonOf(error)))
      .end()
    this.#timer = setTimeout(() => {
      this.#request.destroy(new Error('the handshake takes too long'))
    }, options.handshakeMsMax)
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  #open({ headers }: IncomingMessage, head: Buffer, key: string, subprotocol: string): void {
    const accept = createHash('sha1').update(key + ACCEPT_SUFFIX)
    if (
      headers.upgrade?.toLowerCase() !== 'websocket' ||
      headers['sec-websocket-accept'] !== accept.digest('base64') ||
      headers['sec-websocket-protocol'] !== subprotocol
    ) {
      this.destroy()
      this.#listener.closed('the upstream does not know how to open a WebSocket')
      return
    }
    const read = this.#opening?.read() as Buffer | null | undefined
    this.#opening = undefined
    clearTimeout(this.#timer)
    this.#listener.opened()
    const rest = read ? Buffer.concat([head, read]) : head
    this.#take(rest, rest.length)
  }

  /** What becomes of the connection is told by the answer's body. */
  #refused(response: IncomingMessage): void {
    this.#isOver = true
    this.#listener.refused(response)
  }

  /** No goodbye has come, and what is still to be sent is for nobody. */
  #cutOff(): void {
    if (this.#opening === undefined && !this.#isOver) {
      this.#lost(undefined)
      this.#socket.destroy()
    }
  }

  #take(chunk: Buffer, length: number): void {
    if (this.#opening !== undefined) {
      this.#opening.push(Buffer.from(chunk.subarray(0, length)))
      return
    }
    try {
      this.#reader.read(chunk, length)
    } catch (error) {
      if (!(error instanceof WebSocketError)) {
        throw error
      }
      this.#end(closePayload(CLOSE_PROTOCOL_ERROR), `the upstream sent ${error.message}`)
    }
  }

  #drained(): void {
    if (!this.#isOver) {
      this.#listener.drained()
    }
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.CLOSE) {
      if (payload.length === 1) {
        throw new WebSocketError('half a code of a goodbye')
      }
      const code = payload.length === 0 ? CLOSE_NO_STATUS : payload.readUInt16BE(0)
      const said = payload.toString('utf8', 2)
      const reason = `closed with ${code}${said === '' ? '' : `, ${said}`}`
      this.#end(payload.subarray(0, 2), reason)
      return
    }
    if (opcode === Opcode.PING) {
      this.#sendControl(Opcode.PONG, payload)
    } else if (!this.#isOver) {
      this.#listener.ponged()
    }
  }

  /** One message: `bytes` begin with HEAD_BYTES_MAX bytes of room, and are this socket's from now on. */
  send(bytes: Uint8Array): void {
    this.#write(Opcode.BINARY, bytes)
  }

  ping(): void {
    this.#sendControl(Opcode.PING, noBytes)
  }

  #sendControl(opcode: number, payload: Buffer): void {
    this.#write(opcode, Buffer.concat([headRoom, payload]))
  }

  /** Nothing comes before the handshake's end or behind a goodbye. */
  #write(opcode: number, bytes: Uint8Array): void {
    if (this.#opening === undefined && !this.#isOver && this.#socket.writable) {
      this.#socket.write(bytes.subarray(writeHead(bytes, opcode, this.#isMasked)))
    }
  }

  /** Says goodbye, and waits for the server's; the listener hears nothing more. */
  close(): void {
    if (this.#opening !== undefined || this.#isOver) {
      this.destroy()
      return
    }
    this.#sendControl(Opcode.CLOSE, closePayload(CLOSE_NORMAL))
    this.#isOver = true
    this.#timer = setTimeout(() => this.destroy(), CLOSE_MS_MAX).unref()
  }

  /** The listener hears nothing more. */
  destroy(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#reader.stop()
    this.#request.destroy()
    this.#socket.destroy()
  }

  /** Says goodbye, unless that has been said, and nothing behind it. */
  #end(payload: Buffer, reason: string): void {
    this.#reader.stop()
    this.#sendControl(Opcode.CLOSE, payload)
    this.#socket.end()
    this.#over(reason)
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX).unref()
  }

  #lost(error: Error | undefined): void {
    if (this.#opening === undefined) {
      this.#over(error === undefined ? `closed with ${CLOSE_ABNORMAL}` : reasonOf(error))
    } else {
      // node:http says it of the request, or of the answer's body.
      this.#opening.destroy(error)
    }
  }

  #over(reason: string): void {
    clearTimeout(this.#timer)
    if (!this.#isOver) {
      this.#isOver = true
      this.#listener.closed(reason)
    }
  }
}

const noBytes = Buffer.alloc(0)
const headRoom = Buffer.alloc(HEAD_BYTES_MAX)

function closePayload(code: number): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return payload
}

/** What comes is pushed into it by whoever reads the socket. */
function duplexOver(socket: Socket): Duplex {
  const duplex = new Duplex({
    read: () => undefined,
    write: (bytes: Uint8Array, _, done) => void socket.write(bytes, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  socket.once('end', () => duplex.push(null))
  return duplex
}

/** The error of a name with several addresses has no message of its own. */
function reasonOf(error: Error): string {
  return error instanceof AggregateError
    ? error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    : error.message
}
