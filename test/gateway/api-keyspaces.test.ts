import { describe, expect, it } from 'vitest'
import { ask, base64, post } from './client.ts'

interface Keyspace {
  readonly name: string
  readonly state: string
}

interface Page {
  readonly keyspaces: readonly Keyspace[]
  readonly next?: string
}

const create = (body: unknown): Promise<Response> => post('/keyspaces', body)
const remove = (name: string): Promise<Response> => ask(`/keyspaces/${name}`, { method: 'DELETE' })

const put = (name: string, key: string) =>
  post(`/keyspaces/${name}/v3/kv/put`, { key: base64(key), value: base64('v') })

describe('the API of keyspaces', () => {
  it('[API1] creates, describes, lists and deletes them', async () => {
    const options = {
      quotaBackendBytes: 4_000_000,
      autoCompactionMode: 'periodic',
      autoCompactionRetention: '5m',
      locationHint: 'weur',
    }
    const created = await create({ name: 'one', ...options })
    expect(created.status).toBe(201)
    const entry = await created.json<Keyspace & { created: string }>()
    expect(entry).toEqual({ name: 'one', state: 'ready', created: entry.created, ...options })
    expect(Math.abs(Date.parse(entry.created) - Date.now())).toBeLessThan(3_600_000)
    expect(await (await ask('/keyspaces/one')).json()).toEqual(entry)
    expect(await (await ask('/keyspaces?after=o')).json()).toEqual({ keyspaces: [entry] })
    expect((await put('one', 'k')).status).toBe(200)
    const deleted = await remove('one')
    expect([deleted.status, await deleted.text()]).toEqual([204, ''])
    for (const response of [
      await put('one', 'k'),
      await ask('/keyspaces/one'),
      await remove('one'),
    ]) {
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({ code: 5, message: 'keyspace not found' })
    }
  })

  it('[API2] lists page by page', async () => {
    for (const name of ['l1', 'l2', 'l3']) {
      await create({ name })
    }
    const pages: Page[] = []
    for (let after: string | undefined = 'l'; after !== undefined;) {
      const page: Page = await (await ask(`/keyspaces?limit=2&after=${after}`)).json<Page>()
      pages.push(page)
      after = page.next
    }
    expect(pages.map(({ keyspaces }) => keyspaces.map(({ name }) => name))).toEqual([
      ['l1', 'l2'],
      ['l3'],
    ])
    const all = await (await ask('/keyspaces')).json<Page>()
    expect(all.keyspaces.map(({ name }) => name)).toContain('default')
    expect(all.keyspaces.find(({ name }) => name === 'default')).toEqual({
      name: 'default',
      state: 'ready',
    })
  })

  it.each([
    ['', 'the body is not JSON'],
    ['{', 'the body is not JSON'],
    ['[]', 'expected object'],
    ['{}', 'name: '],
    ['{"name": 1}', 'name: '],
    ['{"name": ""}', 'name: must be of a-z, 0-9 and inner dashes'],
    ['{"name": ".."}', 'name: must be'],
    ['{"name": "A"}', 'name: must be'],
    ['{"name": "a/b"}', 'name: must be'],
    ['{"name": "a\\u0000"}', 'name: must be'],
    ['{"name": "a\\n"}', 'name: must be'],
    ['{"name": "\u0430"}', 'name: must be'],
    [`{"name": "${'a'.repeat(64)}"}`, 'name: must be'],
    [`{"name": "${'a'.repeat(2048)}"}`, 'name: must be'],
    [`{"name": "${'a'.repeat(70_000)}"}`, 'the body is longer than 65536 bytes'],
    ['{"name": "w", "quota": 1}', 'quota'],
    ['{"name": "w", "quotaBackendBytes": 0}', 'quotaBackendBytes: '],
    ['{"name": "w", "quotaBackendBytes": 1e12}', 'quotaBackendBytes: '],
    ['{"name": "w", "quotaBackendBytes": "1"}', 'quotaBackendBytes: '],
    ['{"name": "w", "autoCompactionMode": "periodic"}', 'autoCompactionRetention: is needed'],
    ['{"name": "w", "autoCompactionRetention": "x"}', 'autoCompactionRetention: must be hours'],
    [
      '{"name": "w", "autoCompactionMode": "revision", "autoCompactionRetention": "5m"}',
      'revisions',
    ],
    ['{"name": "w", "locationHint": "mars"}', 'locationHint: '],
    ['{"name": "w", "jurisdiction": "mars"}', 'jurisdiction: '],
  ])('[API3] refuses to create by %.40s with the reason', async (body, reason) => {
    const response = await create(body)
    expect(response.status).toBe(400)
    const { code, message } = await response.json<{ code: number; message: string }>()
    expect(code).toBe(3)
    expect(message).toContain(reason)
  })

  it('[API3] refuses what cannot be: twice, default, a jurisdiction in workerd', async () => {
    await create({ name: 'twice' })
    const refusals = [
      [await create({ name: 'twice' }), 409, 'keyspace already exists'],
      [await create({ name: 'default' }), 409, 'keyspace already exists'],
      [await remove('default'), 400, 'the keyspace default cannot be deleted'],
      [await create({ name: 'far', jurisdiction: 'eu' }), 400, 'Jurisdiction'],
      [await ask('/keyspaces?limit=0'), 400, 'limit: '],
      [await ask('/keyspaces?limit=1001'), 400, 'limit: '],
      [await ask('/keyspaces?limit=x'), 400, 'limit: '],
      [await ask('/keyspaces?page=2'), 400, 'page'],
    ] as const
    for (const [response, status, reason] of refusals) {
      expect(response.status).toBe(status)
      expect((await response.json<{ message: string }>()).message).toContain(reason)
    }
  })

  it.each(['A', '%61', '..%2f', 'a%00', 'a.b', '-', 'a'.repeat(64), 'a'.repeat(2048), '%E2%84%80'])(
    '[API4] knows no keyspace %.20s by its path',
    async (name) => {
      for (const method of ['GET', 'DELETE']) {
        const response = await ask(`/keyspaces/${name}`, { method })
        expect(response.status).toBe(404)
        const { message } = await response.json<{ message: string }>()
        expect(message).toContain('name: must be of a-z')
      }
    },
  )

  it('[API5] says which methods a path has, and has no other paths', async () => {
    const wrong = await ask('/keyspaces', { method: 'DELETE' })
    expect([wrong.status, wrong.headers.get('Allow')]).toEqual([405, 'GET, POST'])
    const named = await post('/keyspaces/one', {})
    expect([named.status, named.headers.get('Allow')]).toEqual([405, 'GET, PATCH, DELETE'])
    for (const path of ['/keyspaces/', '/keyspaces/a/', '/keyspaces/a/b', '/Keyspaces']) {
      expect((await ask(path)).status).toBe(404)
    }
  })
})
