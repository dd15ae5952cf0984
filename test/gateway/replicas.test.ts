import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/protocol/status.ts'
import { ask, base64, post, until } from './client.ts'

interface Listed {
  readonly leader: { readonly region?: string; readonly epoch: number; readonly revision: number }
  readonly replicas: readonly { readonly region: string; readonly state: string }[]
}

const list = async (name: string): Promise<Listed> =>
  (await ask(`/keyspaces/${name}/replicas`)).json()

const put = (name: string, key: string) =>
  post(`/keyspaces/${name}/v3/kv/put`, { key: base64(key), value: base64('v') })

async function followed(name: string, region: string): Promise<Response> {
  const added = await post(`/keyspaces/${name}/replicas`, { region })
  await until(async () => {
    const report = await env.REPLICA.getByName(`${name}@${region}`).report()
    return 'isWhole' in report && report.isWhole
  })
  return added
}

const remove = (name: string, region: string): Promise<Response> =>
  ask(`/keyspaces/${name}/replicas/${region}`, { method: 'DELETE' })

describe('the API of replicas', () => {
  it('[LDR2] adds, lists and removes them', async () => {
    await post('/keyspaces', { name: 'followed' })
    expect((await ask('/keyspaces/followed')).status).toBe(200)
    await put('followed', 'a')
    const added = await followed('followed', 'weur')
    expect([added.status, await added.json()]).toMatchObject([
      201,
      { region: 'weur', state: 'unknown' },
    ])
    expect(await list('followed')).toMatchObject({
      leader: { epoch: 1, revision: 2 },
      replicas: [{ region: 'weur', state: 'asleep' }],
    })
    expect(await (await ask('/keyspaces/followed')).json()).toMatchObject({
      name: 'followed',
      leader: { epoch: 1 },
      replicas: [{ region: 'weur' }],
    })
    expect((await remove('followed', 'weur')).status).toBe(204)
    expect((await list('followed')).replicas).toEqual([])
    expect(await (await ask('/keyspaces/followed')).json()).not.toHaveProperty('replicas')
  })

  it('[LDR2] refuses what cannot be', async () => {
    await post('/keyspaces', { name: 'few' })
    await followed('few', 'weur')
    const answers = [
      await post('/keyspaces/few/replicas', { region: 'weur' }),
      await post('/keyspaces/few/replicas', { region: 'mars' }),
      await post('/keyspaces/none/replicas', { region: 'weur' }),
      await remove('few', 'apac'),
      await remove('few', 'mars'),
      await post('/keyspaces/few/leader', { region: 'apac' }),
      await post('/keyspaces/few/leader', {}),
      await ask('/keyspaces/none/replicas'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([409, 400, 404, 404, 404, 404, 400, 404])
    expect(await answers[0]?.json()).toEqual({
      code: 6,
      message: statusOf('replica-exists').message,
    })
  })

  it('[LDR2] moves the leader, whom the gateway finds where it is then', async () => {
    await post('/keyspaces', { name: 'moving' })
    await put('moving', 'a')
    await followed('moving', 'weur')
    const moved = await post('/keyspaces/moving/leader', { region: 'weur' })
    expect([moved.status, await moved.json()]).toEqual([
      200,
      { region: 'weur', epoch: 2, revision: 2, isWhole: true, missing: 0 },
    ])
    expect((await put('moving', 'b')).status).toBe(200)
    expect(await list('moving')).toMatchObject({
      leader: { region: 'weur', epoch: 2, revision: 3 },
      replicas: [],
    })
    expect((await remove('moving', 'weur')).status).toBe(400)
    const again = await post('/keyspaces/moving/leader', { region: 'weur' })
    expect([again.status, await again.json()]).toEqual([
      400,
      { code: 9, message: statusOf('replica-leads').message },
    ])
  })
})
