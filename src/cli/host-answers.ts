import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import { answerForStore, OBJECTS_PATH } from '../object-store/object-answer.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import type { DiskSpace } from './disk-space.ts'
import { hostMetrics } from './process-metrics.ts'

export interface HostAnswersOptions {
  /** All the processes of this server, which clients see as one. */
  readonly pids: () => readonly number[]
  readonly portMetrics: PortMetrics
  readonly disk: DiskSpace
  /** Makes the file of the object of that id smaller; undefined where that is another process's. */
  readonly defragment?: (id: string) => Promise<void>
  /** Lets other nodes of the cluster have what this one has; undefined where it is alone. */
  readonly handOver?: () => void
  /** The directory that snapshots go to, where there is one. */
  readonly snapshots: ObjectStore | undefined
}

/**
 * What a Worker cannot know or do, and asks its binding HOST for: `/metrics` of the processes that it runs
 * in, the room on their disk, `/room?needed=BYTES`, to `/defragment?object=ID` its file, to
 * `/hand-over` its objects, and `/objects`, the files that snapshots are.
 */
export class HostAnswers {
  readonly #options: HostAnswersOptions

  constructor(options: HostAnswersOptions) {
    this.#options = options
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const { snapshots } = this.#options
    if (url.pathname !== OBJECTS_PATH && !url.pathname.startsWith(`${OBJECTS_PATH}/`)) {
      return Response.json(await this.#told(url))
    }
    return snapshots === undefined
      ? new Response(null, { status: 404 })
      : answerForStore(snapshots, request)
  }

  async #told({ pathname, searchParams }: URL): Promise<object> {
    const { pids, portMetrics, disk, defragment, handOver } = this.#options
    switch (pathname) {
      case '/room':
        return {
          room: await disk.room(Number(searchParams.get('needed'))),
          isExhausted: disk.isExhausted,
        }
      case '/defragment':
        await defragment?.(searchParams.get('object') ?? '')
        return {}
      case '/hand-over':
        handOver?.()
        return {}
      default:
        return hostMetrics(pids(), portMetrics)
    }
  }
}

/** The same at a Unix socket, for a Worker in another process. */
export class HostServer {
  readonly #server: Server

  constructor(answers: HostAnswers) {
    const listener = getRequestListener((request) => answers.fetch(request), {
      overrideGlobalObjects: false,
      errorHandler: (error) => new Response(String(error), { status: 500 }),
    })
    this.#server = createServer((request, response) => void listener(request, response))
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
