import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
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

async function followed(name: string, region: string): Promise<void> {
  const added = await post(`/keyspaces/${name}/replicas`, { region })
  expect(added.status).toBe(201)
  await until(async () => {
    const said = await report(name, region)
    return 'isWhole' in said && said.isWhole
  })
}

describe('replicas', () => {
  it('[LDR2] are added, listed and removed, and follow the leader', async () => {
    await post('/keyspaces', { name: 'followed' })
    await put('followed', 'a')
    await followed('followed', 'weur')
    expect(await list('followed')).toMatchObject({
      leader: { epoch: 1, revision: 2 },
      replicas: [{ region: 'weur', state: 'asleep' }],
    })
  })

  it('[LDR3] a planned promotion loses nothing, and the gateway finds the new leader', async () => {
    await post('/keyspaces', { name: 'moved' })
    await put('moved', 'a')
    await followed('moved', 'weur')
    await followed('moved', 'apac')
    await put('moved', 'b')
    const promoted = await post('/keyspaces/moved/leader', { region: 'weur' })
    console.log(promoted.status, await promoted.text())
    console.log(JSON.stringify(await list('moved')))
    console.log((await put('moved', 'c')).status)
    console.log(JSON.stringify(await list('moved')), await report('moved', 'apac'))
  })
})
