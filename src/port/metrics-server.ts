import {
  type Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'

/** The gateway that knows what is asked. */
export interface MetricsSource {
  readonly address: Pick<RequestOptions, 'socketPath'>
  readonly agent: Agent
  /** What the gateway asks of its visitors. */
  readonly token: string | undefined
}

/** What etcd serves on --listen-metrics-urls (embed/etcd.go serveMetrics), and nothing besides. */
const served = /^\/(?:metrics|health|livez(?:\/[^/?]+)?|readyz(?:\/[^/?]+)?)(?:\?|$)/
const plainText = {
  'Content-Type': 'text/plain; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
}
const keptHeaders = ['content-type', 'x-content-type-options', 'allow']

/**
 * Metrics and health for whoever reaches the port: neither a client certificate over http nor an access
 * token is asked for, and nothing of what is stored is told. HTTP/1.1 alone, over TLS too.
 */
export class MetricsServer {
  readonly #source: MetricsSource
  readonly #server: Server

  constructor(source: MetricsSource) {
    this.#source = source
    this.#server = createServer({ noDelay: true, keepAliveTimeout: 0 }, (asked, answer) =>
      this.#answer(asked, answer),
    )
    // Its connections come from elsewhere, but it is from here on that it looks after them.
    this.#server.emit('listening')
  }

  accept(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #answer(asked: IncomingMessage, answer: ServerResponse): void {
    asked.resume()
    const { method = 'GET', url = '/' } = asked
    if (!served.test(url)) {
      answer.writeHead(404, plainText).end('404 page not found\n')
      return
    }
    if (method === 'OPTIONS' && !url.startsWith('/metrics')) {
      // The port has no rules for browsers, so it is a method like any other.
      answer.writeHead(405, { ...plainText, Allow: 'GET' }).end('Method Not Allowed\n')
      return
    }
    this.#ask(method === 'OPTIONS' ? 'GET' : method, url, asked, answer)
  }

  #ask(method: string, path: string, asked: IncomingMessage, answer: ServerResponse): void {
    const { address, agent, token } = this.#source
    const request = httpRequest({
      ...address,
      agent,
      method,
      path,
      headers: {
        host: 'localhost',
        accept: asked.headers.accept ?? '*/*',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
    })
    request.on('response', (response) => {
      const kept = keptHeaders.flatMap((name) => {
        const value = response.headers[name]
        return value === undefined ? [] : [[name.replaceAll(/\b[a-z]/g, upper), value] as const]
      })
      answer.writeHead(response.statusCode ?? 502, Object.fromEntries(kept))
      pipeline(response, answer, () => request.destroy())
    })
    request.once('error', (error) => {
      if (answer.headersSent) {
        answer.destroy()
      } else {
        answer.writeHead(503, plainText).end(`${error.message}\n`)
      }
    })
    answer.once('close', () => request.destroy())
    request.end()
  }
}

function upper(letter: string): string {
  return letter.toUpperCase()
}
