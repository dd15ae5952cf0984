import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { SESSION_PROTOCOL } from '../../src/protocol/frames.ts'
import { base64, gatewayWith, until } from './client.ts'

const SECRET = 'correct horse'
const guarded = gatewayWith({ ETCDURABLE_TOKEN: SECRET })

interface Token {
  readonly id: string
  readonly token: string
}

interface TokenList {
  readonly tokens: readonly { readonly id: string }[]
}

function ask(
  method: string,
  path: string,
  { body, token = SECRET }: { readonly body?: object; readonly token?: string } = {},
): Promise<Response> {
  return guarded(path, {
    method,
    headers: { Authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function create(path: string, body: object = {}): Promise<Token> {
  const response = await ask('POST', path, { body })
  expect(response.status).toBe(201)
  return response.json<Token>()
}

const rangeStatus = async (path: string, token: string): Promise<number> =>
  (await ask('POST', path, { body: { key: base64('a') }, token })).status

beforeAll(async () => {
  await ask('POST', '/keyspaces', { body: { name: 'tokens' } })
})

describe('the API of access tokens', () => {
  it('[DOR18] creates, lists and revokes those of a keyspace', async () => {
    const path = '/keyspaces/tokens/tokens'
    const wanted = { description: 'one', access: 'read-only', commonNames: true }
    const { token, ...shown } = await create(path, { ...wanted, ttlSeconds: 60 })
    expect(shown).toEqual({
      ...wanted,
      id: expect.stringMatching(/^[\da-f]{16}$/) as string,
      created: expect.any(String) as string,
      expires: expect.any(String) as string,
    })
    expect(token).toContain(`_${shown.id}_`)
    expect(await (await ask('GET', path)).json()).toEqual({ tokens: [shown] })
    expect(await rangeStatus('/keyspaces/tokens/v3/kv/range', token)).toBe(200)
    expect(await rangeStatus('/v3/kv/range', token)).toBe(401)
    expect((await ask('DELETE', `${path}/${shown.id}`)).status).toBe(204)
    expect((await ask('DELETE', `${path}/${shown.id}`)).status).toBe(404)
    expect(await rangeStatus('/keyspaces/tokens/v3/kv/range', token)).toBe(401)
  })

  it("[DOR18] creates, lists and revokes administrators'", async () => {
    const { token, ...shown } = await create('/tokens')
    expect(shown).toEqual({
      id: expect.any(String) as string,
      description: '',
      created: expect.any(String) as string,
    })
    const { tokens } = await (await ask('GET', '/tokens', { token })).json<TokenList>()
    expect(tokens).toContainEqual(shown)
    expect((await ask('DELETE', `/tokens/${shown.id}`, { token })).status).toBe(204)
    expect((await ask('GET', '/tokens', { token })).status).toBe(401)
    expect((await ask('DELETE', `/tokens/${shown.id}`)).status).toBe(404)
  })

  it('[DOR18] refuses what is wrong, and says what about it', async () => {
    const wrong: readonly (readonly [string, object, string])[] = [
      ['/tokens', { access: 'read-only' }, 'Unrecognized key: "access"'],
      ['/tokens', { ttlSeconds: 0 }, 'ttlSeconds: '],
      ['/keyspaces/tokens/tokens', { access: 'all' }, 'access: '],
      ['/keyspaces/tokens/tokens', { description: 'x'.repeat(201) }, 'description: '],
    ]
    for (const [path, body, message] of wrong) {
      const response = await ask('POST', path, { body })
      expect(response.status).toBe(400)
      expect((await response.json<{ message: string }>()).message).toContain(message)
    }
    for (const path of ['/keyspaces/none/tokens', '/keyspaces/no%2fne/tokens']) {
      expect((await ask('GET', path)).status).toBe(404)
      expect((await ask('POST', path, { body: {} })).status).toBe(404)
    }
    expect((await ask('DELETE', '/tokens/../tokens')).status).toBe(405)
    expect((await ask('DELETE', '/tokens/1')).status).toBe(404)
  })

  it('[DOR14] ends the sessions of an administrator whose token is revoked, wherever they are', async () => {
    const { id, token } = await create('/tokens')
    const ended: string[] = []
    for (const prefix of ['', '/keyspaces/tokens']) {
      const response = await guarded(`${prefix}/session`, {
        headers: {
          'Upgrade': 'websocket',
          'Sec-WebSocket-Protocol': SESSION_PROTOCOL,
          'Authorization': `Bearer ${token}`,
        },
      })
      const socket = response.webSocket
      socket?.accept()
      socket?.addEventListener('close', ({ code }) => ended.push(`${prefix} ${code}`))
    }
    await evictDurableObject(env.SHARD.getByName('tokens'))
    expect((await ask('DELETE', `/tokens/${id}`)).status).toBe(204)
    await until(() => ended.length === 2)
    expect(ended.toSorted()).toEqual([' 1008', '/keyspaces/tokens 1008'])
  })
})
