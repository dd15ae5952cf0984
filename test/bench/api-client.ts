import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'

/** The administrator's. */
export const TOKEN = 'bench'

export interface ApiAnswer {
  readonly status: number
  readonly body: string
}

/** One connection to a kube-apiserver, with one request under way at a time. */
export class ApiClient {
  readonly #url: string
  // It has made its certificate itself, on this machine.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })

  constructor(url: string) {
    this.#url = url
  }

  async ask(method: string, path: string, object?: object): Promise<ApiAnswer> {
    const body = object === undefined ? '' : JSON.stringify(object)
    const headers = {
      'Authorization': `Bearer ${TOKEN}`,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    }
    const sent = request(new URL(path, this.#url), { method, agent: this.#agent, headers })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return { status: response.statusCode ?? 0, body: await text(response) }
  }

  /** Throws unless it is answered with that status. */
  async expect(
    status: number,
    ...[method, path, object]: Parameters<ApiClient['ask']>
  ): Promise<string> {
    const answer = await this.ask(method, path, object)
    if (answer.status !== status) {
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body}`)
    }
    return answer.body
  }

  close(): void {
    this.#agent.destroy()
  }
}
