// A line to a bucket that does what a test says: it answers by itself, or passes on, and then cuts.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AwsV4Signer } from 'aws4fetch'
import type { S3Settings } from '../../src/config/snapshot-store.ts'

export interface Asked {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer<ArrayBuffer>
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** So many bytes of the body leave; then the line is cut. */
  readonly cutAfter?: number
  /** So many bytes of the body leave, and no more. */
  readonly stallAfter?: number
  /** This long nothing leaves. */
  readonly delayMs?: number
}

/** Undefined cuts the line without an answer. */
export type Way = (asked: Asked) => Promise<Answer | undefined> | Answer | undefined

/** Of what reaches it a request is one of `asked`, and is answered as `way` says. */
export class S3Proxy {
  readonly #server: Server
  readonly asked: Asked[] = []
  way: Way

  private constructor(way: Way) {
    this.way = way
    this.#server = createServer((request, response) => {
      void this.#answer(request, response)
    })
  }

  static async start(way: Way): Promise<S3Proxy> {
    const proxy = new S3Proxy(way)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) {
      chunks.push(chunk as Buffer)
    }
    const asked: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      body: Buffer.concat(chunks),
    }
    this.asked.push(asked)
    const answer = await this.way(asked)
    if (answer === undefined) {
      request.socket.destroy()
      return
    }
    const { status, headers, body = '', cutAfter, stallAfter, delayMs = 0 } = answer
    const bytes = Buffer.from(body)
    setTimeout(() => {
      response.writeHead(status, { 'Content-Length': bytes.length, ...headers })
      if (stallAfter !== undefined) {
        response.write(bytes.subarray(0, stallAfter))
      } else if (cutAfter === undefined) {
        response.end(bytes)
      } else {
        response.write(bytes.subarray(0, cutAfter), () => request.socket.destroy())
      }
    }, delayMs)
  }
}

/** Asks the real server, signed anew: what was changed on the way is as if the client had said it. */
export async function passOn(
  { endpoint, accessKeyId, secretAccessKey, region }: S3Settings,
  { method, path, headers, body }: Asked,
): Promise<Answer> {
  const kept = ['if-match', 'if-none-match', 'range', 'content-md5', 'x-amz-content-sha256']
  const signed = await new AwsV4Signer({
    method,
    url: `${endpoint}${path}`,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name))),
    accessKeyId,
    secretAccessKey,
    region,
    service: 's3',
  }).sign()
  const response = await fetch(signed.url, {
    method,
    headers: signed.headers,
    body: body.length === 0 ? null : body,
  })
  const answered = ['etag', 'content-range', 'content-type'].map((name) => [
    name,
    response.headers.get(name),
  ])
  return {
    status: response.status,
    headers: Object.fromEntries(answered.filter(([, value]) => value !== null)) as Record<
      string,
      string
    >,
    body: new Uint8Array(await response.arrayBuffer()),
  }
}
