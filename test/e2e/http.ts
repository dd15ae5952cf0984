// Plain HTTP/1.1 requests: node:http and not fetch, so that any method, header and body can be sent.
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface HttpRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json | undefined
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

export async function send(url: string, wanted: HttpRequest): Promise<HttpAnswer> {
  const { method = 'POST', path, headers = {}, body } = wanted
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const outgoing = request(new URL(path, url), {
    method,
    agent,
    headers: { ...length, ...headers },
  })
  outgoing.on('error', reject)
  outgoing.on('response', (response) => {
    text(response).then(
      (answer) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
      reject,
    )
  })
  outgoing.end(body)
  return promise
}

/** Of a stream that goes on: its first line, and then nobody reads any more. */
export async function sendForLine(url: string, wanted: HttpRequest): Promise<HttpAnswer> {
  const left = new AbortController()
  const { method = 'POST', path, headers = {}, body } = wanted
  const sent = { method, headers, body: body ?? null, signal: left.signal }
  const response = await fetch(new URL(path, url), sent)
  const line = await firstLine(response)
  left.abort()
  return { status: response.status, headers: Object.fromEntries(response.headers), body: line }
}

/** All of it where it ends before its first line does. */
export async function firstLine(response: Response): Promise<string> {
  let line = ''
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    line += next.value
    if (line.includes('\n')) {
      break
    }
  }
  return line.slice(0, line.indexOf('\n') + 1) || line
}

/** One unary RPC whose success is taken for granted: the parsed answer. */
export async function call(url: string, path: string, message: Json): Promise<JsonObject> {
  const answer = await send(url, { path, body: JSON.stringify(message) })
  if (answer.status !== 200) {
    throw new Error(`${path} answered ${answer.status} ${answer.body}`)
  }
  return parseObject(answer.body)
}

export function parseObject(body: string): JsonObject {
  const value = JSON.parse(body) as Json
  if (!isObject(value)) {
    throw new Error(`not a JSON object: ${body}`)
  }
  return value
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const base64 = (value: string): string => Buffer.from(value, 'latin1').toString('base64')
