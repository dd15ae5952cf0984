import { rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { webSocketTo } from '../link/web-socket.ts'
import { buildBundle } from './bundle.ts'
import { CLUSTER_STORAGE } from './data-directory.ts'
import { DiskSpace } from './disk-space.ts'
import { Failure } from './failure.ts'
import { HostAnswers, HostServer } from './host-answers.ts'
import { KeptWorkerd } from './kept-workerd.ts'
import { LeavingRoute } from './leaving-route.ts'
import { PipedClients } from './piped-clients.ts'
import type { Runtime, RuntimeCluster, RuntimeOptions } from './runtime.ts'
import { type WorkerSockets, workerSockets } from './worker-sockets.ts'
import { workerdConfig } from './workerd-config.ts'
import { Workerd } from './workerd.ts'

const answerMsMax = 30_000
/** What workerd reads. */
const HEAD_BYTES_MAX = 120 * 1024
/** Some pages for each of the trees that a small write changes. */
const COMMIT_BYTES = 64 * 1024
/**
 * How long a node of a cluster takes to end: workerd has half of it for calls that are under way, and three quarters to
 * hand over what it has.
 */
const CLUSTER_STOP_MS = 20_000
/** For so long workerd takes requests when it was told to end. Then it waits for its connections. */
const CLUSTER_ACCEPTS_MS = 5_000
const CLUSTER_START = { isOfCluster: true, stopMs: CLUSTER_STOP_MS + 1_000 }

/** The Worker's bundle in the workerd binary, a process of its own behind Unix sockets. */
export async function startWorkerd(options: RuntimeOptions): Promise<Runtime> {
  const sockets = await workerSockets(options.directory)
  try {
    return await startBehind(sockets, options)
  } catch (error) {
    sockets.remove()
    throw error
  }
}

/** Of a runtime that does not run yet. */
const nothing = (): void => undefined

async function startBehind(sockets: WorkerSockets, options: RuntimeOptions): Promise<Runtime> {
  const { log, directory, linkSecret, portMetrics, snapshots, stopped, cluster } = options
  await cluster?.peers.start()
  const configPath = await writeConfig(options, sockets)
  const disk = new DiskSpace(directory, log, COMMIT_BYTES)
  let workerdPid = 0
  // It is workerd that asks.
  const pids = (): readonly number[] => [process.pid, workerdPid]
  let handOver = nothing
  const host = new HostServer(
    new HostAnswers({
      pids,
      disk,
      portMetrics,
      snapshots,
      ...(cluster && { handOver: () => handOver() }),
    }),
  )
  await host.listen(sockets.host)
  const starting = KeptWorkerd.start({
    log,
    spawn: () => {
      sockets.removeStale()
      cluster?.peers.passTo(undefined)
      const workerd = new Workerd(configPath, log, cluster && CLUSTER_START)
      workerdPid = workerd.pid
      return workerd
    },
    untilServing: (started) => untilServing(started, sockets.secure, cluster),
    isPatient: cluster !== undefined,
    stopped,
  })
  const kept = await starting.catch((error: unknown) => {
    host.close()
    cluster?.peers.close()
    throw error
  })
  const clients = new PipedClients(sockets, () => kept.servesAgain)
  const route = new LeavingRoute(
    // The list of hosts is not for the link.
    webSocketTo({
      url: `ws+unix:${sockets.secure}:/session`,
      token: linkSecret,
      isDiskFull: () => disk.isExhausted,
      mayVanish: cluster !== undefined,
    }),
  )
  handOver = () => replace(kept, route, clients)
  return {
    route,
    gateway: { address: { socketPath: sockets.secure }, agent: new Agent({ keepAlive: true }) },
    http1: {
      headBytesMax: HEAD_BYTES_MAX,
      isCounted: false,
      accept: (connection, isSecure) => clients.accept(connection, isSecure),
    },
    ended: kept.ended,
    stop: async () => {
      await kept.stop()
      cluster?.peers.close()
      host.close()
      sockets.remove()
    },
    endStreams: async () => {
      await endStreams(sockets.secure, linkSecret)
      await clients.finish()
    },
  }
}

/** The node's own clients go to the next workerd when this one takes no more, which then ends at once. */
function replace(kept: KeptWorkerd, route: LeavingRoute, clients: PipedClients): void {
  kept.replace()
  setTimeout(() => {
    route.leave()
    void clients.finish()
  }, CLUSTER_ACCEPTS_MS).unref()
}

/** A workerd that is gone has ended them already. */
function endStreams(socketPath: string, linkSecret: string): Promise<void> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${linkSecret}` }
    const options = { socketPath, path: '/session', method: 'DELETE', headers, agent: false }
    const asked = request(options, (response) => response.resume())
    asked.on('error', () => resolve())
    asked.on('close', () => resolve())
    asked.end()
  })
}

/** Throws Failure where it ends before, or takes too long. */
async function untilServing(
  workerd: Workerd,
  socketPath: string,
  cluster: RuntimeCluster | undefined,
): Promise<void> {
  const ended = workerd.exited.then((how): never => {
    throw new Failure(`workerd ${how}`)
  })
  // It may end long after this was asked.
  ended.catch(() => undefined)
  await workerd.listening(2)
  cluster?.peers.passTo(workerd.clusterPort)
  await Promise.race([ended, untilLive(socketPath)])
}

async function writeConfig(
  { directory, variables, snapshots, cluster }: RuntimeOptions,
  sockets: WorkerSockets,
): Promise<string> {
  const config = workerdConfig({
    directory,
    storage: join(directory, cluster === undefined ? 'shard' : CLUSTER_STORAGE),
    addresses: [`unix:${sockets.plain}`],
    secureAddresses: [`unix:${sockets.secure}`],
    host: `unix:${sockets.host}`,
    modules: await buildBundle(),
    variables,
    // A bucket is asked by the Worker itself, wherever it is.
    network: variables.has('ETCDURABLE_SNAPSHOT_STORE') && snapshots === undefined,
    cluster: cluster && {
      bucket: cluster.plan.bucket,
      addresses: cluster.peers.addresses,
      key: cluster.plan.peerKey,
      stopMs: CLUSTER_STOP_MS,
    },
  })
  const path = join(directory, 'workerd.capnp')
  // The keys of tokens and of a bucket may be in it, and the mode is that of a new file only.
  await rm(path, { force: true })
  await writeFile(path, config, { mode: 0o600 })
  return path
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
