import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AccessTokenRpc } from '../../src/door/access-token-rpc.ts'
import type { NewAccessToken } from '../../src/door/access-token.ts'
import { gateway } from '../../src/gateway/app.ts'
import { base64, type Client, gatewayWith } from './client.ts'

const SECRET = 'correct horse'
const INVALID = 'the access token is unknown here, revoked or expired'
const RANGE = JSON.stringify({ key: base64('door') })
const PUT = JSON.stringify({ key: base64('door'), value: base64('v') })

const wanted: NewAccessToken = {
  description: '',
  access: 'read-write',
  commonNames: false,
  expires: undefined,
}

const guarded = gatewayWith({ ETCDURABLE_TOKEN: SECRET })
const shard = env.SHARD.getByName('default')
const directory = env.DIRECTORY.getByName('directory')

async function made(
  at: AccessTokenRpc | typeof shard | typeof directory,
  options: Partial<NewAccessToken> = {},
): Promise<{ readonly id: string; readonly text: string }> {
  const created = await at.createAccessToken({ ...wanted, ...options })
  if ('refused' in created) {
    throw new Error(created.refused.message)
  }
  return { id: created.token.id, text: created.text }
}

async function post(
  client: Client,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly message: string }> {
  const body = path.endsWith('/put') ? PUT : RANGE
  const response = await client(path, { method: 'POST', body, headers })
  const { message = '' } = await response.json<{ message?: string }>()
  return { status: response.status, message }
}

const range = (headers: Readonly<Record<string, string>>): ReturnType<typeof post> =>
  post(guarded, '/v3/kv/range', headers)

const bearer = (token: string): Readonly<Record<string, string>> => ({
  Authorization: `Bearer ${token}`,
})

let token: string
let readOnly: string

beforeAll(async () => {
  token = (await made(shard)).text
  readOnly = (await made(shard, { access: 'read-only' })).text
})

describe('an access token', () => {
  it.each(['Authorization', 'Grpc-Metadata-Authorization', 'Grpc-Metadata-Token'])(
    '[DOR13] may come as %s, with Bearer or without',
    async (name) => {
      for (const shown of [token, `Bearer ${token}`, SECRET]) {
        expect(await range({ [name]: shown })).toMatchObject({ status: 200 })
      }
      const wrong = { status: 401, message: INVALID }
      expect(await range({ [name]: `${token}x` })).toEqual(wrong)
      expect(await range({ [name]: 'etcdurable_' })).toEqual(wrong)
    },
  )

  it('[DOR13] may come beside one of etcd, which is not looked at while auth is off', async () => {
    const etcds = 'TBWNqQcxAKDYknRE.39'
    for (const headers of [
      { ...bearer(token), 'Grpc-Metadata-Token': etcds },
      { ...bearer(etcds), 'Grpc-Metadata-Token': token },
      { ...bearer(etcds), 'Grpc-Metadata-Authorization': token },
    ]) {
      expect(await range(headers)).toMatchObject({ status: 200 })
    }
    expect((await range(bearer(etcds))).status).toBe(401)
  })

  it('[DOR13] comes over WebSocket as the subprotocol or a header', async () => {
    const shows: readonly Readonly<Record<string, string>>[] = [
      { 'Sec-WebSocket-Protocol': `Bearer, ${token}` },
      { 'Authorization': `Bearer ${token}`, 'Sec-WebSocket-Protocol': 'Bearer, TBWN.39' },
    ]
    for (const headers of shows) {
      const response = await guarded('/v3/watch', {
        headers: { Upgrade: 'websocket', ...headers },
      })
      expect(response.status).toBe(101)
      response.webSocket?.accept()
      response.webSocket?.close()
    }
    const others: readonly Readonly<Record<string, string>>[] = [
      { 'Sec-WebSocket-Protocol': 'Bearer, TBWN.39' },
      { Cookie: `a=b; token=${token}` },
      { 'Grpc-Metadata-Token': token },
    ]
    for (const headers of others) {
      const refused = await guarded('/v3/watch', { headers: { Upgrade: 'websocket', ...headers } })
      expect(refused.status).toBe(401)
    }
  })

  it('[DOR7] may what it says, and nothing once it is revoked', async () => {
    expect(await post(guarded, '/v3/kv/put', bearer(token))).toMatchObject({ status: 200 })
    expect(await post(guarded, '/v3/kv/put', bearer(readOnly))).toEqual({
      status: 403,
      message: 'the access token is read-only',
    })
    const { id, text } = await made(shard)
    expect((await range(bearer(text))).status).toBe(200)
    await shard.revokeAccessToken(id)
    expect((await range(bearer(text))).status).toBe(401)
  })

  it('[DOR7] opens health, metrics and variables, and a wrong one does not', async () => {
    for (const path of [
      '/health',
      '/readyz',
      '/readyz/data_corruption',
      '/metrics',
      '/debug/vars',
    ]) {
      expect((await guarded(path, { headers: bearer(readOnly) })).status).toBe(200)
      const refused = await guarded(path, { headers: bearer(`${token.slice(0, -1)}~`) })
      expect(refused.status).toBe(401)
      const other = await made(env.SHARD.getByName('default'), { expires: 1 })
      expect((await guarded(path, { headers: bearer(other.text) })).status).toBe(401)
    }
  })

  it('[DOR13] that is shown to the open embedded start has to be one', async () => {
    const embedded = gatewayWith({ EMBEDDED: 'true' })
    expect((await post(embedded, '/v3/kv/range', {})).status).toBe(200)
    expect((await post(embedded, '/v3/kv/put', bearer(readOnly))).status).toBe(403)
    expect((await post(embedded, '/v3/kv/put', bearer('etcdurable_x'))).status).toBe(401)
  })

  it('[DOR15] does not tell which keyspaces there are', async () => {
    const paths = ['default', 'nowhere', 'n%2fowhere', '..'].map(
      (name) => `/keyspaces/${name}/v3/kv/range`,
    )
    const { text } = await made(env.SHARD.getByName('default'), { expires: 1 })
    for (const path of paths.slice(0, 3)) {
      expect(await post(guarded, path, bearer(text))).toEqual({ status: 401, message: INVALID })
    }
    expect((await post(guarded, '/keyspaces/nowhere/v3/kv/range', bearer(SECRET))).status).toBe(404)
  })
})

describe("an administrator's token", () => {
  it('[DOR14] does what the secret does, until it is revoked or expires', async () => {
    const { id, text } = await made(directory, { access: 'administrator' })
    const expired = await made(directory, { access: 'administrator', expires: 1 })
    expect(text).toMatch(/^etcdurable_admin_/)
    expect((await post(guarded, '/v3/kv/put', bearer(text))).status).toBe(200)
    expect(await range(bearer(expired.text))).toEqual({ status: 401, message: INVALID })
    expect(await directory.revokeAccessToken(id)).toEqual({ known: true })
    expect(await range(bearer(text))).toEqual({ status: 401, message: INVALID })
  })

  it('[DOR14] is no token of a keyspace, nor the other way round', async () => {
    const { text } = await made(directory, { access: 'administrator' })
    expect((await range(bearer(text.replace('admin_', '')))).status).toBe(401)
    expect((await range(bearer(token.replace('durable_', 'durable_admin_')))).status).toBe(401)
  })
})

/** Lets so many pass for each key. */
function limitOf(count: number): RateLimit & { readonly keys: Map<string, number> } {
  const keys = new Map<string, number>()
  return {
    keys,
    limit: ({ key }) => {
      const used = (keys.get(key) ?? 0) + 1
      keys.set(key, used)
      return Promise.resolve({ success: used <= count })
    },
  }
}

const from = (address: string, shown?: string): Readonly<Record<string, string>> => ({
  'CF-Connecting-IP': address,
  ...(shown === undefined ? {} : bearer(shown)),
})

describe('a rate limit', () => {
  it('[DOR16] counts what a token asks, whatever its address, and never sees the token', async () => {
    const limit = limitOf(2)
    const limited = gatewayWith({ ETCDURABLE_TOKEN: SECRET, REQUEST_LIMIT: limit })
    const ask = (address: string, shown: string) =>
      post(limited, '/v3/kv/range', from(address, shown))
    expect((await ask('192.0.2.1', token)).status).toBe(200)
    expect((await ask('192.0.2.2', token)).status).toBe(200)
    expect(await ask('192.0.2.3', token)).toEqual({
      status: 429,
      message: 'too many requests: wait, or ask for a higher limit',
    })
    expect((await ask('192.0.2.3', readOnly)).status).toBe(200)
    expect([...limit.keys.keys()].join(' ')).not.toContain('etcdurable_')
  })

  it('[DOR16] counts what an address asks that shows none, by /64 where it is one of IPv6', async () => {
    const limit = limitOf(1)
    const limited = gatewayWith({ EMBEDDED: 'true', REQUEST_LIMIT: limit })
    const ask = async (address: string): Promise<number> =>
      (await post(limited, '/v3/kv/range', from(address))).status
    expect(await ask('2001:db8:1:2:3::4')).toBe(200)
    expect(await ask('2001:db8:1:2:5::6')).toBe(429)
    expect(await ask('2001:db8:1:3:3::4')).toBe(200)
    expect(await ask('2001:db8::3:4:5:6')).toBe(200)
    expect(await ask('2001:db8::7:4:5:6')).toBe(429)
    expect(await ask('2001:db8:0:0:1::')).toBe(429)
    expect(await ask('192.0.2.9')).toBe(200)
    expect((await limited('/version', { headers: from('192.0.2.9') })).status).toBe(200)
  })

  it('[DOR17] of wrong tokens leaves an address out, but for the secret', async () => {
    const limited = gatewayWith({ ETCDURABLE_TOKEN: SECRET, REFUSAL_LIMIT: limitOf(2) })
    const ask = async (address: string, shown?: string): Promise<number> =>
      (await post(limited, '/v3/kv/range', from(address, shown))).status
    const wrong = `${token.slice(0, -1)}~`
    const { text } = await made(shard, { expires: 1 })
    expect(await ask('198.51.100.1', wrong)).toBe(401)
    expect(await ask('198.51.100.1')).toBe(401)
    expect(await ask('198.51.100.1', token)).toBe(200)
    expect(await ask('198.51.100.1', text)).toBe(401)
    expect(await ask('198.51.100.1', text)).toBe(429)
    expect(await ask('198.51.100.1', token)).toBe(429)
    expect(await ask('198.51.100.1', `etcdurable_admin_${token.slice(11)}`)).toBe(429)
    expect(await ask('198.51.100.1', SECRET)).toBe(200)
    expect(await ask('198.51.100.2', token)).toBe(200)
  })
})

describe('tokens of etcd', () => {
  it('[DOR17] that are wrong leave nobody out', async () => {
    const limited = gatewayWith({ ETCDURABLE_TOKEN: SECRET, REFUSAL_LIMIT: limitOf(1) })
    const asRoot = { name: 'root', password: 'pw' }
    const ask = async (path: string, request: object, etcds = ''): Promise<Response> =>
      limited(`/v3/auth/${path}`, {
        method: 'POST',
        body: JSON.stringify(request),
        headers: {
          ...from('198.51.100.9', SECRET),
          ...(etcds && { 'Grpc-Metadata-Token': etcds }),
        },
      })
    await ask('user/add', asRoot)
    await ask('user/grant', { user: 'root', role: 'root' })
    expect((await ask('enable', {})).status).toBe(200)
    const { token: roots = '' } = await (
      await ask('authenticate', asRoot)
    ).json<{ token?: string }>()
    for (let count = 0; count < 5; count++) {
      expect((await ask('user/list', {}, 'bad')).status).toBe(401)
    }
    const shown = { ...from('198.51.100.9', token), 'Grpc-Metadata-Token': roots }
    expect((await post(limited, '/v3/kv/range', shown)).status).toBe(200)
    expect((await ask('disable', {}, roots)).status).toBe(200)
  })
})

describe('the limits of wrangler.toml', () => {
  it('[DOR17] leave out an address after a hundred wrong tokens', async () => {
    const deployed = gatewayWith({
      ETCDURABLE_TOKEN: SECRET,
      ...(env.REFUSAL_LIMIT && { REFUSAL_LIMIT: env.REFUSAL_LIMIT }),
    })
    const statuses: number[] = []
    for (let count = 0; count < 102; count++) {
      statuses.push((await post(deployed, '/v3/kv/range', from('203.0.113.1'))).status)
    }
    expect(new Set(statuses)).toEqual(new Set([401]))
    expect((await post(deployed, '/v3/kv/range', from('203.0.113.1', token))).status).toBe(429)
    expect(await env.REQUEST_LIMIT?.limit({ key: 'somebody' })).toEqual({ success: true })
  })
})

describe('a Worker without a secret', () => {
  it('[GTW28] takes no access token either', async () => {
    const { text } = await made(directory, { access: 'administrator' })
    for (const shown of [token, text]) {
      const request = new Request('http://store.example.com/v3/kv/range', {
        method: 'POST',
        body: RANGE,
        headers: bearer(shown),
      })
      expect((await gateway.fetch(request, { ...env })).status).toBe(503)
    }
  })
})
