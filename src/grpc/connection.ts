import type { Socket } from 'node:net'
import type { DoorSettings } from '../door/secrets.ts'
import { H2Connection, type H2Service } from '../h2/connection.ts'
import { type H2Exchange, openExchange } from '../h2/exchange.ts'
import type { H2Request } from '../h2/request.ts'
import type { H2Stream } from '../h2/stream.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import type { GrpcMethod } from './methods.ts'
import { PingPolicy } from './ping-policy.ts'
import type { PortMetrics, VersionCounts } from './port-metrics.ts'
import { type GrpcRequest, readRequest, refusalByMethod, unknownMethod } from './request.ts'
import { trailersOf } from './status.ts'
import { type GrpcHost, GrpcStream } from './stream.ts'
import { contextOf } from './visitor.ts'

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
  readonly metrics: PortMetrics
  readonly door: DoorSettings
  /** Takes a request over TLS that is not gRPC. */
  readonly otherRequest?: OtherRequest | undefined
  /** Even what is gRPC goes there. */
  readonly isOthersOnly: boolean
}

/** `commonName` is that of `GrpcServer.accept`. */
export type OtherRequest = (exchange: H2Exchange, commonName: string | undefined) => void

/** What a message may have beyond --max-request-bytes (etcd: embed/config.go, grpcOverheadBytes). */
const OVERHEAD_BYTES = 512 * 1024
/** What the calls and other requests of one connection may hold that nobody takes. */
const HELD_BYTES_MAX = 512 * 1024 * 1024
/** As long as grpc-go gives (server.go, defaultServerOptions). */
const OPENING_MS_MAX = 120_000
/** kube-apiserver has some hundred. */
const STREAMS_MAX = 20_000

/** What the headers of a request come to. */
type Prepared =
  | {
      readonly kind: 'call'
      readonly method: GrpcMethod
      readonly request: GrpcRequest
      readonly version: VersionCounts
    }
  | ({ readonly kind: 'refusal' } & Refusal)
  | { readonly kind: 'other'; readonly request: H2Request; readonly pass: OtherRequest }

interface Refusal {
  readonly httpStatus: number
  readonly contentType: string
  readonly refused: RpcStatus | undefined
}

/** The client's end of a connection. */
export interface GrpcClient {
  readonly socket: Socket
  /** On its certificate, where that says which user it is (--client-cert-auth). */
  readonly commonName: string | undefined
}

/** One HTTP/2 connection, whose streams are calls. */
export class GrpcConnection implements GrpcHost, H2Service<Prepared> {
  readonly messageBytesMax: number
  readonly streamsMax: number
  readonly openingMsMax = OPENING_MS_MAX
  readonly #serving: GrpcServing
  readonly #remote: string
  readonly #commonName: string | undefined
  readonly #http2: H2Connection<Prepared>
  readonly #pings: PingPolicy
  readonly #lasting = new Set<GrpcStream>()
  readonly #whenClosed: (connection: GrpcConnection) => void
  #heldBytes = 0
  #bytesRead = 0
  #alive: NodeJS.Timeout | undefined

  constructor(
    { socket, commonName }: GrpcClient,
    serving: GrpcServing,
    whenClosed: (connection: GrpcConnection) => void,
  ) {
    const { limits } = serving
    this.#serving = serving
    // Go writes a client of a Unix socket so.
    this.#remote =
      socket.remoteAddress === undefined ? '@' : `${socket.remoteAddress}:${socket.remotePort}`
    this.#commonName = commonName
    this.#whenClosed = whenClosed
    this.messageBytesMax = limits.maxRequestBytes + OVERHEAD_BYTES
    this.streamsMax = Math.min(limits.maxConcurrentStreams, STREAMS_MAX)
    this.#pings = new PingPolicy(limits.keepAliveMinTimeMs)
    this.#http2 = new H2Connection(socket, this)
    this.#expectLife()
  }

  /** Lets the calls under way end, and no others begin (GOAWAY); ends those that have no end. */
  close(): void {
    this.#http2.close()
    for (const call of this.#lasting) {
      call.stop(statusOf('server-gone'))
    }
  }

  /** Breaks off what is under way. */
  destroy(): void {
    this.#http2.destroy()
  }

  hold(bytes: number): boolean {
    this.#heldBytes += bytes
    return this.#heldBytes <= HELD_BYTES_MAX
  }

  wrote(): void {
    this.#pings.wrote()
  }

  ended(call: GrpcStream): void {
    this.#lasting.delete(call)
  }

  prepare(request: H2Request): Prepared {
    const { headers } = request
    const { otherRequest, methods, services, isOthersOnly } = this.#serving
    const contentType = headers['content-type'] ?? ''
    if (otherRequest !== undefined && (isOthersOnly || !contentType.includes('application/grpc'))) {
      return { kind: 'other', request, pass: otherRequest }
    }
    const context = contextOf(headers, this.#serving.door, this.#commonName)
    const isShut = context instanceof RpcStatus
    const read = readRequest(request, isShut ? {} : context)
    if ('refused' in read) {
      return { kind: 'refusal', ...read }
    }
    const path = headers[':path'] ?? ''
    const method = methods.get(path)
    const refused =
      isShut && method?.isOpen !== true
        ? context
        : method === undefined
          ? unknownMethod(path, services)
          : refusalByMethod(headers)
    if (refused !== undefined || method === undefined) {
      return { kind: 'refusal', httpStatus: 200, contentType: read.contentType, refused }
    }
    const version = this.#serving.metrics.version(headers['client-api-version'])
    return { kind: 'call', method, request: read, version }
  }

  request(stream: H2Stream, prepared: Prepared): void {
    switch (prepared.kind) {
      case 'refusal':
        this.#refuse(stream, prepared)
        break
      case 'other':
        this.#passOn(stream, prepared)
        break
      case 'call': {
        const { method, request, version } = prepared
        version[method.isStream ? 'stream' : 'unary']++
        const call = new GrpcStream(stream, request, this, method)
        if (method.isLasting) {
          this.#lasting.add(call)
        }
      }
    }
  }

  #refuse(stream: H2Stream, { httpStatus, contentType, refused }: Refusal): void {
    const status = { name: ':status', value: String(httpStatus) }
    const type = { name: 'content-type', value: contentType }
    stream.respond([status, type, ...trailersOf(refused)], true)
    this.wrote()
  }

  #passOn(
    stream: H2Stream,
    { request, pass }: { readonly request: H2Request; readonly pass: OtherRequest },
  ): void {
    const exchange = openExchange(stream, request, (bytes) => this.hold(bytes))
    if (exchange !== undefined) {
      pass(exchange, this.#commonName)
    }
  }

  pinged(): boolean {
    return !this.#pings.isTooMany(performance.now(), this.#http2.streamCount > 0)
  }

  failed(error: unknown): void {
    this.#serving.log('error', 'HTTP/2 request failed', {
      remote: this.#remote,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }

  closed(error: Error | undefined): void {
    clearTimeout(this.#alive)
    if (error !== undefined) {
      // Clients vanish and speak nonsense all the time; their calls have heard of it.
      this.#serving.log('debug', 'gRPC connection failed', {
        remote: this.#remote,
        error: error.message,
      })
    }
    this.#whenClosed(this)
  }

  /** Pings a client that has been silent for long, and lets it go if it does not answer. */
  #expectLife(): void {
    const { keepAliveIntervalMs, keepAliveTimeoutMs } = this.#serving.limits
    if (keepAliveIntervalMs === 0 || keepAliveTimeoutMs === 0) {
      return
    }
    this.#bytesRead = this.#http2.bytesRead
    this.#alive = setTimeout(() => {
      if (this.#http2.bytesRead !== this.#bytesRead) {
        this.#expectLife()
        return
      }
      this.#http2.ping(() => this.#lives())
      this.#alive = setTimeout(() => this.#hasDied(), timerMs(keepAliveTimeoutMs))
    }, timerMs(keepAliveIntervalMs))
  }

  #lives(): void {
    clearTimeout(this.#alive)
    this.#expectLife()
  }

  #hasDied(): void {
    if (this.#http2.bytesRead === this.#bytesRead) {
      this.#http2.destroy()
    } else {
      // The answer may be behind a long request.
      this.#expectLife()
    }
  }
}

/** A longer timer would end at once. */
function timerMs(ms: number): number {
  return Math.min(ms, 2 ** 31 - 1)
}
