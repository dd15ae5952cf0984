import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { gateway } from '../../src/gateway/app.ts'
import { keyspaceAddress } from '../../src/gateway/keyspace-address.ts'

type Find = (name: string) => Promise<object | undefined>

/** A gateway before a directory that answers so, and shards that are asked for by name. */
function gatewayBefore(find: Find): {
  readonly environment: Env
  readonly asked: string[]
  readonly shards: string[]
} {
  const asked: string[] = []
  const shards: string[] = []
  const directory = {
    find: (name: string) => {
      asked.push(name)
      return find(name)
    },
  }
  const named = (prefix: string) => (name: string) => {
    shards.push(`${prefix}${name}`)
    return env.SHARD.getByName(name)
  }
  const SHARD = {
    getByName: named(''),
    jurisdiction: (place: string) => ({ getByName: named(`${place}/`) }),
  } as unknown as Env['SHARD']
  const DIRECTORY = { getByName: () => directory } as unknown as Env['DIRECTORY']
  return { environment: { ...env, EMBEDDED: 'true', SHARD, DIRECTORY }, asked, shards }
}

const range = (environment: Env, name: string): Promise<Response> => {
  const url = `http://store.example.com/keyspaces/${name}/v3/kv/range`
  const body = '{"key":"YQ=="}'
  return gateway.fetch(new Request(url, { method: 'POST', body }), environment)
}

describe('the address of a keyspace', () => {
  it('[KSP15] is asked of the directory once, and again when the shard knows of none', async () => {
    const place = { name: 'known', jurisdiction: undefined }
    const { environment, asked } = gatewayBefore(() => Promise.resolve(place))
    const shard = env.SHARD.getByName('known')
    await shard.create({ created: 1 })
    expect((await range(environment, 'known')).status).toBe(200)
    expect((await range(environment, 'known')).status).toBe(200)
    expect(asked).toEqual(['known'])
    await (async () => shard.destroy())().catch(() => undefined)
    expect((await range(environment, 'known')).status).toBe(404)
    expect(asked).toEqual(['known'])
    expect((await range(environment, 'known')).status).toBe(404)
    expect(asked).toEqual(['known', 'known'])
  })

  it('[KSP15] that is none is asked for each time, and that of default never', async () => {
    const { environment, asked, shards } = gatewayBefore(() => Promise.resolve(undefined))
    expect((await range(environment, 'unknown')).status).toBe(404)
    expect((await range(environment, 'unknown')).status).toBe(404)
    expect(shards).toEqual([])
    expect((await range(environment, 'default')).status).toBe(200)
    expect(asked).toEqual(['unknown', 'unknown'])
  })

  it('[KSP16] leads into its jurisdiction', async () => {
    const place = { name: 'ours', jurisdiction: 'eu' }
    const { environment, shards } = gatewayBefore(() => Promise.resolve(place))
    await env.SHARD.getByName('ours').create({ created: 1 })
    expect((await range(environment, 'ours')).status).toBe(200)
    expect(shards).toEqual(['eu/ours'])
  })

  it('[KSP15] is remembered of so many keyspaces as an isolate can serve', async () => {
    const { environment, asked } = gatewayBefore((name) =>
      Promise.resolve({ name, jurisdiction: undefined }),
    )
    for (let n = 0; n < 10_001; n++) {
      await keyspaceAddress(`k${n}`, environment)
    }
    await keyspaceAddress('k10000', environment)
    expect(asked.length).toBe(10_001)
    await keyspaceAddress('k0', environment)
    expect(asked.length).toBe(10_002)
  })
})
