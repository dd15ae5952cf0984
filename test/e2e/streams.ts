// The two transports of a streaming RPC, HTTP/1.1 and WebSocket, behind one shape.
import { once } from 'node:events'
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import WebSocket from 'ws'
import { type JsonObject, parseObject } from './http.ts'

export interface MessageStream {
  /** One HTTP chunk or one WebSocket text frame. */
  send(text: string): void
  /** The next line or frame, parsed; undefined once the server has ended the stream. */
  next(): Promise<JsonObject | undefined>
  /** Cuts the connection as a client does that goes away. */
  close(): void
}

export type OpenStream = (url: string, path: string) => MessageStream

export const httpTransport: OpenStream = (url, path) => new HttpStream(url, path)
export const webSocketTransport: OpenStream = (url, path) => new WebSocketStream(url, path)

/** A message that never comes fails the test by name instead of by the runner's time limit. */
const nextMsMax = 20_000

class Lines {
  readonly #lines: string[] = []
  #unfinished = ''
  #ended = false
  #seen = 0
  #wake: (() => void) | undefined

  push(line: string): void {
    this.#lines.push(line)
    this.#wake?.()
  }

  /** Takes a piece of text that may end anywhere. */
  add(text: string): void {
    if (!text.includes('\n')) {
      this.#unfinished += text
      return
    }
    const lines = (this.#unfinished + text).split('\n')
    this.#unfinished = lines.pop() ?? ''
    lines.forEach((line) => this.push(line))
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  get ended(): boolean {
    return this.#ended
  }

  async next(): Promise<JsonObject | undefined> {
    const deadline = AbortSignal.timeout(nextMsMax)
    while (this.#lines.length === 0 && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      deadline.onabort = () => resolve()
      await promise
      if (deadline.aborted) {
        throw new Error(`no message after the ${this.#seen} before`)
      }
    }
    const line = this.#lines.shift()
    this.#seen += 1
    return line === undefined ? undefined : parseObject(line)
  }
}

export class HttpStream implements MessageStream {
  readonly #lines = new Lines()
  readonly #request: ClientRequest
  readonly #response: Promise<{ status: number; headers: IncomingHttpHeaders }>
  /** True from the moment that the status line and the headers are here. */
  answered = false

  constructor(url: string, path: string) {
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number
      headers: IncomingHttpHeaders
    }>()
    this.#response = promise
    // A stream that is cut before its answer is told by the lines, not by this promise.
    promise.catch(() => undefined)
    this.#request = request(new URL(path, url), { method: 'POST', agent: false })
    this.#request.on('response', (response) => {
      this.answered = true
      resolve({ status: response.statusCode ?? 0, headers: response.headers })
      response.setEncoding('utf8').on('data', (text: string) => this.#lines.add(text))
      // A cut by either side is an end, told as an error first.
      response.on('error', () => this.#lines.end())
      response.on('close', () => this.#lines.end())
    })
    this.#request.on('error', (error) => {
      reject(error)
      this.#lines.end()
    })
    this.#request.flushHeaders()
  }

  get ended(): boolean {
    return this.#lines.ended
  }

  get response(): Promise<{ status: number; headers: IncomingHttpHeaders }> {
    return this.#response
  }

  send(text: string): void {
    this.#request.write(text)
  }

  /** Ends the request body; the connection stays open for the answer. */
  halfClose(): void {
    this.#request.end()
  }

  next(): Promise<JsonObject | undefined> {
    return this.#lines.next()
  }

  close(): void {
    this.#request.destroy()
  }
}

export class WebSocketStream implements MessageStream {
  readonly #lines = new Lines()
  readonly #socket: WebSocket
  readonly #open: Promise<unknown>

  constructor(url: string, path: string, protocols: readonly string[] = []) {
    this.#socket = new WebSocket(new URL(path, url.replace('http', 'ws')), [...protocols])
    this.#open = once(this.#socket, 'open')
    this.#open.catch(() => this.#lines.end())
    this.#socket.on('message', (data, isBinary) => {
      if (isBinary) {
        throw new Error('etcd answers in text frames')
      }
      this.#lines.push(data.toString())
    })
    this.#socket.on('close', () => this.#lines.end())
    // An error is followed by a close.
    this.#socket.on('error', () => undefined)
  }

  /** Resolves to the subprotocol that the server chose, '' for none. */
  async opened(): Promise<string> {
    await this.#open
    return this.#socket.protocol
  }

  /** Resolves to the payload of the pong. */
  async ping(payload: string): Promise<string> {
    await this.#open
    const pong = once(this.#socket, 'pong')
    this.#socket.ping(payload)
    const [data] = (await pong) as [Buffer]
    return data.toString()
  }

  send(frame: string | Uint8Array): void {
    // A handshake that fails is told by the end of the stream.
    void this.#open.then(
      () => this.#socket.send(frame),
      () => undefined,
    )
  }

  next(): Promise<JsonObject | undefined> {
    return this.#lines.next()
  }

  close(): void {
    this.#socket.terminate()
  }
}
