// What the tests of auth ask of a server over HTTP.
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import { base64, type HttpAnswer, type Json, send } from './http.ts'

export type Headers = Readonly<Record<string, string>>

export const NOBODY = { code: 3, message: 'etcdserver: user name is empty' }
export const BAD_TOKEN = { code: 16, message: 'etcdserver: invalid auth token' }
export const DENIED = { code: 7, message: 'etcdserver: permission denied' }

export async function ask(
  url: string,
  path: string,
  message: Json,
  headers: Headers,
): Promise<HttpAnswer> {
  return send(url, { path, headers, body: JSON.stringify(message) })
}

/** What became of a read of the key `a`: OK, or the refusal. */
export async function read(url: string, headers: Headers): Promise<unknown> {
  const { status, body } = await ask(url, '/v3/kv/range', { key: base64('a') }, headers)
  return status === 200 ? 'OK' : (JSON.parse(body) as unknown)
}

/** The users root, and alice who may read `a`; resolves when auth is on. */
export async function enableAuth(url: string, headers: Headers = {}): Promise<void> {
  const steps: readonly (readonly [string, Json])[] = [
    ['user/add', { name: 'root', password: 'root' }],
    ['user/grant', { user: 'root', role: 'root' }],
    ['user/add', { name: 'alice', password: 'alice' }],
    ['role/add', { name: 'a' }],
    ['role/grant', { name: 'a', perm: { permType: 'READ', key: base64('a') } }],
    ['user/grant', { user: 'alice', role: 'a' }],
    ['enable', {}],
  ]
  for (const [path, message] of steps) {
    const { status, body } = await ask(url, `/v3/auth/${path}`, message, headers)
    expect(`${status} ${body}`).toMatch(/^200 /)
  }
}

export async function login(url: string, name: string, headers: Headers = {}): Promise<string> {
  const message = { name, password: name }
  const { body } = await ask(url, '/v3/auth/authenticate', message, headers)
  return (JSON.parse(body) as { readonly token: string }).token
}

/** The answer to a watch of the key `a`. */
export async function watchOver(
  url: string,
  protocols: readonly string[],
  headers: Headers = {},
): Promise<unknown> {
  const address = new URL('/v3/watch', url.replace('http', 'ws'))
  const socket = new WebSocket(address, [...protocols], { headers })
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  socket.on('open', () => socket.send(JSON.stringify({ create_request: { key: base64('a') } })))
  socket.on('message', (data: Buffer) => resolve(JSON.parse(data.toString()) as unknown))
  socket.on('error', reject)
  const { result } = (await promise) as { readonly result: Record<string, unknown> }
  socket.terminate()
  const { header: _header, ...rest } = result
  return rest
}
