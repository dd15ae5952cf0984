import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { keyspacePath } from '../../src/gateway-rules/keyspace-path.ts'
import { gateway } from '../../src/gateway/app.ts'
import { ask, base64, post, put } from './client.ts'

const notFound = { code: 5, message: 'keyspace not found' }

/** What no keyspace may be called, as it would stand in a path. */
const wrongNames: readonly string[] = [
  '',
  '-',
  'a-',
  '-a',
  'a_b',
  'a.b',
  '.',
  '..',
  'A',
  'Default',
  'ｄefault',
  'dеfault',
  'a'.repeat(64),
  'a'.repeat(2048),
  'a b',
  'a\0',
  'a\n',
  'a%00',
  'a%2fb',
  'a%2Fb',
  '%61',
  'default%00',
  'default%0a',
  '%2e%2e',
  '%2e%2e%2fdefault',
  '..%2fdefault',
  '%64efault',
  'default;a',
  'default:1',
  'default\\',
]

describe('a keyspace by its path', () => {
  it('[KSP1] has the paths that the default one has without it', async () => {
    await put('by-path', 'v')
    const response = await post('/keyspaces/default/v3/kv/range', { key: base64('by-path') })
    expect(response.headers.get('Grpc-Metadata-Content-Type')).toBe('application/grpc')
    expect(await response.json()).toMatchObject({ count: '1' })
    const beta = await post('/keyspaces/default/v3beta/kv/range?x=1', { key: base64('by-path') })
    expect(await beta.json()).toMatchObject({ count: '1' })
    for (const path of [
      '/version',
      '/health',
      '/health?exclude=NOSPACE',
      '/livez',
      '/readyz/non_learner',
      '/debug/vars',
    ]) {
      const [plain, prefixed] = [await ask(path), await ask(`/keyspaces/default${path}`)]
      expect(prefixed.status).toBe(200)
      expect(await prefixed.text()).toBe(await plain.text())
    }
    expect(await (await ask('/keyspaces/default/metrics')).text()).toContain(
      'etcd_server_has_leader',
    )
    expect((await ask('/keyspaces/default/session')).status).toBe(426)
  })

  it('[KSP2] that was not created is not found, whatever is asked of it', async () => {
    for (const path of [
      '/v3/kv/put',
      '/v3/nothing',
      '/version',
      '/livez',
      '/metrics',
      '/session',
    ]) {
      const response = await ask(`/keyspaces/never-created${path}`, {
        headers: { Upgrade: 'websocket' },
      })
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual(notFound)
    }
  })

  it.each(wrongNames)('[KSP2] is not %j', async (name) => {
    const path = `/keyspaces/${name}/v3/kv/put`
    const { keyspace } = keyspacePath(path)
    expect(keyspace).toBe(name)
    // As it is: a `Request` would resolve dots and encode the rest.
    const request = new Proxy(new Request('http://store.example.com', { method: 'POST' }), {
      get: (target, property) =>
        property === 'url'
          ? `http://store.example.com${path}`
          : (Reflect.get(target, property) as unknown),
    })
    const response = await gateway.fetch(request, { ...env, EMBEDDED: 'true' })
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual(notFound)
  })

  it('[KSP2] is not what a path makes of itself further on', () => {
    for (const path of [
      '/keyspaces',
      '/keyspaces/',
      '/keyspaces/a',
      '/keyspaces/a/',
      '/keyspaces/a/tokens',
      '/keyspaces/a/keyspaces/b/v3/kv/put',
      '/keyspaces//a/v3/kv/put',
      '/Keyspaces/a/v3/kv/put',
      '/v3/keyspaces/a/v3/kv/put',
      '//keyspaces/a/v3/kv/put',
      '/%6beyspaces/a/v3/kv/put',
      '/keyspaces/a/v3alpha/kv/put',
      '/keyspaces/a/%763/kv/put',
      '/keyspaces/a/healthz',
    ]) {
      expect(keyspacePath(path)).toEqual({ keyspace: 'default', place: undefined, path })
    }
  })

  it('[KSP3] redirects to a clean path of its own', async () => {
    const response = await ask('/keyspaces/default/v3//kv/put?x=1', {
      method: 'POST',
      redirect: 'manual',
    })
    expect(response.status).toBe(307)
    expect(response.headers.get('Location')).toBe('/keyspaces/default/v3/kv/put?x=1')
  })
})
