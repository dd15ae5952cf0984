import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { HomeStage } from './home-stage.ts'
import type { Lab } from './lab.ts'
import { pageFile } from './page-files.ts'
import type { Opening } from './told.ts'

const TICK_MS = 200
const BODY_BYTES_MAX = 65_536
const isApi = /^\/keyspaces(?:\/|$)/
/** A page that does not read gets no more until it does. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024

const security: OutgoingHttpHeaders = {
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
}

/** Serves the lab's page, what it is told and asks for, and the deployment's API. */
export class LabServer {
  readonly #lab: Lab
  readonly #stage: HomeStage
  readonly #opening: () => Opening
  readonly #server: Server
  readonly #pages = new Set<ServerResponse>()
  #timer: NodeJS.Timeout | undefined

  constructor(lab: Lab, stage: HomeStage, opening: () => Opening) {
    this.#lab = lab
    this.#stage = stage
    this.#opening = opening
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        end(response, 500, error instanceof Error ? error.message : String(error))
      })
    })
  }

  /** Resolves to the port. */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #tick(): void {
    const tick = JSON.stringify(this.#lab.tick())
    for (const page of this.#pages) {
      if (page.writableLength < UNREAD_BYTES_MAX) {
        page.write(`event: tick\ndata: ${tick}\n\n`)
      }
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?')
    if (!isOwn(request)) {
      end(response, 403, 'the lab is for its own page')
    } else if (isApi.test(path)) {
      await this.#pass(request, response)
    } else if (request.method === 'POST') {
      await this.#act(path, await bodyOf(request), response)
    } else if (request.method !== 'GET') {
      end(response, 405, 'Method Not Allowed')
    } else if (path === '/') {
      response.writeHead(302, { Location: '/lab/' }).end()
    } else if (path === '/lab/door') {
      end(response, 200, '{"needsToken":false}', { 'Content-Type': 'application/json' })
    } else if (path === '/lab/events') {
      this.#open(response)
    } else if (path === '/lab/samples.csv') {
      const name = { 'Content-Disposition': 'attachment; filename="etcdurable-lab.csv"' }
      end(response, 200, this.#stage.recorder.csv(), { 'Content-Type': 'text/csv', ...name })
    } else {
      const file = path.startsWith('/lab/') ? pageFile(path.slice('/lab/'.length)) : undefined
      end(response, file === undefined ? 404 : 200, file?.text ?? 'not found', {
        'Content-Type': file?.type ?? 'text/plain; charset=utf-8',
      })
    }
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    const body = await bodyOf(request)
    const headers = { 'Content-Type': request.headers['content-type'] ?? 'application/json' }
    const asked = { method, headers, ...(body !== '' && { body }) }
    const answer = await this.#stage.api(url, asked)
    const type = answer.headers.get('content-type') ?? 'text/plain'
    end(response, answer.status, await answer.text(), { 'Content-Type': type })
  }

  #open(response: ServerResponse): void {
    response.writeHead(200, { ...security, 'Content-Type': 'text/event-stream' })
    response.write(`event: opening\ndata: ${JSON.stringify(this.#opening())}\n\n`)
    this.#pages.add(response)
    response.on('close', () => this.#pages.delete(response))
  }

  async #act(path: string, body: string, response: ServerResponse): Promise<void> {
    switch (path) {
      case '/lab/experiment':
        this.#lab.change(body)
        return end(response, 200, this.#lab.experiment)
      case '/lab/write':
        return end(response, 200, String(await this.#lab.write(body)))
      case '/lab/here':
        return end(response, 200, '')
      case '/lab/crash-leader':
        this.#lab.crashLeader()
        return end(response, 200, '')
      default:
        return end(response, 404, 'not found')
    }
  }
}

/** Another site's page, in the same browser, has no business here: nor has one that is told that its name is ours. */
function isOwn({ headers }: IncomingMessage): boolean {
  const { host = '', origin } = headers
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host)
  return isLocal && (origin === undefined || origin === `http://${host}`)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) {
      throw new Error('too long')
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (!response.headersSent) {
    response.writeHead(status, {
      ...security,
      'Content-Type': 'text/plain; charset=utf-8',
      ...headers,
    })
  }
  response.end(text)
}
