import { join } from 'node:path'
import { Host, type HostOptions, type WorkerModule } from '../host/host.ts'
import { HEAD_BYTES_MAX, HostHttpServer } from '../host/http-server.ts'
import { sessionRoute } from '../host/session-route.ts'
import { DiskSpace } from './disk-space.ts'
import { HostAnswers } from './host-answers.ts'
import type { Log } from './log.ts'
import type { Runtime, RuntimeOptions } from './runtime.ts'
import {
  directoryUniqueKey,
  labClientUniqueKey,
  labUniqueKey,
  replicaUniqueKey,
  shardUniqueKey,
} from './workerd-config.ts'

type HostParts = Pick<
  RuntimeOptions,
  'log' | 'directory' | 'variables' | 'portMetrics' | 'snapshots'
>

/** The Worker and its Durable Objects in this process, which nobody is connected to. */
export async function openHost(parts: HostParts): Promise<Host> {
  const host: Host = await Host.open(hostOptions(parts, (id) => host.defragment(id)))
  return host
}

/** The Worker in this process. */
export async function startHost(options: RuntimeOptions): Promise<Runtime> {
  const { log, linkSecret } = options
  logConsole(log)
  const host = await openHost(options)
  const http = new HostHttpServer(host)
  return {
    route: sessionRoute(host, '/session', linkSecret),
    gateway: { address: {}, agent: http.agent() },
    http1: {
      headBytesMax: HEAD_BYTES_MAX,
      isCounted: true,
      accept: (connection, isSecure) => http.accept(connection, isSecure),
    },
    endStreams: async () => {
      const headers = { 'Authorization': `Bearer ${linkSecret}`, 'X-Forwarded-Proto': 'https' }
      await host.fetch(new Request('http://host/session', { method: 'DELETE', headers }))
    },
    ended: new Promise<never>(() => undefined),
    stop: async () => {
      await http.close()
      host.stop()
    },
  }
}

/** What the Worker and its objects are in a data directory. */
export function hostOptions(
  { log, directory, variables, portMetrics, snapshots }: HostParts,
  defragment: (id: string) => Promise<void>,
): HostOptions {
  const disk = new DiskSpace(directory, log)
  const answers = new HostAnswers({
    pids: () => [process.pid],
    portMetrics,
    disk,
    // The Worker has it as a binding: a way by requests copies each object three times.
    snapshots: undefined,
    defragment,
  })
  return {
    worker: () => import(new URL('../worker.ts', import.meta.url).href) as Promise<WorkerModule>,
    storage: join(directory, 'shard'),
    namespaces: [
      { binding: 'SHARD', className: 'Shard', uniqueKey: shardUniqueKey },
      { binding: 'DIRECTORY', className: 'Directory', uniqueKey: directoryUniqueKey },
      { binding: 'REPLICA', className: 'Replica', uniqueKey: replicaUniqueKey },
      { binding: 'LAB', className: 'EdgeLab', uniqueKey: labUniqueKey },
      { binding: 'LAB_CLIENT', className: 'EdgeClient', uniqueKey: labClientUniqueKey },
    ],
    diskFull: () => disk.failed(),
    bindings: {
      ...Object.fromEntries(variables),
      HOST: {
        fetch: (url: string, init?: RequestInit) => answers.fetch(new Request(url, init)),
      },
      ...(snapshots && { SNAPSHOT_DIRECTORY: snapshots }),
    },
  }
}

/** What the Worker writes to its console, and what nobody has caught, goes to the log, as in workerd. */
export function logConsole(log: Log): void {
  Object.assign(console, {
    error: (...values: unknown[]) => log.write('error', textOf(values)),
    warn: (...values: unknown[]) => log.write('warn', textOf(values)),
  })
  process.on('unhandledRejection', (error) => log.write('error', textOf([error])))
}

function textOf(values: readonly unknown[]): string {
  return values
    .map((value) => (value instanceof Error ? (value.stack ?? value.message) : String(value)))
    .join(' ')
}
