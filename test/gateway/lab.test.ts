import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { EdgeLab } from '../../src/edge-lab/edge-lab.ts'
import { ask, gatewayWith } from './client.ts'

const SECRET = 'a secret of this test'
const guarded = gatewayWith({ ETCDURABLE_TOKEN: SECRET })

describe('the page', () => {
  it('[LAB7] a deployment without a secret refuses it', async () => {
    const open = gatewayWith({})
    for (const path of ['/lab', '/lab/', '/lab/door', '/lab/lab.css', '/lab/events']) {
      expect((await open(path)).status, path).toBe(503)
    }
  })

  it('[LAB7] it is served with all of its files, and nothing beside them', async () => {
    const page = await (await guarded('/lab/')).text()
    const sources = [...page.matchAll(/(?:src|href)="([a-z/.]+\.(?:ts|css))"/g)].map(
      ([, path]) => path,
    )
    expect(sources).toEqual(['lab.css', 'page/main.ts'])
    const main = await guarded('/lab/page/main.ts')
    expect(main.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8')
    const imports = [...(await main.text()).matchAll(/from '(\.[^']+)'/g)].map(([, path]) => path)
    expect(imports.length).toBeGreaterThan(5)
    for (const path of imports) {
      const { pathname } = new URL(path ?? '', 'http://store.example.com/lab/page/')
      expect((await guarded(pathname)).status, pathname).toBe(200)
    }
    for (const path of ['/lab/recorder.ts', '/lab/constructor', '/lab/page/../lab.ts']) {
      expect((await guarded(path)).status, path).toBe(401)
    }
  })

  it('[LAB7] a keyspace’s token opens nothing of it, and another site neither', async () => {
    const created = await env.SHARD.getByName('default').createAccessToken({
      description: '',
      access: 'read-write',
      commonNames: false,
      expires: undefined,
    })
    const Authorization = `Bearer ${'text' in created ? created.text : ''}`
    const asked = { method: 'POST', body: 'weur,enam', headers: { Authorization } }
    expect((await guarded('/lab/start', asked)).status).toBe(403)
    const foreign = { method: 'POST', headers: { Origin: 'http://elsewhere.example.com' } }
    expect((await ask('/lab/start', foreign)).status).toBe(403)
    expect((await ask('/lab/start', { method: 'POST', body: 'weur' })).status).toBe(400)
    expect((await ask('/lab/write', { method: 'POST', body: 'weur' })).status).toBe(409)
    expect((await ask('/lab/other', { method: 'POST' })).status).toBe(404)
  })
})

it('[LAB8] what a lab has made and forgotten is deleted by its alarm, and nothing else', async () => {
  for (const name of ['lab-forgotten', 'kept']) {
    const made = await ask('/keyspaces', { method: 'POST', body: JSON.stringify({ name }) })
    expect(made.status).toBe(201)
  }
  await runInDurableObject(env.LAB.getByName('lab'), async (_, state) => {
    state.storage.sql.exec(`INSERT INTO made (keyspace) VALUES ('lab-forgotten')`)
    await state.storage.setAlarm(Date.now() + 60_000)
    // A deployment's own object has the deployment's secret.
    await new EdgeLab(state, { ...env, EMBEDDED: 'true' }).alarm()
    expect(state.storage.sql.exec('SELECT * FROM made').toArray()).toEqual([])
    expect(await state.storage.getAlarm()).toBeNull()
  })
  const { keyspaces } = await (
    await ask('/keyspaces')
  ).json<{
    readonly keyspaces: readonly { readonly name: string }[]
  }>()
  expect(keyspaces.map(({ name }) => name)).toEqual(['default', 'kept'])
})
