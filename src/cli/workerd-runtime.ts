import { rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { webSocketTo } from '../link/web-socket.ts'
import { pipeToGateway } from '../port/http-pipe.ts'
import { buildBundle } from './bundle.ts'
import { DiskSpace } from './disk-space.ts'
import { Failure } from './failure.ts'
import { HostAnswers, HostServer } from './host-answers.ts'
import type { Runtime, RuntimeOptions } from './runtime.ts'
import { type WorkerSockets, workerSockets } from './worker-sockets.ts'
import { workerdConfig } from './workerd-config.ts'
import { Workerd } from './workerd.ts'

const answerMsMax = 30_000
/** What workerd reads. */
const HEAD_BYTES_MAX = 120 * 1024

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

async function startBehind(
  sockets: WorkerSockets,
  { log, directory, variables, linkSecret, portMetrics, stopped }: RuntimeOptions,
): Promise<Runtime> {
  const workerd = new Workerd(await writeConfig(directory, sockets, variables), log)
  const disk = new DiskSpace(directory, log)
  const pids = (): readonly number[] => [process.pid, workerd.pid]
  const host = new HostServer(new HostAnswers({ pids, disk, portMetrics }))
  const stop = async (): Promise<void> => {
    await workerd.stop()
    host.close()
    sockets.remove()
  }
  const ended = workerd.exited.then((how): never => {
    throw new Failure(`workerd ${how}`)
  })
  // Until somebody waits for it.
  ended.catch(() => undefined)
  try {
    await host.listen(sockets.host)
    await Promise.race([stopped, workerd.listening(2)])
    await Promise.race([stopped, ended, untilLive(sockets.secure)])
  } catch (error) {
    await stop()
    throw error
  }
  return {
    // The list of hosts is not for the link.
    route: webSocketTo({ url: `ws+unix:${sockets.secure}:/session`, token: linkSecret }),
    gateway: { address: { socketPath: sockets.secure }, agent: new Agent({ keepAlive: true }) },
    http1: {
      headBytesMax: HEAD_BYTES_MAX,
      isCounted: false,
      accept: (connection, isSecure) =>
        pipeToGateway(connection, isSecure ? sockets.secure : sockets.plain),
    },
    endStreams: () => endStreams(sockets.secure, linkSecret),
    ended,
    stop,
  }
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

async function writeConfig(
  directory: string,
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
