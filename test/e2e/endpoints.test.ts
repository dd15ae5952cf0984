import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HttpAnswer, parseObject, send } from './http.ts'
import { Target } from './target.ts'
import { Keyspace } from './watch-session.ts'

let target: Target
const keyspace = new Keyspace(() => target.url)

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

const get = (path: string): Promise<HttpAnswer> => send(target.url, { method: 'GET', path })

const line = (check: string): string => `[+]${check} ok\n`

const plainText = 'text/plain; charset=utf-8'
const notFound = { status: 404, body: '404 page not found\n', type: plainText }

function seen(answer: HttpAnswer): { status: number; body: string; type: string | undefined } {
  return { status: answer.status, body: answer.body, type: answer.headers['content-type'] }
}

describe('/version', () => {
  it('[END5] tells the versions without a newline', async () => {
    expect(seen(await get('/version'))).toEqual({
      status: 200,
      body: '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}',
      type: 'application/json',
    })
  })
})

describe.each([
  '/version',
  '/health',
  '/livez',
  '/readyz',
  '/livez/serializable_read',
  '/debug/vars',
])('%s', (path) => {
  it.each(['POST', 'PUT', 'HEAD', 'DELETE'])('[END6] refuses %s', async (method) => {
    const answer = await send(target.url, { method, path, body: '' })
    expect(answer).toMatchObject({
      status: 405,
      headers: { 'allow': 'GET', 'content-type': plainText, 'x-content-type-options': 'nosniff' },
      body: method === 'HEAD' ? '' : 'Method Not Allowed\n',
    })
  })

  it('[END6] ignores unknown parameters', async () => {
    expect(await get(`${path}?nope=1`)).toMatchObject({ status: 200 })
  })

  it('[END6] is another path with a slash at its end', async () => {
    expect(seen(await get(`${path}/`))).toEqual(notFound)
  })
})

describe('/health', () => {
  const healthy = { status: 200, body: '{"health":"true","reason":""}', type: plainText }

  it.each(['', '?exclude=NOSPACE', '?exclude=NOPE', '?serializable=true', '?serializable=x'])(
    '[END7] is plain text without a newline: "%s"',
    async (query) => {
      const answer = await get(`/health${query}`)
      expect(seen(answer)).toEqual(healthy)
      expect(answer.headers['x-content-type-options']).toBeUndefined()
    },
  )

  it.each(['NOSPACE', 'CORRUPT'])('[END7] tells the alarm %s, unless excluded', async (alarm) => {
    const raised = { alarm, memberID: '1' }
    await keyspace.call('/v3/maintenance/alarm', { action: 'ACTIVATE', ...raised })
    try {
      const answer = await get('/health')
      expect(seen(answer)).toEqual({
        status: 503,
        body: `{"health":"false","reason":"ALARM ${alarm}"}\n`,
        type: plainText,
      })
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(await get('/health?exclude=NOPE')).toMatchObject({ status: 503 })
      expect(seen(await get(`/health?exclude=NOPE&exclude=${alarm}`))).toEqual(healthy)
    } finally {
      await keyspace.call('/v3/maintenance/alarm', { action: 'DEACTIVATE', ...raised })
    }
    expect(seen(await get('/health'))).toEqual(healthy)
  })
})

describe('/livez and /readyz', () => {
  const ok = { status: 200, body: 'ok\n', type: plainText }
  const all = ['data_corruption', 'serializable_read', 'linearizable_read', 'non_learner']

  it.each([
    '/livez',
    '/readyz',
    '/livez/serializable_read',
    ...all.map((check) => `/readyz/${check}`),
    '/livez?exclude=serializable_read',
    '/livez?exclude=serializable_read&verbose',
    `/readyz?verbose&${all.map((check) => `exclude=${check}`).join('&')}`,
  ])('[END8] %s is ok', async (path) => {
    const answer = await get(path)
    expect(seen(answer)).toEqual(ok)
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
  })

  it.each([
    ['/livez?verbose', ['serializable_read']],
    ['/livez?verbose=false', ['serializable_read']],
    ['/livez?verbose&exclude=nope', ['serializable_read']],
    ['/readyz/data_corruption?exclude=data_corruption&verbose', ['data_corruption']],
    ['/readyz?verbose&exclude=data_corruption', all.slice(1)],
    ['/readyz?verbose', all],
  ])('[END9] %s lists its checks, in any order', async (path, checks) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    const lines = answer.body.split('\n').map((text) => `${text}\n`)
    expect(new Set(lines)).toEqual(new Set([...checks.map(line), 'ok\n', '\n']))
    expect(answer.body.endsWith('\nok\n')).toBe(true)
  })

  it.each(['/livez/linearizable_read', '/livez/nope', '/readyz/nope'])(
    '[END9] %s is no check',
    async (path) => expect(seen(await get(path))).toEqual(notFound),
  )

  it('[END10] a failed check is told with all others, and a newline more', async () => {
    const corrupt = { alarm: 'CORRUPT', memberID: '1' }
    await keyspace.call('/v3/maintenance/alarm', { action: 'ACTIVATE', ...corrupt })
    try {
      const answer = await get('/readyz')
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'content-type': plainText, 'x-content-type-options': 'nosniff' },
      })
      const failed = '[-]data_corruption failed: alarm activated: CORRUPT\n'
      const lines = answer.body.split('\n').map((text) => `${text}\n`)
      expect(new Set(lines)).toEqual(new Set([failed, ...all.slice(1).map(line), '\n']))
      expect(answer.body.endsWith('\n\n')).toBe(true)
      expect(await get('/readyz?exclude=data_corruption')).toMatchObject({ status: 200 })
      expect(seen(await get('/livez'))).toEqual(ok)
    } finally {
      await keyspace.call('/v3/maintenance/alarm', { action: 'DEACTIVATE', ...corrupt })
    }
    expect(seen(await get('/readyz'))).toEqual(ok)
  })
})

describe('/debug/vars', () => {
  it('[END11] is a JSON object with the command line and the state of the leader', async () => {
    const answer = await get('/debug/vars')
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    const vars = parseObject(answer.body)
    expect(vars).toMatchObject({ 'raft.status': { raftState: 'StateLeader' } })
    expect(vars['cmdline']).toBeInstanceOf(Array)
    expect(vars['memstats']).toBeTypeOf('object')
  })
})

describe('other paths', () => {
  it.each([
    '/',
    '/nope',
    '/v2/keys',
    '/v3alpha/kv/range',
    '/v3beta',
    '/debug',
    '/members',
    '/V3/kv/range',
  ])('[END12] %s is not found, in text', async (path) => {
    const answer = await send(target.url, { path, body: '{}' })
    expect(seen(answer)).toEqual(notFound)
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(seen(await get(path))).toEqual(notFound)
  })

  it.each([
    '/v3/',
    '/v3/nope',
    '/v3/kv',
    '/v3/kv/range/',
    '/v3/kv/range:x',
    '/v3/kv/rangestream',
    '/v3beta/nope',
  ])('[END12] %s is not found, in JSON', async (path) => {
    expect(seen(await send(target.url, { path, body: '{"key":"YQ=="}' }))).toEqual({
      status: 404,
      body: '{"code":5,"message":"Not Found"}',
      type: 'application/json',
    })
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])(
    '[END13] %s is not implemented by an RPC',
    async (method) => {
      const paths = ['/v3/kv/range', '/v3/kv/put?key=YQ==', '/v3/watch', '/v3/lease/keepalive']
      for (const path of paths) {
        expect(seen(await send(target.url, { method, path, body: '{}' }))).toEqual({
          status: 501,
          body: '{"code":12,"message":"Method Not Allowed"}',
          type: 'application/json',
        })
      }
    },
  )

  it('[END14] /v3beta is /v3', async () => {
    await keyspace.put('beta', '1')
    const body = `{"key":"${Buffer.from('beta').toString('base64')}"}`
    const beta = await send(target.url, { path: '/v3beta/kv/range', body })
    expect(beta.body).toBe((await send(target.url, { path: '/v3/kv/range', body })).body)
    expect(await send(target.url, { path: '/v3beta/lease/leases', body: '{}' })).toMatchObject({
      status: 200,
    })
  })
})

describe('headers of every answer', () => {
  const cors = {
    'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'accept, content-type, authorization',
  }

  it.each([
    ['GET', '/version', 200],
    ['GET', '/health', 200],
    ['GET', '/metrics', 200],
    ['GET', '/debug/vars', 200],
    ['POST', '/v3/kv/range', 400],
    ['POST', '/v3/lease/leases', 200],
    ['POST', '/v3/lease/keepalive', 200],
    ['PUT', '/v3/kv/range', 501],
    ['POST', '/v3/nope', 404],
    ['POST', '/nope', 404],
    ['POST', '/version', 405],
  ])('[END15] allow any origin: %s %s', async (method, path, status) => {
    const answer = await send(target.url, {
      method,
      path,
      ...(method === 'GET' ? {} : { body: '{}' }),
      headers: { origin: 'http://a.example' },
    })
    expect(answer).toMatchObject({ status, headers: cors })
  })

  it.each(['/version', '/v3/kv/range', '/v3/nope', '/nope'])(
    '[END16] OPTIONS %s is empty and allows any origin',
    async (path) => {
      const answer = await send(target.url, { method: 'OPTIONS', path })
      expect(answer).toMatchObject({ status: 200, headers: cors, body: '' })
    },
  )

  it('[END17] tell an RPC that succeeded from one that did not', async () => {
    const good = await send(target.url, { path: '/v3/kv/range', body: '{"key":"YQ=="}' })
    expect(good.headers['grpc-metadata-content-type']).toBe('application/grpc')
    const bad = await send(target.url, { path: '/v3/kv/range', body: '{}' })
    expect(bad.headers['grpc-metadata-content-type']).toBeUndefined()
  })
})
