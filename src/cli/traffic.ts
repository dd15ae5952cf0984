import type { Socket } from 'node:net'
import type { Settings } from '../config/settings.ts'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import { GrpcServer } from '../grpc/server.ts'
import { StrictConnection } from '../http1/strict-connection.ts'
import { brokenBody } from '../json/broken-body.ts'
import { JsonServer } from '../json/server.ts'
import type { LinkRoute } from '../link/connection.ts'
import { Link, LinkError } from '../link/link.ts'
import { commonNameOf } from '../port/common-name.ts'
import type { HttpProxy } from '../port/http-proxy.ts'
import type { ClientListener } from '../port/listener.ts'
import { decode, encode } from '../protocol/binary.ts'
import { MemberListRequest, MemberListResponse } from '../protocol/generated/messages.ts'
import { Failure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import type { Log } from './log.ts'
import type { Http1 } from './runtime.ts'

export interface TrafficOptions {
  readonly flags: ListenFlags
  readonly log: Log
  readonly metrics: PortMetrics
  readonly listener: ClientListener
  /** Of --listen-client-http-urls; where it is given, `listener` serves gRPC alone. */
  readonly httpListener?: ClientListener | undefined
  /** The URLs that the member list tells of. */
  readonly clientUrls: string
  /** To the keyspace's shard. */
  readonly route: LinkRoute
  /** By which JSON is answered, and whether clients need a token, of which the secret is one. */
  readonly settings: Settings
  /** Takes connections of HTTP/1.1 over from the first request on that is no plain call. */
  readonly others: Http1
  /** Whether only the gateway knows which origins may read an answer. */
  readonly othersHaveOrigins: boolean
  /** Takes HTTP/2 requests over TLS that are not gRPC. */
  readonly proxy: HttpProxy
}

/** What the clients of a listener send to one keyspace: calls by the link, other HTTP by the gateway. */
export class Traffic {
  readonly #options: TrafficOptions
  readonly #link: Link
  readonly #grpc: GrpcServer
  readonly #json: JsonServer
  readonly #removed = Promise.withResolvers<never>()

  constructor(options: TrafficOptions) {
    const { flags, log } = options
    this.#options = options
    this.#link = new Link({
      route: options.route,
      clientUrls: options.clientUrls,
      removed: (reason) => this.#removed.reject(new Failure(reason)),
      log: (level, message, fields) => log.write(level, message, fields),
    })
    // Until somebody waits for it.
    this.#removed.promise.catch(() => undefined)
    this.#grpc = new GrpcServer({
      upstream: this.#link,
      limits: {
        maxRequestBytes: flags['max-request-bytes'],
        maxConcurrentStreams: flags['max-concurrent-streams'],
        keepAliveMinTimeMs: flags['grpc-keepalive-min-time'],
        keepAliveIntervalMs: flags['grpc-keepalive-interval'],
        keepAliveTimeoutMs: flags['grpc-keepalive-timeout'],
      },
      log: (level, message, fields) => log.write(level, message, fields),
      metrics: options.metrics,
      door: options.settings,
      otherRequest: (exchange, commonName) => options.proxy.passExchange(exchange, commonName),
    })
    this.#json = new JsonServer({
      upstream: this.#link,
      settings: options.settings,
      others: (socket, isSecure, unread) => this.#passOn(socket, isSecure, unread),
      othersHaveOrigins: options.othersHaveOrigins,
      counts: options.metrics.version(undefined),
      log: (level, message, fields) => log.write(level, message, fields),
    })
  }

  /** Rejects with a Failure when this node is no member of its cluster. */
  get removed(): Promise<never> {
    return this.#removed.promise
  }

  /** Resolves when the keyspace is reached and clients are served. Throws Failure. */
  async start(): Promise<void> {
    try {
      await this.#link.start()
    } catch (error) {
      throw error instanceof LinkError ? new Failure(error.message) : error
    }
    const { listener, httpListener } = this.#options
    const http1 = (socket: Socket, isSecure: boolean): void =>
      this.#json.accept(socket, isSecure, this.#nameOf(socket))
    const http2 = (serves: 'grpc' | 'others' | 'both') => (socket: Socket) =>
      this.#grpc.accept(socket, this.#nameOf(socket), serves)
    if (httpListener === undefined) {
      listener.serve({ http2: http2('both'), http1 })
    } else {
      listener.serve({ http2: http2('grpc'), http1: (socket) => void socket.destroy() })
      httpListener.serve({ http2: http2('others'), http1 })
    }
  }

  /** Where each member of the keyspace's cluster is reached first by others. Rejects with an RpcStatus. */
  async peerUrls(): Promise<readonly string[]> {
    const method = '/etcdserverpb.Cluster/MemberList'
    const request = encode(MemberListRequest, { linearizable: true })
    const parts = await this.#link.call({ method, request, context: {} }, undefined)
    const { members } = decode(MemberListResponse, Buffer.concat(parts))
    return members.flatMap(({ peerURLs }) => peerURLs.slice(0, 1))
  }

  /** Of the user that the client's certificate names, where certificates do. */
  #nameOf(socket: Socket): string | undefined {
    return this.#options.flags['client-cert-auth'] ? commonNameOf(socket) : undefined
  }

  /** A pipe cannot tell the gateway of a certificate. */
  #passOn(socket: Socket, isSecure: boolean, unread: Buffer): void {
    const { proxy, others, settings } = this.#options
    const name = this.#nameOf(socket)
    const server = name ? proxyHttp1(proxy, name) : others
    const rules = { ...server, brokenBody: brokenBody(settings) }
    server.accept(new StrictConnection(socket, unread, rules), isSecure)
  }

  /** The keyspace is gone: no call waits for it to come back. */
  giveUp(): void {
    this.#link.close()
  }

  /** Accepts no more connections. */
  close(): void {
    this.#options.listener.close()
    this.#options.httpListener?.close()
  }

  /** Tells clients to go (GOAWAY) too, and gives what they wait for a moment. */
  async stop(): Promise<void> {
    this.close()
    await Promise.all([this.#grpc.close(), this.#json.close(), this.#options.proxy.close()])
    if (this.#options.settings.cluster !== undefined) {
      await this.#link.stopping()
    }
    this.#link.close()
  }
}

/** Go's limit. */
const HEAD_BYTES_MAX = 1024 * 1024

/** A proxy as who serves HTTP/1.1. */
export function proxyHttp1(proxy: HttpProxy, commonName?: string): Http1 {
  return {
    headBytesMax: HEAD_BYTES_MAX,
    isCounted: true,
    accept: (connection) => proxy.accept(connection, commonName),
  }
}
