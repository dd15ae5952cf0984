// The least of HTTP/2 that makes unary gRPC calls: with Node's own client, and over TLS more so,
// the load's source would cost as much as a server. It reads frames and leaves headers unread:
// an answer without a message is a refusal.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FRAME_HEAD_BYTES, grpcFrame } from './grpc-connection.ts'
import { Type, Flag, type Frame, frame, FrameReader, uint32 } from './h2-frames.ts'
import { HeaderBlocks } from './h2-headers.ts'

/** PEM, all of them. */
export interface ClientTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Where a server is, and what a client needs to come in. */
export interface Address {
  readonly url: string
  readonly tls?: ClientTls
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const WINDOW_MAX = 2 ** 31 - 1
const WINDOW_INITIAL = 65_535
/** What HeaderBlocks reckons with: the size that a table has by itself. */
const HEADER_TABLE_BYTES = 4096
const SETTING_HEADER_TABLE = 1
const SETTING_STREAMS_MAX = 3
const SETTING_INITIAL_WINDOW = 4

interface Call {
  readonly method: string
  readonly request: Uint8Array
  /** Whether the request is all that is ever sent. */
  readonly whole: boolean
  /** Of the answer, cut anywhere. */
  readonly received: (piece: Buffer) => void
  readonly ended: (trailers: Buffer) => void
}

/** One connection, any number of calls under way on it. Whatever goes wrong ends it. */
export class H2Connection {
  readonly #socket: Socket
  readonly #headers: HeaderBlocks
  readonly #failed: (error: Error) => void
  readonly #calls = new Map<number, Call>()
  readonly #opened = Promise.withResolvers<void>()
  /** Those that the server has no room for yet. */
  readonly #waiting: Call[] = []
  #streamsMax = Infinity
  #nextStream = 1
  /** What the server still lets us send, on the connection. */
  #credit = WINDOW_INITIAL
  /** Read since we last gave the server credit. */
  #read = 0
  #closed = false

  private constructor(address: Address, failed: (error: Error) => void) {
    const { host, hostname, port, protocol } = new URL(address.url)
    this.#failed = failed
    this.#headers = new HeaderBlocks(host, protocol === 'https:')
    const to = { host: hostname, port: Number(port), noDelay: true }
    this.#socket =
      address.tls === undefined
        ? connectTcp(to)
        : connectTls({ ...to, ...address.tls, ALPNProtocols: ['h2'] })
    this.#socket.setNoDelay(true)
    const reader = new FrameReader((received) => this.#take(received))
    this.#socket.on('data', (piece) => this.#guarded(() => reader.push(piece)))
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.on('close', () => this.#end(new Error('the server closed the connection')))
    this.#socket.write(
      Buffer.concat([
        PREFACE,
        frame(Type.SETTINGS, 0, 0, setting(SETTING_INITIAL_WINDOW, WINDOW_MAX)),
        frame(Type.WINDOW_UPDATE, 0, 0, uint32(WINDOW_MAX - WINDOW_INITIAL)),
      ]),
    )
  }

  /** Resolves when the server has told its settings. What breaks later is told to `failed`. */
  static async open(address: Address, failed: (error: Error) => void): Promise<H2Connection> {
    const connection = new H2Connection(address, failed)
    await connection.#opened.promise
    return connection
  }

  /** `request` is one framed message, as is what it is answered with. */
  call(method: string, request: Uint8Array, answered: (message: Buffer) => void): void {
    const pieces: Buffer[] = []
    const received = (piece: Buffer): void => void pieces.push(piece)
    const ended = (trailers: Buffer): void => {
      const [first, ...more] = pieces
      if (first === undefined) {
        throw new Error(`${method} was refused: ${trailers.toString('latin1')}`)
      }
      answered(more.length === 0 ? first : Buffer.concat([first, ...more]))
    }
    this.#enqueue({ method, request, whole: true, received, ended })
  }

  /** A call that goes on: the server must not end it. */
  stream(method: string, request: Uint8Array, received: (piece: Buffer) => void): void {
    const ended = (trailers: Buffer): void => {
      throw new Error(`${method} was ended: ${trailers.toString('latin1')}`)
    }
    this.#enqueue({ method, request, whole: false, received, ended })
  }

  #enqueue(call: Call): void {
    this.#waiting.push(call)
    this.#sendWaiting()
  }

  #sendWaiting(): void {
    while (this.#calls.size < this.#streamsMax) {
      const [call] = this.#waiting
      if (call === undefined || call.request.length > this.#credit) {
        return
      }
      this.#waiting.shift()
      this.#send(call)
    }
  }

  #send(call: Call): void {
    const stream = this.#nextStream
    this.#nextStream += 2
    this.#calls.set(stream, call)
    this.#credit -= call.request.length
    this.#socket.write(
      Buffer.concat([
        frame(Type.HEADERS, Flag.END_HEADERS, stream, this.#headers.of(call.method)),
        frame(Type.DATA, call.whole ? Flag.END_STREAM : 0, stream, call.request),
      ]),
    )
  }

  /** The same for a message that is neither framed nor expected to be. */
  ask(method: string, request: Uint8Array): Promise<Buffer> {
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    this.call(method, grpcFrame(request), (message) => resolve(message.subarray(FRAME_HEAD_BYTES)))
    return promise
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #end(error: Error): void {
    if (!this.#closed) {
      this.close()
      this.#opened.reject(error)
      this.#failed(error)
    }
  }

  /** What is sent while a piece is read leaves in one write. */
  #guarded(read: () => void): void {
    this.#socket.cork()
    try {
      read()
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
    this.#socket.uncork()
  }

  #take({ type, flags, stream, payload }: Frame): void {
    if ((flags & Flag.PADDED) !== 0 && (type === Type.DATA || type === Type.HEADERS)) {
      throw new Error('a padded frame')
    }
    switch (type) {
      case Type.DATA:
        this.#calls.get(stream)?.received(payload)
        this.#giveCredit(payload.length)
        break
      case Type.SETTINGS:
        if ((flags & Flag.ACK) === 0) {
          this.#heed(payload)
          this.#socket.write(frame(Type.SETTINGS, Flag.ACK, 0))
          this.#opened.resolve()
        }
        return
      case Type.PING:
        if ((flags & Flag.ACK) === 0) {
          this.#socket.write(frame(Type.PING, Flag.ACK, 0, payload))
        }
        return
      case Type.WINDOW_UPDATE:
        this.#credit += stream === 0 ? payload.readUInt32BE() : 0
        this.#sendWaiting()
        return
      case Type.RST_STREAM:
      case Type.GOAWAY:
        throw new Error(`the server ended it: ${payload.toString('latin1')}`)
    }
    if ((flags & Flag.END_STREAM) !== 0) {
      this.#answer(stream, payload)
    }
  }

  #answer(stream: number, trailers: Buffer): void {
    const call = this.#calls.get(stream)
    this.#calls.delete(stream)
    call?.ended(trailers)
    this.#sendWaiting()
  }

  /** The server's settings: pairs of an id in 16 bits and a value in 32. */
  #heed(settings: Buffer): void {
    for (let at = 0; at < settings.length; at += 6) {
      const [id, value] = [settings.readUInt16BE(at), settings.readUInt32BE(at + 2)]
      if (id === SETTING_STREAMS_MAX) {
        this.#streamsMax = value
      } else if (id === SETTING_HEADER_TABLE && value < HEADER_TABLE_BYTES) {
        throw new Error('a server with a small header table')
      }
    }
  }

  #giveCredit(bytes: number): void {
    this.#read += bytes
    if (this.#read > WINDOW_MAX / 2) {
      this.#socket.write(frame(Type.WINDOW_UPDATE, 0, 0, uint32(this.#read)))
      this.#read = 0
    }
  }
}

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return bytes
}
