import { GrpcServer } from '../bridge/grpc-server.ts'
import type { HttpProxy } from '../bridge/http-proxy.ts'
import { Link, LinkError } from '../bridge/link.ts'
import type { ClientListener, Speakers } from '../bridge/listener.ts'
import type { DoorSettings } from '../http/access.ts'
import { Failure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import type { Log } from './log.ts'

export interface TrafficOptions {
  readonly flags: ListenFlags
  readonly log: Log
  readonly listener: ClientListener
  /** The URLs that the member list tells of. */
  readonly clientUrls: string
  /** The keyspace's session route, and what it asks for. */
  readonly sessionUrl: string
  readonly token: string | undefined
  /** Whether clients need a token, of which the secret is one. */
  readonly settings: DoorSettings
  readonly http1: Speakers['http1']
  /** Takes HTTP/2 requests over TLS that are not gRPC. */
  readonly proxy: HttpProxy
}

/** What the clients of a listener send to one keyspace: gRPC by the link, HTTP by the gateway. */
export class Traffic {
  readonly #options: TrafficOptions
  readonly #link: Link
  readonly #grpc: GrpcServer

  constructor(options: TrafficOptions) {
    const { flags, log } = options
    this.#options = options
    this.#link = new Link({
      url: options.sessionUrl,
      token: options.token,
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
      door: { settings: options.settings, clientCertAuth: flags['client-cert-auth'] },
      otherRequest: (exchange) => options.proxy.passExchange(exchange),
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
      http2: (socket) => this.#grpc.accept(socket),
      http1: this.#options.http1,
    })
  }

  /** The keyspace is gone: no call waits for it to come back. */
  giveUp(): void {
    this.#link.close()
  }

  /** Accepts no more, tells clients to go (GOAWAY), and gives what they wait for a moment. */
  async stop(): Promise<void> {
    this.#options.listener.close()
    await Promise.all([this.#grpc.close(), this.#options.proxy.close()])
    this.#link.close()
  }
}
