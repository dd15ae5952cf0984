import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeToGateway } from '../bridge/http-pipe.ts'
import { HttpProxy } from '../bridge/http-proxy.ts'
import { webSocketTo } from '../bridge/link-socket.ts'
import { ClientListener } from '../bridge/listener.ts'
import { parseSettings, type Settings } from '../config/settings.ts'
import { buildBundle } from './bundle.ts'
import { advertisedUrls, announce, bindClientUrls } from './client-urls.ts'
import { openDataDirectory } from './data-directory.ts'
import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { parseServeFlags, workerVariables } from './flags.ts'
import { jwtKeyVariables } from './jwt-keys.ts'
import type { ListenUrl } from './listen-url.ts'
import { Log } from './log.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { requireSafeListening } from './safe-listening.ts'
import { untilSignal } from './signals.ts'
import { chooseCertificate, tlsServer } from './tls-flags.ts'
import { readToken } from './token-file.ts'
import { Traffic } from './traffic.ts'
import { type WorkerSockets, workerSockets } from './worker-sockets.ts'
import { workerdConfig } from './workerd-config.ts'
import { Workerd } from './workerd.ts'

const answerMsMax = 30_000

/**
 * Serves until SIGTERM, SIGINT or SIGHUP: the Worker's bundle in workerd, its Durable Objects in
 * the data directory, and this process in front of it for the clients. Throws Failure when it cannot
 * start or when workerd ends by itself.
 */
export async function serve(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const stopped = untilSignal()
  const { flags, warnings } = parseServeFlags(args, environment)
  const log = new Log(flags['log-level'])
  log.warn(warnings)
  const token = readToken(flags['token-file'])
  requireSafeListening(flags, { token })
  const dataDirectory = openDataDirectory(flags['data-dir'])
  const listener = new ClientListener()
  try {
    const certificate = await chooseCertificate(flags, dataDirectory.path, log)
    const tls = tlsServer(flags, certificate, log)
    const bound = await bindClientUrls(listener, flags['listen-client-urls'], tls)
    const linkSecret = randomBytes(32).toString('base64url')
    const directory = dataDirectory.path
    await runWorker({ flags, log, listener, bound, directory, token, linkSecret, stopped })
  } finally {
    listener.close()
    dataDirectory.release()
  }
}

interface Start {
  readonly flags: ServeFlags
  readonly log: Log
  readonly listener: ClientListener
  /** What the listener listens on. */
  readonly bound: readonly ListenUrl[]
  readonly directory: string
  /** What clients need, where they need one. */
  readonly token: string | undefined
  /** What this process shows of itself to the Worker. */
  readonly linkSecret: string
  readonly stopped: Promise<void>
}

/** Returns when `stopped` resolves, with workerd stopped. */
async function runWorker(start: Start): Promise<void> {
  const sockets = await workerSockets(start.directory)
  try {
    const variables = await variablesOf(start)
    const settings = parseSettings(Object.fromEntries(variables))
    const workerd = new Workerd(await writeConfig(start, sockets, variables), start.log)
    const metrics = new ProcessMetrics(() => [process.pid, workerd.pid])
    try {
      await metrics.listen(sockets.host)
      await serveClients({ ...start, settings }, sockets, workerd)
    } finally {
      metrics.close()
      await workerd.stop()
    }
  } finally {
    sockets.remove()
  }
}

/** What the Worker is told, and this process by the same names. */
async function variablesOf(start: Start): Promise<ReadonlyMap<string, string>> {
  const { flags, bound, token, linkSecret } = start
  const advertised = advertisedUrls(flags['advertise-client-urls'], bound)
  return new Map([
    ...workerVariables({ ...flags, 'advertise-client-urls': advertised }),
    ...(await jwtKeyVariables(flags['auth-token'])),
    ['EMBEDDED', 'true'],
    ['ETCDURABLE_LINK_SECRET', linkSecret],
    ...(token === undefined ? [] : ([['ETCDURABLE_TOKEN', token]] as const)),
  ])
}

async function writeConfig(
  { directory }: Start,
  sockets: WorkerSockets,
  variables: ReadonlyMap<string, string>,
): Promise<string> {
  const config = workerdConfig({
    directory,
    storage: join(directory, 'shard'),
    addresses: [`unix:${sockets.plain}`],
    secureAddresses: [`unix:${sockets.secure}`],
    host: `unix:${sockets.host}`,
    modules: await buildBundle(),
    variables,
  })
  const path = join(directory, 'workerd.capnp')
  // The keys of tokens may be in it, and the mode is that of a new file only.
  await rm(path, { force: true })
  await writeFile(path, config, { mode: 0o600 })
  return path
}

interface Serving extends Start {
  readonly settings: Settings
}

/** Says when clients are served; returns when that is to end, and fails when workerd ends. */
async function serveClients(
  start: Serving,
  sockets: WorkerSockets,
  workerd: Workerd,
): Promise<void> {
  await Promise.race([start.stopped, workerd.listening(2)])
  const ended = workerd.exited.then((how): never => {
    throw new Failure(`workerd ${how}`)
  })
  // Ctrl-C reaches workerd too; our own signal still comes before the news of its end.
  const over = Promise.race([start.stopped, ended])
  const traffic = trafficOf(start, sockets)
  const begin = async (): Promise<void> => {
    await untilLive(sockets.secure)
    await traffic.start()
    announce(start.bound)
  }
  try {
    await Promise.race([over, begin()])
    await over
  } catch (error) {
    traffic.giveUp()
    throw error
  } finally {
    await traffic.stop()
  }
}

function trafficOf(start: Serving, sockets: WorkerSockets): Traffic {
  const { flags, log, listener, bound, linkSecret, settings } = start
  return new Traffic({
    flags,
    log,
    listener,
    clientUrls: advertisedUrls(flags['advertise-client-urls'], bound),
    // The list of hosts is not for the link.
    route: webSocketTo({ url: `ws+unix:${sockets.secure}:/session`, token: linkSecret }),
    settings,
    others: (socket, isSecure, unread) =>
      pipeToGateway(socket, isSecure ? sockets.secure : sockets.plain, unread),
    othersHaveOrigins: false,
    proxy: new HttpProxy(
      {
        isSecure: false,
        address: { socketPath: sockets.secure },
        basePath: '',
        serves: () => true,
        headers: {},
        clientCertAuth: flags['client-cert-auth'],
        agent: new Agent({ keepAlive: true }),
      },
      (level, message, fields) => log.write(level, message, fields),
    ),
  })
}

/** Waits until the Worker answers GET /livez. */
async function untilLive(socketPath: string): Promise<void> {
  const deadline = Date.now() + answerMsMax
  for (
    let problem = await probe(socketPath);
    problem !== undefined;
    problem = await probe(socketPath)
  ) {
    if (Date.now() > deadline) {
      throw new Failure(`the server is not live: ${problem}`)
    }
    await sleep(50)
  }
}

/** What keeps the server from being live; undefined when nothing does. */
function probe(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/livez', agent: false }, (response) => {
      response.resume()
      const { statusCode = 500 } = response
      response.on('close', () => resolve(statusCode < 500 ? undefined : `status ${statusCode}`))
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end()
  })
}
