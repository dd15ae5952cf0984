import type { Socket } from 'node:net'
import type { Settings } from '../config/settings.ts'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import { GrpcServer } from '../grpc/server.ts'
import type { Elsewhere } from '../json/connection.ts'
import { JsonServer } from '../json/server.ts'
import type { LinkRoute } from '../link/connection.ts'
import { Link, LinkError } from '../link/link.ts'
import { commonNameOf } from '../port/common-name.ts'
import type { HttpProxy } from '../port/http-proxy.ts'
import type { ClientListener } from '../port/listener.ts'
import { Failure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import type { Log } from './log.ts'

export interface TrafficOptions extends Elsewhere {
  readonly flags: ListenFlags
  readonly log: Log
  readonly metrics: PortMetrics
  readonly listener: ClientListener
  /** The URLs that the member list tells of. */
  readonly clientUrls: string
  /** To the keyspace's shard. */
  readonly route: LinkRoute
  /** By which JSON is answered, and whether clients need a token, of which the secret is one. */
  readonly settings: Settings
  /** Takes HTTP/2 requests over TLS that are not gRPC. */
  readonly proxy: HttpProxy
}

/** What the clients of a listener send to one keyspace: calls by the link, other HTTP by the gateway. */
export class Traffic {
  readonly #options: TrafficOptions
  readonly #link: Link
  readonly #grpc: GrpcServer
  readonly #json: JsonServer

  constructor(options: TrafficOptions) {
    const { flags, log } = options
    this.#options = options
    this.#link = new Link({
      route: options.route,
      clientUrls: options.clientUrls,
      log: (level, message, fields) => log.write(level, message, fields),
    })
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

  /** Resolves when the keyspace is reached and clients are served. Throws Failure. */
  async start(): Promise<void> {
    try {
      await this.#link.start()
    } catch (error) {
      throw error instanceof LinkError ? new Failure(error.message) : error
    }
    this.#options.listener.serve({
      http2: (socket) => this.#grpc.accept(socket, this.#nameOf(socket)),
      http1: (socket, isSecure) =>
        this.#json.accept(socket, isSecure, Boolean(this.#nameOf(socket))),
    })
  }

  /** Of the user that the client's certificate names, where certificates do. */
  #nameOf(socket: Socket): string | undefined {
    return this.#options.flags['client-cert-auth'] ? commonNameOf(socket) : undefined
  }

  /** A pipe cannot tell the gateway of a certificate. */
  #passOn(socket: Socket, isSecure: boolean, unread: Buffer): void {
    const { proxy, others } = this.#options
    if (this.#nameOf(socket)) {
      proxy.accept(socket, unread)
    } else {
      others(socket, isSecure, unread)
    }
  }

  /** The keyspace is gone: no call waits for it to come back. */
  giveUp(): void {
    this.#link.close()
  }

  /** Accepts no more, tells clients to go (GOAWAY), and gives what they wait for a moment. */
  async stop(): Promise<void> {
    this.#options.listener.close()
    await Promise.all([this.#grpc.close(), this.#json.close(), this.#options.proxy.close()])
    this.#link.close()
  }
}
