import { describe, expect, it } from 'vitest'
import { ask, base64, gatewayWith } from './client.ts'

const corsHeaders = [
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Headers',
]

const corsOf = ({ headers }: Response): readonly (string | null)[] =>
  corsHeaders.map((name) => headers.get(name))

const allowed = (origin: string): readonly string[] => [
  'POST, GET, OPTIONS, PUT, DELETE',
  origin,
  'accept, content-type, authorization',
]

const none = [null, null, null]

describe('CORS', () => {
  const listed = gatewayWith({
    EMBEDDED: 'true',
    ETCD_CORS: 'http://a.example:80,https://b.example',
  })

  it('[GTW30] allows every origin unless some are listed', async () => {
    const response = await ask('/version', { headers: { Origin: 'http://anything' } })
    expect(corsOf(response)).toEqual(allowed('*'))
  })

  it('[GTW30] allows the listed ones, letter by letter', async () => {
    for (const origin of ['http://a.example:80', 'https://b.example']) {
      const response = await listed('/version', { headers: { Origin: origin } })
      expect(corsOf(response)).toEqual(allowed(origin))
    }
    for (const origin of ['http://a.example', 'HTTP://a.example:80', 'https://b.example/']) {
      const response = await listed('/version', { headers: { Origin: origin } })
      expect(response.status).toBe(200)
      expect(corsOf(response)).toEqual(none)
    }
    expect(corsOf(await listed('/version'))).toEqual(none)
  })

  it('[GTW30] answers a preflight of whatever path, without a token too', async () => {
    for (const client of [ask, gatewayWith({}), gatewayWith({ ETCDURABLE_TOKEN: 'secret' })]) {
      for (const path of ['/v3/kv/put', '/nowhere']) {
        const response = await client(path, { method: 'OPTIONS' })
        expect(response.status).toBe(200)
        expect(await response.text()).toBe('')
        expect(corsOf(response)).toEqual(allowed('*'))
      }
    }
  })
})

describe('--host-whitelist', () => {
  const guarded = gatewayWith({
    EMBEDDED: 'true',
    ETCD_HOST_WHITELIST: 'localhost,store.example.com',
  })

  it('[GTW31] lets hosts pass that are on it, whatever the port', async () => {
    for (const host of ['localhost', 'localhost:2379', 'store.example.com:80']) {
      expect((await guarded('/version', { headers: { Host: host } })).status).toBe(200)
    }
  })

  it('[GTW31] refuses others and says what to do', async () => {
    const response = await guarded('/version', { headers: { Host: 'evil.example:2379' } })
    expect(response.status).toBe(421)
    expect(await response.text()).toContain('  - e.g. etcd --host-whitelist "evil.example"\n')
    expect(corsOf(response)).toEqual(none)
  })

  it('[GTW31] is not for TLS, which no page can point elsewhere', async () => {
    const response = await guarded('https://store.example.com/version', {
      headers: { Host: 'evil.example' },
    })
    expect(response.status).toBe(200)
  })
})

describe('access to a deployed Worker', () => {
  const paths = ['/v3/kv/range', '/v3/watch', '/health', '/metrics', '/debug/vars', '/nowhere']
  const open = ['/version', '/livez']

  it('[GTW28] is refused to all as long as no secret is set', async () => {
    for (const client of [gatewayWith({}), gatewayWith({ ETCDURABLE_TOKEN: '' })]) {
      for (const path of paths) {
        const response = await client(path, { headers: { Authorization: 'Bearer ' } })
        expect(response.status).toBe(503)
        const { code, message } = await response.json<{ code: number; message: string }>()
        expect(code).toBe(14)
        expect(message).toContain('wrangler secret put ETCDURABLE_TOKEN')
        expect(corsOf(response)).toEqual(allowed('*'))
      }
      for (const path of open) {
        expect((await client(path)).status).toBe(200)
      }
    }
  })

  const guarded = gatewayWith({ ETCDURABLE_TOKEN: 'correct horse' })
  const asking = (path: string, authorization?: string): Promise<Response> =>
    guarded(path, {
      method: 'POST',
      body: JSON.stringify({ key: base64('access') }),
      ...(authorization === undefined ? {} : { headers: { Authorization: authorization } }),
    })

  it.each([undefined, '', 'Bearer', 'Bearer correct hors', 'Basic correct horse'])(
    '[GTW28] is refused with an Authorization of %s',
    async (authorization) => {
      for (const path of paths) {
        const response = await asking(path, authorization)
        expect(response.status).toBe(401)
        const message = 'an access token is needed: send it as `Authorization: Bearer <token>`'
        expect(await response.json()).toEqual({ code: 16, message })
        expect(response.headers.get('WWW-Authenticate')).toBe(message)
      }
      for (const path of open) {
        expect((await guarded(path)).status).toBe(200)
      }
    },
  )

  it('[GTW28] is granted with the secret', async () => {
    expect((await asking('/v3/kv/range', 'Bearer correct horse')).status).toBe(200)
  })

  it('[GTW28] is free in the embedded start, unless that has a secret too', async () => {
    expect((await ask('/health')).status).toBe(200)
    const embedded = gatewayWith({ EMBEDDED: 'true', ETCDURABLE_TOKEN: 'secret' })
    expect((await embedded('/health')).status).toBe(401)
    expect((await embedded('/livez')).status).toBe(200)
    const headers = { Authorization: 'Bearer secret' }
    expect((await embedded('/health', { headers })).status).toBe(200)
  })
})

describe('a setting that is wrong', () => {
  it('[GTW32] is named in every answer', async () => {
    const wrong = gatewayWith({ EMBEDDED: 'true', ETCD_MAX_TXN_OPS: '-1', ETCD_METRICS: 'all' })
    for (const path of ['/version', '/livez', '/v3/kv/range']) {
      const response = await wrong(path)
      expect(response.status).toBe(500)
      expect(await response.json()).toEqual({
        code: 13,
        message: 'ETCD_MAX_TXN_OPS must not be negative; ETCD_METRICS must be basic or extensive',
      })
    }
  })
})
