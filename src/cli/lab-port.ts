import { parseSettings } from '../config/settings.ts'
import { isOfKeyspace } from '../gateway-rules/keyspace-path.ts'
import { PortMetrics } from '../grpc/port-metrics.ts'
import type { Host } from '../host/host.ts'
import { HostHttpServer } from '../host/http-server.ts'
import { sessionRoute } from '../host/session-route.ts'
import { HttpProxy } from '../port/http-proxy.ts'
import { ClientListener } from '../port/listener.ts'
import { parseServeFlags } from './flags.ts'
import type { Log } from './log.ts'
import { proxyHttp1, Traffic } from './traffic.ts'

export interface LabPortOptions {
  readonly log: Log
  /** With the place that serves it, if that is not to be the leader: `lab@nearest`. */
  readonly keyspace: string
  readonly linkSecret: string
  /** Of the region. */
  readonly host: Pick<Host, 'fetch'>
}

/** Where clients of a region reach the lab's keyspace, by gRPC and HTTP. */
export class LabPort {
  readonly #options: LabPortOptions
  readonly #listener = new ClientListener()
  readonly #http: HostHttpServer
  #traffic: Traffic | undefined

  constructor(options: LabPortOptions) {
    this.#options = options
    this.#http = new HostHttpServer(options.host)
  }

  /** Resolves to its URL when the keyspace is reached. */
  async listen(host: string, port: number): Promise<string> {
    const { log, keyspace, linkSecret } = this.#options
    const { flags } = parseServeFlags([], {})
    const bound = await this.#listener.bind(
      { host, port },
      { isPlain: true, tls: undefined, reusePort: false },
    )
    const url = `http://${host}:${bound}`
    const base = `/keyspaces/${keyspace}`
    const proxy = new HttpProxy(
      {
        isSecure: false,
        address: {},
        agent: this.#http.agent(),
        basePath: base,
        serves: isOfKeyspace,
        headers: { host: `${host}:${bound}`, authorization: `Bearer ${linkSecret}` },
      },
      (level, message, fields) => log.write(level, message, fields),
    )
    this.#traffic = new Traffic({
      flags,
      log,
      metrics: new PortMetrics(),
      listener: this.#listener,
      clientUrls: url,
      route: sessionRoute(this.#options.host, `${base}/session`, linkSecret),
      settings: parseSettings({ EMBEDDED: 'true' }),
      others: proxyHttp1(proxy),
      othersHaveOrigins: true,
      proxy,
    })
    await this.#traffic.start()
    return url
  }

  async close(): Promise<void> {
    await this.#traffic?.stop()
    this.#listener.close()
    await this.#http.close()
  }
}
