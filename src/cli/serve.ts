import { randomBytes } from 'node:crypto'
import { parseSettings, type Settings } from '../config/settings.ts'
import { PortMetrics } from '../grpc/port-metrics.ts'
import { HttpProxy } from '../port/http-proxy.ts'
import { MetricsServer } from '../port/metrics-server.ts'
import { advertisedUrls, announce } from './client-urls.ts'
import { ClusterPeers } from './cluster-peers.ts'
import { type ClusterPlan, clusterPlan } from './cluster-plan.ts'
import { openDataDirectory } from './data-directory.ts'
import type { ServeFlags } from './flag-table.ts'
import { parseServeFlags, workerVariables } from './flags.ts'
import { jwtKeyVariables } from './jwt-keys.ts'
import { formatUrl } from './listen-url.ts'
import {
  bindAll,
  type Bound,
  clientUrlsOf,
  closeAll,
  type Listeners,
  newListeners,
} from './listeners.ts'
import { Log } from './log.ts'
import type { Runtime, RuntimeOptions } from './runtime.ts'
import { requireSafeListening } from './safe-listening.ts'
import { untilSignal } from './signals.ts'
import { logProbe, openSnapshotStore, type SnapshotStore } from './snapshot-store.ts'
import { chooseCertificate, tlsServer } from './tls-flags.ts'
import { readToken } from './token-file.ts'
import { Traffic } from './traffic.ts'

/**
 * Serves until SIGTERM, SIGINT or SIGHUP: the Worker with its Durable Objects in the data directory,
 * and the client port in front of it. Throws Failure for flags that are wrong; when it cannot start or
 * the runtime ends by itself the log says so, and the process has the exit code.
 */
export async function serve(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const stopped = untilSignal()
  const { flags, warnings } = parseServeFlags(args, environment)
  const log = new Log(flags)
  await log.during(async () => {
    log.warn(warnings)
    const cluster = clusterPlan(flags, environment)
    const snapshots = await openSnapshotStore(flags, environment)
    await serveWith(flags, { log, stopped, snapshots, cluster })
  })
}

async function serveWith(
  flags: ServeFlags,
  { log, stopped, snapshots, cluster }: Pick<Start, 'log' | 'stopped' | 'snapshots' | 'cluster'>,
): Promise<void> {
  const token = readToken(flags['token-file'])
  const urls = clientUrlsOf(flags)
  requireSafeListening({ ...flags, 'listen-client-urls': urls }, { token })
  const dataDirectory = openDataDirectory(flags['data-dir'], cluster !== undefined)
  const listeners = newListeners()
  try {
    const certificate = await chooseCertificate(flags, urls, dataDirectory.path, log)
    const metricsUrls = flags['listen-metrics-urls']
    const tls = tlsServer(flags, { client: urls, metrics: metricsUrls }, certificate, log)
    const bound = await bindAll(listeners, flags, tls)
    const linkSecret = cluster?.linkSecret ?? randomBytes(32).toString('base64url')
    const variables = await variablesOf({ flags, bound, token, linkSecret, snapshots, cluster })
    const settings = parseSettings(Object.fromEntries(variables))
    const directory = dataDirectory.path
    const metrics = new PortMetrics()
    const peers = cluster && { plan: cluster, peers: new ClusterPeers(flags, cluster, log) }
    const start = {
      flags,
      log,
      metrics,
      listeners,
      bound,
      settings,
      snapshots,
      linkSecret,
      stopped,
      cluster,
      peers: peers?.peers,
    }
    await runRuntime(start, {
      log,
      directory,
      variables,
      linkSecret,
      portMetrics: metrics,
      snapshots: snapshots.directory,
      stopped,
      cluster: peers,
    })
  } finally {
    closeAll(listeners)
    snapshots.directory?.close()
    dataDirectory.release()
  }
}

interface Start {
  readonly flags: ServeFlags
  readonly log: Log
  readonly metrics: PortMetrics
  readonly listeners: Listeners
  readonly bound: Bound
  readonly settings: Settings
  readonly snapshots: SnapshotStore
  readonly linkSecret: string
  readonly stopped: Promise<void>
  readonly cluster: ClusterPlan | undefined
  readonly peers: ClusterPeers | undefined
}

/** Returns when `stopped` resolves, with the runtime stopped. */
async function runRuntime(start: Start, options: RuntimeOptions): Promise<void> {
  // Only what is used is loaded, which takes a good part of a start.
  const runtime =
    start.flags.runtime === 'host' && start.cluster === undefined
      ? await (await import('./host-runtime.ts')).startHost(options)
      : await (await import('./workerd-runtime.ts')).startWorkerd(options)
  const metrics = new MetricsServer({ ...runtime.gateway, token: start.settings.accessToken })
  try {
    const accept = (socket: Parameters<MetricsServer['accept']>[0]): void => metrics.accept(socket)
    // HTTP/2 in plaintext is no more than bytes that are not HTTP/1.1.
    start.listeners.metrics.serve({ http1: accept, http2: accept })
    for (const url of start.bound.metrics) {
      start.log.write('info', 'serving metrics', { address: formatUrl(url) })
    }
    void logProbe(start.snapshots, start.log)
    await serveClients(start, runtime)
  } finally {
    metrics.close()
    await runtime.stop()
  }
}

interface Told extends Pick<Start, 'flags' | 'bound'> {
  /** What clients need, where they need one. */
  readonly token: string | undefined
  readonly linkSecret: string
  readonly snapshots: SnapshotStore
  readonly cluster: ClusterPlan | undefined
}

/** What the Worker is told, and this process by the same names. */
async function variablesOf({
  flags,
  bound,
  token,
  linkSecret,
  snapshots,
  cluster,
}: Told): Promise<ReadonlyMap<string, string>> {
  const advertised = advertisedUrls(flags['advertise-client-urls'], bound.client)
  return new Map([
    ...workerVariables({ ...flags, 'advertise-client-urls': advertised }),
    ...(await jwtKeyVariables(flags['auth-token'])),
    ['EMBEDDED', 'true'],
    ['ETCDURABLE_LINK_SECRET', linkSecret],
    ...snapshots.variables,
    ...(cluster === undefined
      ? []
      : ([['ETCDURABLE_CLUSTER', JSON.stringify(cluster.settings)]] as const)),
    ...(token === undefined ? [] : ([['ETCDURABLE_TOKEN', token]] as const)),
  ])
}

/** Says when clients are served; returns when that is to end, and fails when the runtime ends. */
async function serveClients(start: Start, runtime: Runtime): Promise<void> {
  // Ctrl-C reaches a runtime of its own process too; our own signal still comes before the news of its end.
  const traffic = trafficOf(start, runtime)
  const over = Promise.race([start.stopped, runtime.ended, traffic.removed])
  const ended = new AbortController()
  const begin = async (): Promise<void> => {
    await traffic.start()
    announce(start.log, start.bound.client, start.bound.http)
    void start.peers?.follow(() => traffic.peerUrls(), ended.signal)
  }
  try {
    await Promise.race([over, begin()])
    await over
  } catch (error) {
    traffic.giveUp()
    throw error
  } finally {
    ended.abort()
    traffic.close()
    await runtime.endStreams()
    await traffic.stop()
  }
}

function trafficOf(start: Start, runtime: Runtime): Traffic {
  const { flags, log, metrics, listeners, bound, settings } = start
  return new Traffic({
    flags,
    log,
    metrics,
    listener: listeners.client,
    httpListener: bound.http.length > 0 ? listeners.http : undefined,
    clientUrls: advertisedUrls(flags['advertise-client-urls'], bound.client),
    route: runtime.route,
    settings,
    others: runtime.http1,
    othersHaveOrigins: false,
    proxy: new HttpProxy(
      {
        ...runtime.gateway,
        isSecure: false,
        basePath: '',
        serves: () => true,
        headers: {},
        certificateSecret: start.linkSecret,
      },
      (level, message, fields) => log.write(level, message, fields),
    ),
  })
}
