// What becomes of a request that shows some token: it passes the door, or is refused in which words.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { WebSocket } from 'ws'
import type { MethodName } from '../../../../src/protocol/methods.ts'
import { statusOf } from '../../../../src/protocol/status.ts'
import { binaryRequest, jsonRequest, pathsOf } from './requests.ts'

export type Outcome = 'passed' | 'missing' | 'invalid' | 'read-only' | 'administrator' | 'by link'

const refusals = new Map(
  (
    [
      ['missing', statusOf('access-token-missing')],
      ['invalid', statusOf('access-token-invalid')],
      ['read-only', statusOf('access-read-only')],
      ['administrator', statusOf('access-administrator')],
      ['by link', statusOf('access-administrator-by-link')],
    ] as const
  ).map(([outcome, { code, message }]) => [`${code} ${message}`, outcome]),
)

/** Whatever else is refused is refused behind the door. */
function outcomeOf(code: number, message: string): Outcome {
  return refusals.get(`${code} ${message}`) ?? 'passed'
}

interface Said {
  readonly code?: number
  readonly message?: string
  readonly error?: Said
}

/** Of an answer in JSON, or its first line. */
function outcomeOfText(text: string): Outcome {
  if (!text.startsWith('{"')) {
    return 'passed'
  }
  const [line = ''] = text.split('\n')
  const said = JSON.parse(line) as Said
  const { code = 0, message = '' } = said.error ?? said
  return outcomeOf(code, message)
}

export async function byHttp(url: string, init: RequestInit): Promise<Outcome> {
  const response = await fetch(url, init)
  if (response.status < 400) {
    await response.body?.cancel()
    return 'passed'
  }
  return outcomeOfText(await response.text())
}

function bearer(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` }
}

/** By GET, or by POST where there is a body. */
export function get(url: string, token: string | undefined, body?: string): Promise<Outcome> {
  const init = body === undefined ? {} : { method: 'POST', body }
  return byHttp(url, { ...init, headers: bearer(token) })
}

export async function byJson(
  url: string,
  method: MethodName,
  token: string | undefined,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const path of pathsOf(method)) {
    outcomes.push(await get(`${url}${path}`, token, jsonRequest(method)))
  }
  return outcomes
}

export async function byWebSocket(
  url: string,
  method: MethodName,
  token: string | undefined,
): Promise<readonly Outcome[]> {
  const [path] = pathsOf(method)
  if (path === undefined) {
    return []
  }
  const protocols = token === undefined ? [] : ['Bearer', token]
  return [await overSocket(new WebSocket(`${url.replace('http', 'ws')}${path}`, protocols), method)]
}

/** The outcome of a handshake, and behind it of the first message. */
async function overSocket(socket: WebSocket, method: MethodName): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  socket.once('unexpected-response', (_, response: IncomingMessage) => {
    response.setEncoding('utf8').once('data', (text: string) => resolve(text))
  })
  socket.once('open', () => socket.send(jsonRequest(method)))
  socket.once('message', (data: Buffer) => resolve(data.toString()))
  socket.once('close', () => resolve(''))
  socket.once('error', reject)
  try {
    return outcomeOfText(await promise)
  } finally {
    socket.terminate()
  }
}

/** A bridge's handshake. */
export async function bySession(url: string, token: string | undefined): Promise<Outcome> {
  const headers = bearer(token)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/session`, 'etcdurable.frames.2', {
    headers,
  })
  const refused = Promise.withResolvers<string>()
  socket.once('unexpected-response', (_, response: IncomingMessage) => {
    response.setEncoding('utf8').once('data', (text: string) => refused.resolve(text))
  })
  socket.on('error', () => undefined)
  try {
    return outcomeOfText(await Promise.race([refused.promise, once(socket, 'open').then(() => '')]))
  } finally {
    socket.terminate()
  }
}

const asIs = (bytes: Buffer): Buffer => bytes

/** A call of any method is one of many messages both ways, as far as HTTP/2 is concerned. */
export function byGrpc(
  client: Client,
  method: MethodName,
  token: string | undefined,
): Promise<readonly Outcome[]> {
  const metadata = new Metadata()
  if (token !== undefined) {
    metadata.set('authorization', `Bearer ${token}`)
  }
  const call = client.makeBidiStreamRequest(method, asIs, asIs, metadata)
  const { promise, resolve } = Promise.withResolvers<readonly Outcome[]>()
  call.on('data', () => {
    resolve(['passed'])
    call.cancel()
  })
  call.on('error', ({ code, details }: ServiceError) => resolve([outcomeOf(code, details)]))
  call.on('end', () => resolve(['passed']))
  call.write(binaryRequest(method))
  if (method !== '/etcdserverpb.Watch/Watch') {
    call.end()
  }
  return promise
}

export function grpcClient(url: string): Client {
  return new Client(new URL(url).host, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  })
}
