import { describe, expect, it } from 'vitest'
import { routes } from '../../src/protocol/methods.ts'
import { ask, base64, post } from './client.ts'

const cors = {
  'access-control-allow-headers': 'accept, content-type, authorization',
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
  'access-control-allow-origin': '*',
}

const goNotFound = {
  ...cors,
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
}

function headersOf(response: Response): Record<string, string> {
  const { 'content-length': _, date, ...headers } = Object.fromEntries(response.headers)
  expect(date).toMatch(/ GMT$/)
  return headers
}

describe('the paths of the gateway', () => {
  it.each(Object.keys(routes))('[GTW1] %s knows POST alone', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await ask(path, { method })
      expect(response.status).toBe(501)
      expect(await response.json()).toEqual({ code: 12, message: 'Method Not Allowed' })
    }
  })

  it.each(['/v3/', '/v3/kv', '/v3/kv/put/', '/v3/kv/rangestream', '/v3beta/nothing'])(
    '[GTW2] %s is not found, in JSON',
    async (path) => {
      const response = await post(path, {})
      expect(response.status).toBe(404)
      expect(await response.text()).toBe('{"code":5,"message":"Not Found"}')
      expect(headersOf(response)).toEqual({ ...cors, 'content-type': 'application/json' })
    },
  )

  it.each(['/', '/nowhere', '/v2/keys', '/v3alpha/kv/put', '/version/', '/health/x', '/members'])(
    '[GTW2] %s is not found, as in Go',
    async (path) => {
      const response = await ask(path)
      expect(response.status).toBe(404)
      expect(await response.text()).toBe('404 page not found\n')
      expect(headersOf(response)).toEqual(goNotFound)
    },
  )

  it('[GTW3] begin with /v3beta as well', async () => {
    const response = await post('/v3beta/kv/range', { key: base64('beta') })
    expect(response.status).toBe(200)
    expect((await ask('/v3beta/kv/range')).status).toBe(501)
  })

  it('[GTW3] may be escaped', async () => {
    expect((await post('/v3/kv/%72ange', { key: base64('escaped') })).status).toBe(200)
  })

  it('[GTW4] are redirected to from untidy ones', async () => {
    const untidy = await post('/v3/kv//range?x=1', {})
    expect(untidy.status).toBe(307)
    expect(untidy.headers.get('Location')).toBe('/v3/kv/range?x=1')
    expect(await untidy.text()).toBe('')
    const bare = await ask('/v3')
    expect(bare.status).toBe(307)
    expect(await bare.text()).toBe('<a href="/v3/">Temporary Redirect</a>.\n\n')
  })
})

describe('the headers of a call', () => {
  it('[GTW5] name the content type of gRPC when it succeeds', async () => {
    const response = await post('/v3/kv/range', { key: base64('headers') })
    expect(headersOf(response)).toEqual({
      ...cors,
      'content-type': 'application/json',
      'grpc-metadata-content-type': 'application/grpc',
    })
  })

  it('[GTW5] do not when it is refused', async () => {
    const response = await post('/v3/kv/range', {})
    expect(response.status).toBe(400)
    expect(await response.text()).toBe('{"code":3,"message":"etcdserver: key is not provided"}')
    expect(headersOf(response)).toEqual({ ...cors, 'content-type': 'application/json' })
  })

  it('[GTW6] make no difference to how the body is read', async () => {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    expect((await post('/v3/kv/range', { key: base64('form') }, type)).status).toBe(200)
  })
})

const range = (timeout: string): Promise<Response> =>
  post('/v3/kv/range', { key: base64('timeout') }, { 'Grpc-Timeout': timeout })

describe('a Grpc-Timeout', () => {
  it.each(['1', 'S', '1s', '1.5S', 'xx', '9223372036854775808S'])(
    '[GTW8] of %s is malformed',
    async (timeout) => {
      const response = await range(timeout)
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({
        code: 3,
        message: `invalid grpc-timeout: ${timeout}`,
      })
    },
  )

  it.each(['-1S', '1n', '100u'])('[GTW8] of %s has passed already', async (timeout) => {
    const response = await range(timeout)
    expect(response.status).toBe(504)
    expect(await response.json()).toEqual({ code: 4, message: 'context deadline exceeded' })
  })

  it.each(['', '0S', '+1H', '99999999H', '9223372036854775807S'])(
    '[GTW8] of "%s" leaves time enough',
    async (timeout) => {
      expect((await range(timeout)).status).toBe(200)
    },
  )
})
