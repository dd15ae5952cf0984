import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import type { DiskSpace } from './disk-space.ts'
import { hostMetrics } from './process-metrics.ts'

export interface HostAnswersOptions {
  /** All the processes of this server, which clients see as one. */
  readonly pids: () => readonly number[]
  readonly portMetrics: PortMetrics
  readonly disk: DiskSpace
  /** Makes the file of the object of that id smaller; undefined where that is another process's. */
  readonly defragment?: (id: string) => Promise<void>
}

/**
 * What a Worker cannot know or do, and asks its binding HOST for: `/metrics` of the processes that it runs
 * in, the room on their disk, `/room?needed=BYTES`, and to `/defragment?object=ID` its file.
 */
export class HostAnswers {
  readonly #options: HostAnswersOptions

  constructor(options: HostAnswersOptions) {
    this.#options = options
  }

  /** What the answer's JSON says. */
  async to(url: string): Promise<object> {
    const { pids, portMetrics, disk, defragment } = this.#options
    const { pathname, searchParams } = new URL(url, 'http://host')
    switch (pathname) {
      case '/room':
        return {
          room: await disk.room(Number(searchParams.get('needed'))),
          isExhausted: disk.isExhausted,
        }
      case '/defragment':
        await defragment?.(searchParams.get('object') ?? '')
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
    this.#server = createServer((request, response) => {
      answers.to(request.url ?? '').then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
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
