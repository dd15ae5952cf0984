// Requests of the v2 API as they are written, and the parts of an answer that servers must share.
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface V2Request {
  readonly method: string
  /** As it is sent: nothing in it is cleaned. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface V2Head {
  readonly status: number
  /** Of `sharedHeaders`, those that came. */
  readonly headers: Readonly<Record<string, string>>
}

export interface V2Answer extends V2Head {
  readonly body: string
}

/** An answer that goes on, as a long poll's does. */
export interface OpenAnswer {
  readonly head: V2Head
  /** What has come so far. */
  readonly heard: () => string
  readonly hasEnded: () => boolean
  /** Resolves when it ends; by `close`, too. */
  readonly ended: Promise<void>
  /** Resolves at the next bytes or the end. */
  more(): Promise<void>
  close(): void
}

const sharedHeaders = [
  'allow',
  'content-type',
  'location',
  'x-content-type-options',
  'x-etcd-cluster-id',
  'x-etcd-index',
  'x-raft-index',
  'x-raft-term',
] as const

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** Resolves when all of the answer is there. */
export async function ask(url: string, request: V2Request): Promise<V2Answer> {
  const open = await askOpen(url, request)
  await open.ended
  return { ...open.head, body: open.heard() }
}

/** Resolves when the head of the answer is there. The path stands below that of the URL. */
export async function askOpen(
  url: string,
  { method, path, headers, body }: V2Request,
): Promise<OpenAnswer> {
  const { hostname, port, protocol, pathname } = new URL(url)
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options = {
    host: hostname,
    port,
    method,
    path: pathname.replace(/\/$/, '') + path,
    headers: { ...length, ...headers },
  }
  const outgoing =
    protocol === 'https:'
      ? httpsRequest({ ...options, rejectUnauthorized: false })
      : httpRequest({ ...options, agent })
  outgoing.end(body)
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  outgoing.once('response', resolve)
  outgoing.once('error', reject)
  return openAnswer(await promise)
}

function openAnswer(response: IncomingMessage): OpenAnswer {
  let heard = ''
  let next = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  let hasEnded = false
  response.setEncoding('utf8').on('data', (text: string) => {
    heard += text
    next.resolve()
    next = Promise.withResolvers()
  })
  const end = (): void => {
    hasEnded = true
    ended.resolve()
    next.resolve()
  }
  // A server that is stopped breaks its answers off.
  response.once('end', end).once('close', end).on('error', end)
  const headers: Record<string, string> = {}
  for (const name of sharedHeaders) {
    const value = response.headers[name]
    if (typeof value === 'string') {
      headers[name] = value
    }
  }
  return {
    head: { status: response.statusCode ?? 0, headers },
    heard: () => heard,
    hasEnded: () => hasEnded,
    ended: ended.promise,
    more: () => next.promise,
    close: () => response.destroy(),
  }
}
