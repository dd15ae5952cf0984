import { Agent, createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import type { Host } from './host.ts'
import { WorkerResponse } from './response.ts'
import { passMessages } from './web-socket-client.ts'

/** That of workerd. */
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024
/** That of Go's server. */
export const HEAD_BYTES_MAX = 1024 * 1024
/** How long answers under way may take to end when the server does. */
const DRAIN_MS_MAX = 1000

/** HTTP/1.1 to the Worker, on connections that somebody else has accepted. */
export class HostHttpServer {
  readonly #host: Pick<Host, 'fetch'>
  readonly #server: Server
  readonly #sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MESSAGE_BYTES_MAX,
  })
  readonly #secure = new WeakSet<Duplex>()
  readonly #connections = new Set<Duplex>()

  constructor(host: Pick<Host, 'fetch'>) {
    this.#host = host
    const listener = getRequestListener(
      async (request) => withLength(request, await host.fetch(request)),
      {
        overrideGlobalObjects: false,
      },
    )
    this.#server = createServer(
      {
        // Whatever else a client wants to switch to, its request is one of HTTP/1.1.
        shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
        // A watch is a request that may go on for ever, and etcd keeps idle connections.
        requestTimeout: 0,
        keepAliveTimeout: 0,
        noDelay: true,
        maxHeaderSize: HEAD_BYTES_MAX,
      },
      (incoming, outgoing) => {
        outgoing.once('close', () => incoming.socket.emit('answered'))
        this.#tellOfTls(incoming)
        writeHeadAsGo(incoming, outgoing)
        void listener(incoming, outgoing)
      },
    )
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#tellOfTls(incoming)
      this.#upgrade(incoming, socket, head).catch((error: unknown) => {
        // oxlint-disable-next-line no-console -- a Worker's log is its console
        console.error(error)
        socket.destroy()
      })
    })
    // Only the bytes of a head are counted.
    this.#server.maxHeadersCount = 0
    // Its connections come from elsewhere, but it is from here on that it looks after them: slow
    // headers have a time limit, and idle ones are known.
    this.#server.emit('listening')
  }

  /** Serves a connection, on which `answered` is emitted with the end of each answer. */
  accept(socket: Duplex, isSecure: boolean): void {
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
    if (isSecure) {
      this.#secure.add(socket)
    }
    this.#server.emit('connection', socket)
  }

  /** Makes connections to this server that no network sees, of clients that came over TLS. */
  agent(): Agent {
    const agent = new Agent()
    agent.createConnection = () => {
      const [client, server] = duplexPair()
      this.accept(server, true)
      return client
    }
    return agent
  }

  /** TLS ends before; the gateway hears of it by a header, whatever a client says. */
  #tellOfTls(incoming: IncomingMessage): void {
    const { rawHeaders, headers } = incoming
    for (let place = rawHeaders.length - 2; place >= 0; place -= 2) {
      if (rawHeaders[place]?.toLowerCase() === 'x-forwarded-proto') {
        rawHeaders.splice(place, 2)
      }
    }
    delete headers['x-forwarded-proto']
    if (this.#secure.has(incoming.socket)) {
      rawHeaders.push('X-Forwarded-Proto', 'https')
      headers['x-forwarded-proto'] = 'https'
    }
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Node no longer looks after it, and what goes wrong with it is seen where it is used.
    socket.on('error', () => undefined)
    if (!isHandshake(incoming)) {
      const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Sec-WebSocket-Version': '13' }
      await refuse(incoming, socket, new WorkerResponse('Bad Request\n', { status: 400, headers }))
      return
    }
    const headers = new Headers()
    for (let place = 0; place < incoming.rawHeaders.length; place += 2) {
      headers.append(incoming.rawHeaders[place] ?? '', incoming.rawHeaders[place + 1] ?? '')
    }
    const url = `http://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`
    const response = await this.#host.fetch(
      new Request(url, { method: incoming.method ?? 'GET', headers }),
    )
    const { webSocket } = response
    if (webSocket === null) {
      await refuse(incoming, socket, response)
      return
    }
    const protocol = response.headers.get('Sec-WebSocket-Protocol')
    this.#sockets.options.handleProtocols = () => protocol ?? false
    let isTaken = false
    const say = (lines: string[]): void => {
      const others = [...response.headers].filter(([name]) => name !== 'sec-websocket-protocol')
      lines.push(...others.map(([name, value]) => `${name}: ${value}`))
    }
    this.#sockets.on('headers', say)
    this.#sockets.handleUpgrade(incoming, socket, head, (client) => {
      isTaken = true
      passMessages(client, webSocket)
    })
    this.#sockets.off('headers', say)
    if (!isTaken) {
      // The client has left meanwhile, of which the object is to hear.
      webSocket.break()
    }
  }

  /** Ends idle connections, and the others when they have had a moment. */
  async close(): Promise<void> {
    this.#server.close()
    const deadline = performance.now() + DRAIN_MS_MAX
    while (this.#connections.size > 0 && performance.now() < deadline) {
      this.#server.closeIdleConnections()
      await sleep(10)
    }
    this.#connections.forEach((socket) => socket.destroy())
  }
}

/** Node would send an empty body in chunks. */
function withLength({ method }: Request, response: WorkerResponse): WorkerResponse {
  if (response.body === null && method !== 'HEAD') {
    response.headers.set('Content-Length', '0')
  }
  return response
}

/** Go writes `Content-Type` where a Headers object has `content-type`, and no needless `Connection`. */
function writeHeadAsGo({ httpVersionMinor }: IncomingMessage, outgoing: ServerResponse): void {
  const writeHead = outgoing.writeHead.bind(outgoing)
  outgoing.writeHead = (status: number, headers: unknown) => {
    if (outgoing.shouldKeepAlive && httpVersionMinor === 1) {
      outgoing.removeHeader('Connection')
    }
    return writeHead(status, canonical(Object.entries(headers ?? {})))
  }
}

/** Go's server adds these to what a handler has set. */
const last = ['Date', 'Content-Length']

function canonical(headers: Iterable<[string, string]>): Record<string, string> {
  const named = [...headers].map(([name, value]): [string, string] => [
    name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    value,
  ])
  return Object.fromEntries(named.toSorted(([a], [b]) => last.indexOf(a) - last.indexOf(b)))
}

/** RFC 6455 §4.2.1, of which the client's library is asked no more before the Worker is. */
function isHandshake({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')
  )
}

/** The Worker answers something else than a WebSocket. */
async function refuse(
  incoming: IncomingMessage,
  socket: Duplex,
  response: WorkerResponse,
): Promise<void> {
  const outgoing = new ServerResponse(incoming)
  outgoing.assignSocket(socket as Socket)
  outgoing.shouldKeepAlive = false
  outgoing.writeHead(response.status, canonical(response.headers))
  outgoing.end(Buffer.from(await response.arrayBuffer()), () => socket.end())
}
