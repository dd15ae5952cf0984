import type { Socket } from 'node:net'
import type { DoorSettings } from '../door/secrets.ts'
import type { Upstream } from '../link/upstream.ts'
import {
  GrpcConnection,
  type GrpcLimits,
  type GrpcLog,
  type GrpcServing,
  type OtherRequest,
} from './connection.ts'
import { methodsOf, servicesOf } from './methods.ts'
import type { PortMetrics } from './port-metrics.ts'

export interface GrpcServerOptions {
  readonly upstream: Upstream
  readonly limits: GrpcLimits
  readonly log: GrpcLog
  readonly metrics: PortMetrics
  /** Who may call. */
  readonly door: DoorSettings
  /** Where given, requests over TLS whose content type is not gRPC's go there, as in etcd. */
  readonly otherRequest?: OtherRequest | undefined
}

/** What a listener of HTTP/2 is for (--listen-client-http-urls): gRPC, other requests, or both. */
type Http2Serves = 'grpc' | 'others' | 'both'

/** etcd gives calls about as long when it stops (config.go, ReqTimeout). */
const CLOSE_MS_MAX = 7_000

/** etcd's gRPC server: every service of the surface and health, with the keyspace behind `upstream`. */
export class GrpcServer {
  readonly #plain: GrpcServing
  readonly #secure: GrpcServing
  readonly #others: GrpcServing
  readonly #connections = new Set<GrpcConnection>()
  #isClosing = false
  #whenEmpty: (() => void) | undefined

  constructor({ upstream, limits, log, metrics, door, otherRequest }: GrpcServerOptions) {
    const methods = methodsOf(upstream, metrics)
    const services = servicesOf(methods)
    this.#plain = { methods, services, limits, log, metrics, door, isOthersOnly: false }
    this.#secure = { ...this.#plain, otherRequest }
    this.#others = { ...this.#secure, isOthersOnly: true }
  }

  /**
   * Serves a connection that speaks HTTP/2, from its preface on. `commonName` is the one on its
   * client's certificate, where that says which user the client is (--client-cert-auth).
   */
  accept(socket: Socket, commonName?: string, serves: Http2Serves = 'both'): void {
    const isSecure = 'encrypted' in socket
    // All HTTP/2 in plaintext is gRPC.
    if (this.#isClosing || (serves === 'others' && !isSecure)) {
      socket.destroy()
      return
    }
    const secure = { grpc: this.#plain, others: this.#others, both: this.#secure }[serves]
    const serving = isSecure ? secure : this.#plain
    this.#connections.add(
      new GrpcConnection({ socket, commonName }, serving, (closed) => this.#gone(closed)),
    )
  }

  /**
   * Tells the clients to go. Watches and other streams without an end get Unavailable, upon which
   * clients look for another server; other calls may end, within bounds. Resolves when all are gone.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const connection of this.#connections) {
      connection.close()
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenEmpty = resolve
    const bound = setTimeout(() => this.#breakOff(), CLOSE_MS_MAX)
    if (this.#connections.size > 0) {
      await promise
    }
    clearTimeout(bound)
  }

  #breakOff(): void {
    for (const connection of this.#connections) {
      connection.destroy()
    }
  }

  #gone(connection: GrpcConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) {
      this.#whenEmpty?.()
    }
  }
}
