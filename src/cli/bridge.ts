import { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import { parseSettings, type Settings } from '../config/settings.ts'
import { isOfKeyspace } from '../gateway-rules/keyspace-path.ts'
import { PortMetrics } from '../grpc/port-metrics.ts'
import { webSocketTo } from '../link/web-socket.ts'
import { HttpProxy, type ProxyTarget } from '../port/http-proxy.ts'
import { ClientListener } from '../port/listener.ts'
import { advertisedUrls, announce, bindClientUrls } from './client-urls.ts'
import type { BridgeFlags } from './flag-table.ts'
import { parseBridgeFlags } from './flags.ts'
import type { ListenUrl } from './listen-url.ts'
import { Log } from './log.ts'
import { requireSafeListening } from './safe-listening.ts'
import { untilSignal } from './signals.ts'
import { tlsServer } from './tls-flags.ts'
import { readToken } from './token-file.ts'
import { proxyHttp1, Traffic } from './traffic.ts'

/**
 * Serves keyspaces of a deployed Worker on local client URLs, until SIGTERM, SIGINT or SIGHUP.
 * Throws Failure for flags that are wrong; when it cannot start or the Worker will not have it the log
 * says so, and the process has the exit code.
 */
export async function bridge(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const stopped = untilSignal()
  const { flags, warnings } = parseBridgeFlags(args, environment)
  const log = new Log(flags)
  await log.during(async () => {
    log.warn(warnings)
    await bridgeWith(flags, log, stopped)
  })
}

async function bridgeWith(flags: BridgeFlags, log: Log, stopped: Promise<void>): Promise<void> {
  const token = readToken(flags['token-file'])
  const certificate = { certFile: flags['cert-file'], keyFile: flags['key-file'] }
  const keyspaces = keyspacesOf(flags)
  const urls = keyspaces.flatMap((keyspace) => keyspace.urls)
  requireSafeListening({ ...flags, 'listen-client-urls': urls })
  const tls = tlsServer(flags, { client: urls, metrics: [] }, certificate, log)
  const ports = keyspaces.map((keyspace) => ({ ...keyspace, listener: new ClientListener() }))
  const traffics: Traffic[] = []
  try {
    const bound: ListenUrl[] = []
    for (const { name, urls: wanted, listener } of ports) {
      const own = await bindClientUrls(listener, wanted, {
        tls,
        reusePort: flags['socket-reuse-port'],
      })
      bound.push(...own)
      traffics.push(trafficOf({ flags, log, token }, name, listener, own))
    }
    const begin = async (): Promise<void> => {
      await Promise.all(traffics.map((traffic) => traffic.start()))
      announce(log, bound)
    }
    await Promise.race([stopped, begin()])
    await stopped
  } finally {
    ports.forEach(({ listener }) => listener.close())
    await Promise.all(traffics.map((traffic) => traffic.stop()))
  }
}

/** What to serve, and where. */
function keyspacesOf(
  flags: BridgeFlags,
): readonly { readonly name: string; readonly urls: readonly ListenUrl[] }[] {
  const named =
    flags.keyspace.length === 0 ? [{ name: DEFAULT_KEYSPACE, urls: undefined }] : flags.keyspace
  return named.map(({ name, urls = flags['listen-client-urls'] }) => ({ name, urls }))
}

/** As far as they are known here. Where a Worker has others, it is the shard that refuses by them. */
function settingsOfWorker(flags: BridgeFlags): Settings {
  return parseSettings({
    EMBEDDED: 'true',
    ETCD_MAX_REQUEST_BYTES: String(flags['max-request-bytes']),
    ETCD_MAX_TXN_OPS: String(Number.MAX_SAFE_INTEGER),
  })
}

interface Start {
  readonly flags: BridgeFlags
  readonly log: Log
  readonly token: string | undefined
}

function trafficOf(
  { flags, log, token }: Start,
  keyspace: string,
  listener: ClientListener,
  bound: readonly ListenUrl[],
): Traffic {
  const { replica } = flags
  const base = replica === '' ? `/keyspaces/${keyspace}` : `/keyspaces/${keyspace}@${replica}`
  const upstream = withoutSlash(flags.upstream.href).replace(/^http/, 'ws')
  const target = proxyTarget(flags, base, token)
  const proxy = new HttpProxy(target, (level, message, fields) => log.write(level, message, fields))
  return new Traffic({
    flags,
    log,
    // Nobody asks: /metrics are the Worker's.
    metrics: new PortMetrics(),
    listener,
    clientUrls: advertisedUrls(flags['advertise-client-urls'], bound),
    route: webSocketTo({ url: `${upstream}${base}/session`, token }),
    // The token is the bridge's, and its clients need none.
    settings: settingsOfWorker(flags),
    others: proxyHttp1(proxy),
    othersHaveOrigins: true,
    proxy,
  })
}

function withoutSlash(text: string): string {
  return text.replace(/\/$/, '')
}

function proxyTarget(flags: BridgeFlags, base: string, token: string | undefined): ProxyTarget {
  const { upstream } = flags
  const isSecure = upstream.protocol === 'https:'
  return {
    isSecure,
    address: {
      host: upstream.hostname.replace(/^\[|\]$/g, ''),
      port: upstream.port || (isSecure ? 443 : 80),
    },
    basePath: withoutSlash(upstream.pathname) + base,
    // The token may open more than this keyspace, but not to whoever reaches the bridge.
    serves: isOfKeyspace,
    headers: {
      host: upstream.host,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    agent: isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true }),
  }
}
