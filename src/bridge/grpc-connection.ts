import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import { type RpcStatus, statusOf } from '../protocol/status.ts'
import { type CallHost, GrpcCall } from './grpc-call.ts'
import type { GrpcMethod } from './grpc-methods.ts'
import { PingPolicy } from './grpc-pings.ts'
import { readRequest, refusalByMethod, unknownMethod } from './grpc-request.ts'
import { trailersOf } from './grpc-status.ts'
import type { Http2Transport } from './h2-authority-transport.ts'

/** etcd's flags, of the names that they have there. */
export interface GrpcLimits {
  /** --max-request-bytes: a message may have half a mebibyte more. */
  readonly maxRequestBytes: number
  readonly maxConcurrentStreams: number
  /** --grpc-keepalive-min-time */
  readonly keepAliveMinTimeMs: number
  /** --grpc-keepalive-interval; 0 never pings the client. */
  readonly keepAliveIntervalMs: number
  /** --grpc-keepalive-timeout; 0 never pings either. */
  readonly keepAliveTimeoutMs: number
}

export type GrpcLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, string>>,
) => void

/** What all connections of a server have in common. */
export interface GrpcServing {
  readonly methods: ReadonlyMap<string, GrpcMethod>
  readonly services: ReadonlySet<string>
  readonly limits: GrpcLimits
  readonly log: GrpcLog
  /** Takes a request over TLS that is not gRPC. */
  readonly otherRequest?: OtherRequest | undefined
}

export type OtherRequest = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

/** What a message may have beyond --max-request-bytes (etcd: embed/config.go, grpcOverheadBytes). */
const OVERHEAD_BYTES = 512 * 1024
/** What the calls of one connection may hold of requests and of responses that nobody takes. */
const HELD_BYTES_MAX = 512 * 1024 * 1024
/** Of the HTTP/2 session itself, in MB: headers, streams, and WRITE_BYTES_MAX of each that writes. */
const SESSION_MEGABYTES_MAX = 128
const HEADER_BYTES_MAX = 64 * 1024
const HEADERS_MAX = 1000
const WINDOW_BYTES = 1024 * 1024
/** Node needs some 7 KB for a stream that does nothing. kube-apiserver has some hundred. */
const STREAMS_MAX = 20_000
/** Resets of a client: a burst, then so many a second. Deadlines of many calls pass at once. */
const RESETS_BURST = 10_000
const RESETS_PER_SECOND = 1_000

/** One HTTP/2 connection, whose streams are calls. */
export class GrpcConnection implements CallHost {
  readonly messageBytesMax: number
  readonly #serving: GrpcServing
  readonly #socket: Http2Transport
  readonly #remote: string
  readonly #session: ServerHttp2Session
  readonly #pings: PingPolicy
  readonly #calls = new Set<GrpcCall>()
  readonly #lasting = new Set<GrpcCall>()
  #heldBytes = 0
  #bytesRead = 0
  #alive: NodeJS.Timeout | undefined

  constructor(
    socket: Http2Transport,
    serving: GrpcServing,
    closed: (connection: GrpcConnection) => void,
  ) {
    const { limits } = serving
    this.#serving = serving
    this.#socket = socket
    this.#remote = `${socket.remoteAddress}:${socket.remotePort}`
    this.messageBytesMax = limits.maxRequestBytes + OVERHEAD_BYTES
    this.#pings = new PingPolicy(limits.keepAliveMinTimeMs)
    this.#session = performServerHandshake(socket, sessionOptions(limits))
    this.#session.setLocalWindowSize(WINDOW_BYTES)
    this.#session.on('stream', (stream, headers) => this.#request(stream, headers))
    this.#session.on('ping', () => this.#pinged())
    this.#session.on('error', (error: Error) => this.#failed(error))
    this.#session.on('close', () => {
      clearTimeout(this.#alive)
      closed(this)
    })
    // A client that ends its side is gone, as to grpc-go; a socket that may be half open stays.
    socket.once('end', () => this.#session.destroy())
    this.#expectLife()
  }

  /** Lets the calls under way end, and no others begin (GOAWAY); ends those that have no end. */
  close(): void {
    this.#session.close()
    for (const call of this.#lasting) {
      call.stop(statusOf('stopped'))
    }
  }

  /** Breaks off what is under way. */
  destroy(): void {
    this.#session.destroy()
  }

  hold(bytes: number): boolean {
    this.#heldBytes += bytes
    return this.#heldBytes <= HELD_BYTES_MAX
  }

  wrote(): void {
    this.#pings.wrote()
  }

  closed(call: GrpcCall): void {
    this.#calls.delete(call)
    this.#lasting.delete(call)
  }

  #request(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A client that resets a stream with a code of an error does the same as one that cancels: the
    // call hears of the close that follows.
    stream.on('error', () => undefined)
    if (stream.closed || stream.destroyed) {
      return
    }
    const { otherRequest, methods, services } = this.#serving
    const contentType = headers['content-type'] ?? ''
    if (otherRequest !== undefined && !contentType.includes('application/grpc')) {
      otherRequest(stream, headers)
      return
    }
    const request = readRequest(headers)
    if ('refused' in request) {
      this.#refuse(stream, request)
      return
    }
    const path = headers[':path'] ?? ''
    const method = methods.get(path)
    const refused = method === undefined ? unknownMethod(path, services) : refusalByMethod(headers)
    if (method === undefined || refused !== undefined) {
      this.#refuse(stream, { httpStatus: 200, contentType: request.contentType, refused })
      return
    }
    const call = new GrpcCall(stream, request, this, (opened) => method.open(opened))
    this.#calls.add(call)
    if (method.isLasting) {
      this.#lasting.add(call)
    }
  }

  #refuse(
    stream: ServerHttp2Stream,
    refusal: { httpStatus: number; contentType: string; refused: RpcStatus | undefined },
  ): void {
    const { httpStatus, contentType, refused } = refusal
    stream.respond(
      { ':status': httpStatus, 'content-type': contentType, ...trailersOf(refused) },
      refusalOptions,
    )
    this.wrote()
    if (!stream.endAfterHeaders) {
      stream.close(constants.NGHTTP2_NO_ERROR)
    }
  }

  #pinged(): void {
    if (this.#pings.isTooMany(performance.now(), this.#calls.size > 0)) {
      // Clients of grpc-go ping half as often once they have read this word.
      const why = Buffer.from('too_many_pings')
      this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, why)
      setImmediate(() => this.#session.destroy())
    }
  }

  /** Pings a client that has been silent for long, and lets it go if it does not answer. */
  #expectLife(): void {
    const { keepAliveIntervalMs, keepAliveTimeoutMs } = this.#serving.limits
    if (keepAliveIntervalMs === 0 || keepAliveTimeoutMs === 0) {
      return
    }
    this.#bytesRead = this.#socket.bytesRead
    this.#alive = setTimeout(() => {
      if (this.#socket.bytesRead !== this.#bytesRead) {
        this.#expectLife()
        return
      }
      this.#session.ping(() => this.#lives())
      this.#alive = setTimeout(() => this.#hasDied(), timerMs(keepAliveTimeoutMs))
    }, timerMs(keepAliveIntervalMs))
  }

  #lives(): void {
    if (!this.#session.destroyed) {
      clearTimeout(this.#alive)
      this.#expectLife()
    }
  }

  #hasDied(): void {
    if (this.#socket.bytesRead === this.#bytesRead) {
      this.#session.destroy()
    } else {
      // The answer may be behind a long request.
      this.#expectLife()
    }
  }

  /** Clients vanish and speak nonsense all the time; their calls have heard of it. */
  #failed(error: Error): void {
    this.#serving.log('debug', 'gRPC connection failed', {
      remote: this.#remote,
      error: error.message,
    })
  }
}

/** A longer timer would end at once. */
function timerMs(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1)
}

/** Node sends a date unless told not to, by an option that its types do not know. */
const refusalOptions = { endStream: true, sendDate: false }

function sessionOptions(limits: GrpcLimits): ServerOptions {
  return {
    maxHeaderListPairs: HEADERS_MAX,
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    streamResetBurst: RESETS_BURST,
    streamResetRate: RESETS_PER_SECOND,
    settings: {
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: HEADER_BYTES_MAX,
      maxConcurrentStreams: Math.min(limits.maxConcurrentStreams, STREAMS_MAX),
    },
  }
}
