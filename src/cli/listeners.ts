import { ClientListener } from '../port/listener.ts'
import type { TlsServer } from '../port/tls-server.ts'
import { bindClientUrls } from './client-urls.ts'
import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { addressText, formatUrl, type ListenUrl } from './listen-url.ts'

/** What a server listens with: for gRPC and HTTP, for HTTP alone, and for metrics. */
export interface Listeners {
  readonly client: ClientListener
  readonly http: ClientListener
  readonly metrics: ClientListener
}

/** What each listens on. */
export type Bound = { readonly [Name in keyof Listeners]: readonly ListenUrl[] }

export function newListeners(): Listeners {
  return {
    client: new ClientListener(),
    http: new ClientListener(),
    metrics: new ClientListener(),
  }
}

/** Those of HTTP alone are too. Throws Failure where an address is to be both. */
export function clientUrlsOf(flags: ServeFlags): readonly ListenUrl[] {
  const [client, http] = [flags['listen-client-urls'], flags['listen-client-http-urls']]
  const taken = client.map(addressText)
  const both = http.find((url) => taken.includes(addressText(url)))
  if (both !== undefined) {
    const names = '--listen-client-urls and --listen-client-http-urls'
    throw new Failure(`cannot bind both ${names} on the same url ${formatUrl(both)}`)
  }
  return [...client, ...http]
}

/** Throws Failure. */
export async function bindAll(
  { client, http, metrics }: Listeners,
  flags: ServeFlags,
  tls: TlsServer | undefined,
): Promise<Bound> {
  const how = { tls, reusePort: flags['socket-reuse-port'] }
  return {
    client: await bindClientUrls(client, flags['listen-client-urls'], how),
    http: await bindClientUrls(http, flags['listen-client-http-urls'], how),
    metrics: await bindClientUrls(metrics, flags['listen-metrics-urls'], {
      ...how,
      isHttp1Only: true,
    }),
  }
}

export function closeAll({ client, http, metrics }: Listeners): void {
  for (const listener of [client, http, metrics]) {
    listener.close()
  }
}
