// The way of one node to the bucket, which can fail in all the ways that ways fail.
import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as ask,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type BucketFault =
  | 'none'
  /** Each request takes `slowMs` longer. */
  | 'slow'
  /** The bucket answers 503. */
  | 'unavailable'
  /** The connection ends in the middle of a PUT's body. */
  | 'cut'
  /** Requests arrive and are done, and their answers are lost. */
  | 'unheard'
  /** Nothing passes, and nobody is told: what was asked arrives when the fault is over. */
  | 'silent'

/** What R2 bills: writes and lists, and reads. */
export interface BucketRequests {
  classA: number
  classB: number
}

export class BucketLine {
  /** How much later the bucket's clock is than this node's, as the node sees it. */
  clockSeconds = 0
  slowMs = 200
  /** Of so many requests from now on that create an object of the path, the answers are lost. */
  unheard = { path: /$^/, count: 0 }
  readonly requests: BucketRequests = { classA: 0, classB: 0 }
  readonly #server: Server
  readonly #target: URL
  readonly #agent = new Agent({ keepAlive: true })
  #fault: BucketFault = 'none'
  #over = Promise.withResolvers<void>()

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = new URL(target)
  }

  static async start(target: string): Promise<BucketLine> {
    const server = createServer()
    const line = new BucketLine(server, target)
    server.on('request', (request, response) => void line.#pass(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return line
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get fault(): BucketFault {
    return this.#fault
  }

  set fault(fault: BucketFault) {
    this.#fault = fault
    this.#over.resolve()
    this.#over = Promise.withResolvers()
  }

  close(): void {
    this.fault = 'none'
    this.#server.close()
    this.#server.closeAllConnections()
    this.#agent.destroy()
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#count(request)
    // Who asked may be gone before it is answered.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    while (this.#fault === 'silent') {
      await this.#over.promise
    }
    const fault = this.#isUnheard(request) ? 'unheard' : this.#fault
    if (fault === 'slow') {
      await sleep(this.slowMs)
    }
    if (fault === 'unavailable') {
      response.writeHead(503).end()
    } else {
      this.#passOn(request, response, fault)
    }
  }

  /** Deletions are free. */
  #count({ method, url = '' }: IncomingMessage): void {
    if (method === 'GET' && !url.includes('list-type=')) {
      this.requests.classB += 1
    } else if (method !== 'DELETE') {
      this.requests.classA += 1
    }
  }

  #isUnheard({ url = '', headers }: IncomingMessage): boolean {
    const { path, count } = this.unheard
    const isMeant = count > 0 && headers['if-none-match'] === '*' && path.test(url)
    this.unheard.count -= isMeant ? 1 : 0
    return isMeant
  }

  #passOn(request: IncomingMessage, response: ServerResponse, fault: BucketFault): void {
    const { method = 'GET', url = '/', rawHeaders } = request
    const { hostname, port } = this.#target
    const passed = ask({
      hostname,
      port,
      method,
      path: url,
      // The signature covers the host that was asked for.
      headers: rawHeaders,
      setHost: false,
      agent: this.#agent,
    })
    passed.on('error', () => request.socket.destroy())
    if (fault === 'cut' && method === 'PUT') {
      request.once('data', (part: Buffer) => {
        passed.write(part.subarray(0, part.length / 2), () => {
          passed.destroy()
          request.socket.destroy()
        })
      })
      return
    }
    passed.on('response', (answer) => {
      if (fault === 'unheard' || this.#fault === 'unheard') {
        answer.resume()
        answer.on('end', () => request.socket.destroy())
        return
      }
      void this.#answer(answer, response)
    })
    request.pipe(passed)
  }

  /** What was under way when the line fell silent is heard when it is over. */
  async #answer(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    while (this.#fault === 'silent') {
      await this.#over.promise
    }
    response.writeHead(answer.statusCode ?? 502, this.#headersOf(answer))
    answer.pipe(response)
  }

  #headersOf({ rawHeaders, headers }: IncomingMessage): string[] {
    const { date = '' } = headers
    const shifted = new Date(Date.parse(date) + this.clockSeconds * 1000).toUTCString()
    return rawHeaders.map((text) => (text === date && this.clockSeconds !== 0 ? shifted : text))
  }
}
