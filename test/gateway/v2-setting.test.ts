import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { ask, gatewayWith, post } from './client.ts'

const notFound = [404, '404 page not found\n']

async function send(
  method: string,
  path: string,
  client = ask,
): Promise<readonly [status: number, text: string]> {
  const response = await client(path, { method })
  return [response.status, await response.text()]
}

const change = (name: string, body: string): Promise<Response> =>
  ask(`/keyspaces/${name}`, { method: 'PATCH', body })

async function changed(name: string, enableV2: boolean | null): Promise<unknown> {
  const response = await change(name, JSON.stringify({ enableV2 }))
  expect(response.status).toBe(200)
  return response.json()
}

describe('the v2 API of a keyspace', () => {
  it('[V2K19] is not there by default, whatever is asked of it', async () => {
    await post('/keyspaces', { name: 'off' })
    for (const [method, path] of [
      ['GET', 'keys/a'],
      ['PUT', 'keys/a?value=x'],
      ['PUT', 'keys/a?ttl=nonsense'],
      ['GET', 'keys/a?wait=true'],
      ['PATCH', 'keys/a'],
      ['GET', 'machines'],
      ['POST', 'machines'],
      ['GET', 'members'],
      ['POST', 'members'],
      ['GET', 'stats/store'],
      ['GET', 'auth/enable'],
      ['PUT', 'auth/users/u'],
      ['POST', 'auth/users'],
      ['GET', 'auth/roles/a/b'],
      ['GET', 'nothing'],
    ] as const) {
      expect(await send(method, `/keyspaces/off/v2/${path}`), `${method} ${path}`).toEqual(notFound)
    }
  })

  it('[V2K35] is there where it was made with it, and in no other keyspace', async () => {
    const made = await post('/keyspaces', { name: 'on', enableV2: true })
    expect(await made.json()).toMatchObject({ enableV2: true })
    expect(await (await ask('/keyspaces/on')).json()).toMatchObject({ enableV2: true })
    expect(await send('PUT', '/keyspaces/on/v2/keys/a')).toMatchObject({ 0: 201 })
    expect(await send('GET', '/v2/keys/a')).toEqual(notFound)
    // It is the keyspace that knows, and not the gateway's deployment.
    const others = gatewayWith({ EMBEDDED: 'true', ETCD_ENABLE_V2: 'true' })
    expect(await send('GET', '/v2/keys/a', others)).toEqual(notFound)
  })

  it('[V2K35][API7] comes and goes by a change, which ends who waits', async () => {
    await post('/keyspaces', { name: 'changed' })
    expect(await changed('changed', true)).toMatchObject({ name: 'changed', enableV2: true })
    expect(await send('PUT', '/keyspaces/changed/v2/keys/a?value=1')).toMatchObject({ 0: 201 })
    const waiting = await ask('/keyspaces/changed/v2/keys/a?wait=true')
    expect(await changed('changed', false)).toMatchObject({ enableV2: false })
    expect(await waiting.text()).toBe('')
    expect(await send('GET', '/keyspaces/changed/v2/keys/a')).toEqual(notFound)
    expect(await changed('changed', null)).not.toHaveProperty('enableV2')
    expect(await send('GET', '/keyspaces/changed/v2/keys/a')).toEqual(notFound)
    await changed('changed', true)
    const [, text] = await send('GET', '/keyspaces/changed/v2/keys/a')
    expect(text).toContain('"value":"1"')
  })

  it('[V2K35] is the one of the default keyspace too, over an eviction', async () => {
    expect(await changed('default', true)).toEqual({
      name: 'default',
      state: 'ready',
      enableV2: true,
    })
    await send('PUT', '/v2/keys/a?value=1')
    await evictDurableObject(env.SHARD.getByName('default'))
    expect((await send('GET', '/v2/keys/a'))[0]).toBe(200)
    await changed('default', null)
    expect(await send('GET', '/v2/keys/a')).toEqual(notFound)
  })

  it('[V2K35] comes along with a fork, unless that says otherwise', async () => {
    await post('/keyspaces', { name: 'source', enableV2: true })
    for (const [name, options, is] of [
      ['like', {}, true],
      ['unlike', { enableV2: false }, false],
    ] as const) {
      const source = { keyspace: 'source', live: true }
      const begun = await post(`/keyspaces/${name}/restores`, { ...options, source })
      const { id } = await begun.json<{ id: string }>()
      for (let state = ''; state !== 'ready';) {
        const path = `/keyspaces/${name}/restores/${id}/advance`
        state = (await (await ask(path, { method: 'POST' })).json<{ state: string }>()).state
      }
      expect(await (await ask(`/keyspaces/${name}`)).json()).toMatchObject({ enableV2: is })
      expect((await send('GET', `/keyspaces/${name}/v2/keys`))[0]).toBe(is ? 200 : 404)
    }
  })
})

describe('a change of a keyspace', () => {
  it.each([
    ['none', '{"enableV2": true}', 404, 'keyspace not found'],
    ['default', '{}', 400, 'enableV2: '],
    ['default', '{"enableV2": "true"}', 400, 'enableV2: '],
    ['default', '{"enableV2": true, "quotaBackendBytes": 1}', 400, 'quotaBackendBytes'],
    ['default', '', 400, 'the body is not JSON'],
  ])('[API3] of %s by %s is refused with %d', async (name, body, status, reason) => {
    const response = await change(name, body)
    expect(response.status).toBe(status)
    expect((await response.json<{ message: string }>()).message).toContain(reason)
  })
})
