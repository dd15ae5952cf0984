import {
  type Agent,
  createServer,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { type Duplex, pipeline, type Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAccessToken } from '../door/access-token.ts'
import { CERTIFICATE_HEADER, certificateField } from '../gateway-rules/certificate.ts'
import type { H2Exchange } from '../h2/exchange.ts'
import { jsonErrorBody, jsonStreamError, statusOf } from '../protocol/status.ts'
import { type ClientConnection, pipeBothWays } from './http-pipe.ts'
import { answersLines, LineChunks } from './line-chunks.ts'

/** The gateway that requests are passed on to. */
export interface ProxyTarget {
  readonly isSecure: boolean
  /** `host` and `port`, or `socketPath`. */
  readonly address: Pick<RequestOptions, 'host' | 'port' | 'socketPath'>
  /** What goes before the client's path; empty for none. */
  readonly basePath: string
  /** Whether clients may ask that path. */
  readonly serves: (path: string) => boolean
  /** Replace those of the client: `host`, and `authorization` where the gateway asks for one. */
  readonly headers: Readonly<Record<string, string>>
  readonly agent: Agent
  /** By which the gateway believes what certificates say; undefined where it would not. */
  readonly certificateSecret: string | undefined
}

/** The way back to a client, of either HTTP. */
interface Answer {
  readonly outgoing: Writable
  readonly begin: (status: number, headers: OutgoingHttpHeaders) => void
  readonly hasBegun: () => boolean
  /** Headers of the last answer on a connection. */
  readonly last?: OutgoingHttpHeaders
  readonly over?: () => void
}

export type ProxyLog = (
  level: 'warn',
  message: string,
  fields: Readonly<Record<string, string>>,
) => void

/** How long requests under way may take to end when the proxy does. */
const drainMsMax = 1000
/** What a last word takes on its way. */
const momentMs = 100

/** What etcd's gateway says when the server behind it stops, and how the last line of a stream says it. */
const stopped = jsonErrorBody(statusOf('server-gone'))
const stoppedLine = `${jsonStreamError(statusOf('server-gone'))}\n`

/** The gateway says of a path that is not for clients what it says of one that it does not have. */
const nowhere = '/not-served'

/** Of one connection, not of a request (RFC 9110 §7.6.1). */
const connectionHeaders = [
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Passes HTTP requests on to a gateway that a byte pipe cannot reach: one with a name and a token of
 * its own, or one that speaks HTTP/1.1 for a client of HTTP/2. Bodies stream both ways.
 */
export class HttpProxy {
  readonly #target: ProxyTarget
  readonly #log: ProxyLog
  readonly #server: Server
  readonly #webSockets = new Set<Socket>()
  /** Each ends an answer in lines, or answers who has asked for one. */
  readonly #streams = new Set<() => void>()
  /** Each answers who has asked for something else. */
  readonly #unanswered = new Set<() => void>()
  /** Those of clients whose certificates name users. */
  readonly #names = new WeakMap<Duplex, string>()
  /** Connections that were accepted and are still there, and requests of HTTP/2. */
  #open = 0

  constructor(target: ProxyTarget, log: ProxyLog) {
    this.#target = target
    this.#log = log
    // A watch is a request that may go on for ever, and etcd keeps idle connections.
    this.#server = createServer({
      requestTimeout: 0,
      keepAliveTimeout: 0,
      noDelay: true,
      // An offer of h2c may be passed over, as Go does.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    })
    this.#server.on('request', (request, response) => {
      response.once('close', () => request.socket.emit('answered'))
      this.#passRequest(request, response)
    })
    this.#server.on('upgrade', (request, _, head) => this.#upgrade(request, head))
    // Its connections come from elsewhere, but it is from here on that it looks after them: slow
    // headers have a time limit, and idle ones are known.
    this.#server.emit('listening')
  }

  /**
   * Serves a connection that speaks HTTP/1.1, of a client whose certificate may say its name.
   * `answered` is emitted on it with the end of each answer.
   */
  accept(connection: ClientConnection, commonName: string | undefined): void {
    this.#open++
    connection.once('close', () => this.#open--)
    if (commonName !== undefined) {
      this.#names.set(connection, commonName)
    }
    this.#server.emit('connection', connection)
  }

  /** Ends connections as soon as they are idle, and all of them, with what goes on for ever, soon. */
  async close(): Promise<void> {
    this.#server.close()
    // A gateway that ends too says so itself.
    await this.#drain(momentMs)
    this.#streams.forEach((stop) => stop())
    await this.#drain(drainMsMax)
    this.#unanswered.forEach((stop) => stop())
    await this.#drain(momentMs)
    for (const socket of this.#webSockets) {
      socket.destroy()
    }
    this.#server.closeAllConnections()
    this.#target.agent.destroy()
  }

  async #drain(ms: number): Promise<void> {
    const deadline = performance.now() + ms
    while (this.#open > 0 && performance.now() < deadline) {
      this.#server.closeIdleConnections()
      await sleep(10)
    }
  }

  /** Serves an HTTP/2 request. */
  passExchange(exchange: H2Exchange, commonName: string | undefined): void {
    const {
      ':method': method = 'GET',
      ':path': path = '/',
      ':authority': authority,
    } = exchange.headers
    const named = Object.entries(exchange.headers).filter(([name]) => !name.startsWith(':'))
    const host = authority ?? exchange.headers['host']
    const request = this.#request(method, path, {
      ...withoutConnectionHeaders(Object.fromEntries(named)),
      ...(host !== undefined && { host }),
      ...this.#certificateHeader(commonName),
      ...bodyHeader(exchange.hasBody && exchange.headers['content-length'] === undefined),
    })
    this.#open++
    this.#pass(request, path, {
      outgoing: exchange,
      begin: (status, headers) => exchange.respond({ ':status': status, ...headers }),
      hasBegun: () => exchange.headersSent,
      over: () => this.#open--,
    })
    // The gateway may answer before the first byte of the body comes.
    request.flushHeaders()
    pipeline(exchange, request, () => undefined)
  }

  #passRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/' } = incoming
    const request = this.#request(method, url, {
      ...withoutConnectionHeaders(incoming.headers),
      ...this.#certificateOf(incoming.socket),
      ...bodyHeader(incoming.headers['transfer-encoding'] !== undefined),
    })
    this.#pass(request, url, {
      outgoing,
      begin: (status, headers) => {
        outgoing.writeHead(status, headers)
        outgoing.flushHeaders()
      },
      hasBegun: () => outgoing.headersSent,
      last: { connection: 'close' },
    })
    request.flushHeaders()
    pipeline(incoming, request, () => undefined)
  }

  /** Passes on what is answered, and answers itself where that cannot be had. */
  #pass(request: ClientRequest, path: string, answer: Answer): void {
    const { outgoing, begin, hasBegun } = answer
    const isInLines = answersLines(path)
    const refuse = (body: string): void => {
      if (!outgoing.destroyed && !hasBegun()) {
        begin(503, { 'content-type': 'application/json', ...answer.last })
        outgoing.end(body)
      }
    }
    const stops = isInLines ? this.#streams : this.#unanswered
    const stop = (): void => {
      refuse(isInLines ? stoppedLine : stopped)
      request.destroy()
    }
    stops.add(stop)
    outgoing.once('close', () => {
      stops.delete(stop)
      request.destroy()
      answer.over?.()
    })
    request.on('response', (response) => {
      stops.delete(stop)
      if (outgoing.destroyed || hasBegun()) {
        return
      }
      begin(response.statusCode ?? 502, this.#headersOf(response))
      if (isInLines) {
        this.#passLines(response, outgoing)
      } else {
        pipeline(response, outgoing, () => undefined)
      }
    })
    request.once('error', (error) => {
      if (outgoing.destroyed || outgoing.writableEnded) {
        return
      }
      this.#warn(error)
      if (hasBegun()) {
        outgoing.destroy()
      } else {
        refuse(unreachable(error))
      }
    })
  }

  #passLines(response: IncomingMessage, outgoing: Writable): void {
    const lines = new LineChunks()
    const stop = (): void => {
      response.unpipe(lines)
      lines.endWith(stoppedLine)
    }
    this.#streams.add(stop)
    response.pipe(lines)
    response.once('error', (error) => lines.destroy(error))
    pipeline(lines, outgoing, () => this.#streams.delete(stop))
  }

  /** A WebSocket: the handshake is passed on, which has no body, then bytes are. */
  #upgrade(incoming: IncomingMessage, head: Buffer): void {
    const { method = 'GET', url = '/', headers, socket: client } = incoming
    const { 'content-length': _, ...rest } = withoutConnectionHeaders(headers)
    const request = this.#request(method, url, {
      ...rest,
      ...this.#certificateOf(client),
      connection: 'Upgrade',
      upgrade: 'websocket',
    })
    this.#webSockets.add(client)
    client.once('close', () => {
      this.#webSockets.delete(client)
      request.destroy()
    })
    request.on('upgrade', (response, gateway, gatewayHead) => {
      client.write(headOf(response, response.headers))
      client.write(gatewayHead)
      gateway.write(head)
      pipeBothWays(client, gateway)
    })
    request.on('response', (response) => {
      const kept = this.#headersOf(response)
      client.write(headOf(response, { ...kept, connection: 'close' }))
      pipeline(response, client, () => request.destroy())
    })
    request.once('error', (error) => {
      if (!client.destroyed) {
        this.#warn(error)
        client.destroy()
      }
    })
    request.end()
  }

  #request(method: string, path: string, headers: OutgoingHttpHeaders): ClientRequest {
    const { isSecure, address, basePath, serves, agent } = this.#target
    const start = isSecure ? httpsRequest : httpRequest
    return start({
      ...address,
      agent,
      method,
      path: basePath + (serves(path) ? path : nowhere),
      headers: withOwn(headers, this.#target.headers),
    })
  }

  #certificateOf(socket: Socket): OutgoingHttpHeaders {
    return this.#certificateHeader(this.#names.get(socket))
  }

  #certificateHeader(commonName: string | undefined): OutgoingHttpHeaders {
    return commonName === undefined || commonName === ''
      ? {}
      : { [CERTIFICATE_HEADER]: certificateField(commonName, this.#target.certificateSecret) }
  }

  /** Redirections lead where the client can follow. */
  #headersOf({ headers }: IncomingMessage): OutgoingHttpHeaders {
    const { basePath } = this.#target
    const kept = withoutConnectionHeaders(headers)
    const { location } = headers
    return location?.startsWith(`${basePath}/`) === true
      ? { ...kept, location: location.slice(basePath.length) }
      : kept
  }

  #warn(error: Error): void {
    this.#log('warn', 'the gateway could not be asked', { error: error.message })
  }
}

function withoutConnectionHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const rest: OutgoingHttpHeaders = { ...headers }
  for (const name of connectionHeaders) {
    delete rest[name]
  }
  return rest
}

/**
 * Node would write the body of a GET without saying that there is one, and the gateway would read it as
 * the next request: one that no rule here has seen, with the token of this side.
 */
function bodyHeader(isChunked: boolean): OutgoingHttpHeaders {
  return isChunked ? { 'transfer-encoding': 'chunked' } : {}
}

/** Where a client may show an access token of its own. */
const tokenHeaders = [
  'authorization',
  'grpc-metadata-authorization',
  'grpc-metadata-token',
  'sec-websocket-protocol',
] as const

/**
 * The proxy's own headers take the places of the client's, but for its token, where the client shows an
 * access token itself. Where it takes the place of etcd's token, that goes under its other name.
 */
function withOwn(headers: OutgoingHttpHeaders, own: ProxyTarget['headers']): OutgoingHttpHeaders {
  const { authorization: ownToken, ...others } = own
  if (ownToken === undefined || tokenHeaders.some((name) => showsAccessToken(headers[name]))) {
    return { ...headers, ...others }
  }
  const { authorization } = headers
  return {
    ...(authorization !== undefined && { 'grpc-metadata-token': authorization }),
    ...headers,
    ...own,
  }
}

function showsAccessToken(value: OutgoingHttpHeaders[string]): boolean {
  return typeof value === 'string' && isAccessToken(value.replace(/^Bearer,? +/, ''))
}

/** The head of a response as it goes over the wire. */
function headOf({ statusCode = 502 }: IncomingMessage, headers: OutgoingHttpHeaders): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  )
  const status = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`
  return `${[status, ...lines].join('\r\n')}\r\n\r\n`
}

/** grpc-gateway's answer when the server behind it is away: code 14, Unavailable. */
function unreachable(error: Error): string {
  return JSON.stringify({ code: 14, message: `connection error: ${error.message}` })
}
