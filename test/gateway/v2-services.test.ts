import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { ask, type Client, gatewayWith } from './client.ts'

const SECRET = 'correct horse'
const guarded = gatewayWith({ ETCDURABLE_TOKEN: SECRET })

beforeAll(async () => {
  await env.SHARD.getByName('default').configure({ enableV2: true })
})

/** Whoever shows the token. */
const as =
  (token: string): Client =>
  (path, init = {}) => {
    const headers = new Headers(init.headers)
    headers.set('Authorization', `Bearer ${token}`)
    return guarded(path, { ...init, headers })
  }

async function send(
  method: string,
  path: string,
  json?: string,
  client: Client = ask,
): Promise<readonly [status: number, text: string]> {
  const response = await client(`/v2${path}`, {
    method,
    ...(json !== undefined && { body: json, headers: { 'Content-Type': 'application/json' } }),
  })
  return [response.status, await response.text()]
}

describe('JSON', () => {
  it.each([
    ['{"USER":"j","Password":"p","extra":1}', 201],
    ['{"user":"no","user":"j","password":"p","roles":null}', 201],
    ['{"user":"j","password":"p"} trailing', 201],
    ['{"user":"j","password":1}', 400],
    ['{"user":"j","password":"p","roles":["r",1]}', 400],
    ['{"user":"j","password":"p","roles":"r"}', 400],
    ['[]', 400],
    ['{"user":"j"', 400],
  ])('[V2A9] %s as a user', async (json, status) => {
    await send('DELETE', '/auth/users/j')
    const [answered, text] = await send('PUT', '/auth/users/j', json)
    expect(answered).toBe(status)
    expect(text).toBe(
      status === 400
        ? '{"message":"Invalid JSON in request body."}'
        : '{"user":"j","roles":null}\n',
    )
  })

  it.each([
    ['{"PEERURLS":[]}', 'no valid URLs given'],
    ['{"peerURLs":[null]}', 'URL scheme must be http, https, unix, or unixs: '],
    [
      '{"peerURLs":{}}',
      'json: cannot unmarshal object into Go struct field .peerURLs of type []string',
    ],
    [
      '{"peerURLs":["a",true]}',
      'json: cannot unmarshal bool into Go struct field .peerURLs of type string',
    ],
    ['nul', 'unexpected end of JSON input'],
  ])('[V2A9] %s as a list of URLs', async (json, problem) => {
    const message = JSON.stringify({ message: problem })
    expect(await send('POST', '/members', json)).toEqual([400, message])
  })

  it.each([
    [':1', 'parse \\":1\\": missing protocol scheme'],
    ['h:1', 'URL scheme must be http, https, unix, or unixs: h:1'],
    ['http://h', 'URL address does not have the form \\"host:port\\": http://h'],
    ['http://[::1]', 'URL address does not have the form \\"host:port\\": http://[::1]'],
    ['http://[::1]:1/', 'URL must not contain a path: http://[::1]:1/'],
  ])('[V2A10] %s is refused', async (url, problem) => {
    expect(await send('POST', '/members', JSON.stringify({ peerURLs: [url] }))).toEqual([
      400,
      `{"message":"${problem}"}`,
    ])
  })
})

describe('access tokens', () => {
  it('[V2A12] to read reads all and changes nothing', async () => {
    const created = await env.SHARD.getByName('default').createAccessToken({
      description: '',
      access: 'read-only',
      commonNames: false,
      expires: undefined,
    })
    if ('refused' in created) {
      throw new Error(created.refused.message)
    }
    const bearer = as(created.text)
    for (const path of [
      '/members',
      '/members/leader',
      '/machines',
      '/stats/store',
      '/stats/self',
      '/auth/users',
      '/auth/roles',
      '/auth/enable',
    ]) {
      expect((await send('GET', path, undefined, bearer))[0], path).toBe(200)
      expect((await send('GET', path, undefined, guarded))[0], path).toBe(401)
    }
    for (const [method, path, json] of [
      ['POST', '/members', '{"peerURLs":["http://h:1"]}'],
      ['DELETE', '/members/1', undefined],
      ['PUT', '/auth/users/t', '{"user":"t","password":"p"}'],
      ['PUT', '/auth/roles/t', '{"role":"t"}'],
      ['DELETE', '/auth/users/t', undefined],
      ['PUT', '/auth/enable', undefined],
    ] as const) {
      expect((await send(method, path, json, bearer))[0], path).toBe(403)
    }
    expect(await send('PUT', '/auth/roles/t', '{"role":"t"}', as(SECRET))).toEqual([
      201,
      '{"role":"t","permissions":{"kv":{"read":null,"write":null}}}\n',
    ])
  })
})
