import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { regions } from '../../src/config/region.ts'
import { encode } from '../../src/protocol/binary.ts'
import { ask, base64, post, until } from './client.ts'

interface Listed {
  readonly leader: { readonly region?: string; readonly epoch: number; readonly revision: number }
  readonly replicas: readonly { readonly region: string; readonly state: string }[]
}

const list = async (name: string): Promise<Listed> =>
  (await ask(`/keyspaces/${name}/replicas`)).json()

const put = (name: string, key: string, value = 'v') =>
  post(`/keyspaces/${name}/v3/kv/put`, { key: base64(key), value: base64(value) })

const report = async (name: string, region: string) =>
  env.REPLICA.getByName(`${name}@${region}`).report()

describe('replicas', () => {
  it('[LDR2] are added, listed and removed, and follow the leader', async () => {
    await post('/keyspaces', { name: 'followed' })
    await put('followed', 'a')
    const added = await post('/keyspaces/followed/replicas', { region: 'weur' })
    expect([added.status, await added.json()]).toMatchObject([
      201,
      { region: 'weur', state: 'unknown' },
    ])
    await until(async () => (await report('followed', 'weur')).revision === 2)
    console.log(JSON.stringify(await list('followed')), await report('followed', 'weur'))
    await put('followed', 'b')
    console.log(JSON.stringify(await list('followed')), await report('followed', 'weur'))
  })
})
