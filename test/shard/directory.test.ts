import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import type { Directory } from '../../src/directory/directory.ts'
import type { RangeResponse } from '../../src/protocol/generated/messages.ts'
import { ask, call, put, PUT, range, RANGE } from './calls.ts'
import { SessionClient } from './session-client.ts'

const notFound = { refused: { code: 5, message: 'keyspace not found' } }
const exists = { refused: { code: 6, message: 'keyspace already exists' } }

const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME)
const shard = (name: string) => env.SHARD.getByName(name)

const withStorage = <T>(body: (storage: DurableObjectStorage, directory: Directory) => T) =>
  runInDurableObject(directory(), (instance: Directory, { storage }) => body(storage, instance))

/** What the keyspace itself says of the v2 API. */
const enabledIn = (name: string): Promise<unknown> =>
  runInDurableObject(shard(name), (_, { storage }) =>
    storage.sql.exec('SELECT enabled FROM v2_setting').toArray(),
  )

/** As if the directory had crashed after that was written. */
async function crashed(name: string, state: string, created = 7): Promise<void> {
  await withStorage(async ({ sql }) => {
    const columns = '(name, state, created)'
    sql.exec(`INSERT OR REPLACE INTO keyspace ${columns} VALUES (?, ?, ?)`, name, state, created)
  })
  await withStorage((storage) => storage.setAlarm(Date.now() + 1_000_000))
  await evictDurableObject(directory())
}

const withShards = (SHARD: Env['SHARD']) =>
  withStorage((_, instance) => {
    Object.defineProperty(instance, 'env', { value: { ...env, SHARD }, configurable: true })
  })
const lost = () => Promise.reject(new Error('out of reach'))
const nobody = { getByName: () => ({ create: lost, destroy: lost }) }

describe('the directory', () => {
  it('[DIR5] creates a keyspace once, and finds it from then on', async () => {
    expect(await directory().find('first')).toBeUndefined()
    const created = await directory().create('first', { quotaBackendBytes: 1_000_000 })
    expect(created).toEqual({
      name: 'first',
      state: 'ready',
      created: expect.any(Number) as number,
      options: { quotaBackendBytes: 1_000_000 },
    })
    expect(await directory().create('first', { quotaBackendBytes: 1_000_000 })).toEqual(exists)
    expect(await directory().find('first')).toMatchObject({
      name: 'first',
      jurisdiction: undefined,
    })
    expect(await directory().describe('first')).toEqual(created)
    const status = await ask(shard('first'), '/etcdserverpb.Maintenance/Status', {})
    expect(status).toMatchObject({ dbSizeQuota: 1_000_000 })
  })

  it('[DIR6] deletes a keyspace, after which there is none, and a new one is a new one', async () => {
    await directory().create('second', {})
    await ask(shard('second'), PUT, put('a'))
    expect(await directory().delete('second')).toBeUndefined()
    expect(await directory().find('second')).toBeUndefined()
    expect(await directory().describe('second')).toEqual(notFound)
    expect(await directory().delete('second')).toEqual(notFound)
    expect(await call(shard('second'), RANGE, range('a'))).toEqual(notFound)
    await directory().create('second', {})
    expect(await ask<RangeResponse>(shard('second'), RANGE, range('a'))).toMatchObject({
      count: 0,
      header: { revision: 1 },
    })
  })

  it('[DIR7] has default, which is neither created nor deleted', async () => {
    expect(await directory().create('default', {})).toEqual(exists)
    expect(await directory().delete('default')).toMatchObject({ refused: { code: 9 } })
    expect(await directory().find('default')).toMatchObject({ name: 'default' })
  })

  it('[DIR8] asked for a place that there is not says so, and creates nothing', async () => {
    const refused = await directory().create('elsewhere', { jurisdiction: 'eu' })
    expect(refused).toMatchObject({ refused: { code: 9 } })
    expect(JSON.stringify(refused)).toContain('Jurisdiction')
    expect(await directory().describe('elsewhere')).toEqual(notFound)
    expect(await directory().create('near', { locationHint: 'weur' })).toMatchObject({
      options: { locationHint: 'weur' },
    })
  })

  it('[DIR9] that crashed while it created brings that to its end', async () => {
    // Before the shard was asked, and before its answer was recorded.
    await shard('answered').create({ created: 7 })
    for (const name of ['not-asked', 'answered']) {
      await crashed(name, 'creating')
      expect(await directory().find(name)).toBeUndefined()
      expect(await runDurableObjectAlarm(directory())).toBe(true)
      expect(await directory().find(name)).toBeDefined()
      expect(await ask<RangeResponse>(shard(name), RANGE, range('a'))).toMatchObject({ count: 0 })
    }
  })

  it('[DIR9] that crashed while it deleted brings that to its end', async () => {
    for (const name of ['full', 'empty']) {
      if (name === 'full') {
        await shard(name).create({ created: 7 })
        await ask(shard(name), PUT, put('a'))
      }
      await crashed(name, 'deleting')
      expect(await directory().find(name)).toBeUndefined()
      expect(await runDurableObjectAlarm(directory())).toBe(true)
      expect(await directory().describe(name)).toEqual(notFound)
      expect(await call(shard(name), RANGE, range('a'))).toEqual(notFound)
    }
  })

  it('[DIR9] that crashed goes on when it is asked for the same again', async () => {
    await crashed('again', 'creating')
    expect(await directory().create('again', { locationHint: 'me' })).toEqual(exists)
    expect(await directory().create('again', {})).toMatchObject({ state: 'ready', created: 7 })
    await crashed('again', 'deleting')
    expect(await directory().create('again', {})).toEqual(exists)
    expect(await directory().delete('again')).toBeUndefined()
  })

  it('[DIR10] does one thing after the other to a keyspace, whatever comes in between', async () => {
    const outcomes = await Promise.all([
      directory().create('busy', {}),
      directory().create('busy', {}),
      directory().delete('busy'),
      directory().create('busy', {}),
    ])
    expect(outcomes[2]).toBeUndefined()
    expect(outcomes[3]).toEqual(exists)
    expect(await directory().describe('busy')).toEqual(notFound)
    expect(await call(shard('busy'), RANGE, range('a'))).toEqual(notFound)
  })

  it('[DIR12] says when a shard cannot be reached, and goes on with it later', async () => {
    await withShards(nobody as unknown as Env['SHARD'])
    const refused = {
      refused: { code: 14, message: 'keyspace far could not be reached; still trying' },
    }
    expect(await directory().create('far', {})).toEqual(refused)
    expect(await directory().describe('far')).toMatchObject({ state: 'creating' })
    expect(await directory().find('far')).toBeUndefined()
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await withStorage((storage) => storage.getAlarm())).not.toBeNull()
    await withShards(env.SHARD)
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await directory().describe('far')).toMatchObject({ state: 'ready' })
    await withShards(nobody as unknown as Env['SHARD'])
    expect(await directory().delete('far')).toEqual(refused)
    expect(await directory().describe('far')).toMatchObject({ state: 'deleting' })
    await withShards(env.SHARD)
    expect(await directory().delete('far')).toBeUndefined()
  })

  it('[DIR13] tells a keyspace later what it could not be told of a change', async () => {
    await directory().create('untold', {})
    await withShards(nobody as unknown as Env['SHARD'])
    expect(await directory().change('untold', { enableV2: true })).toEqual({
      refused: { code: 14, message: 'keyspace untold could not be reached; still trying' },
    })
    await withStorage((storage) => storage.setAlarm(Date.now() + 1_000_000))
    await evictDurableObject(directory())
    expect(await enabledIn('untold')).toEqual([])
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    expect(await enabledIn('untold')).toEqual([{ enabled: 1 }])
    expect(await withStorage((storage) => storage.getAlarm())).toBeNull()
    expect(await directory().change('none', { enableV2: true })).toEqual(notFound)
  })

  it('[DIR11] has no alarm when there is nothing to bring on', async () => {
    await directory().create('last', {})
    await runDurableObjectAlarm(directory())
    expect(await withStorage((storage) => storage.getAlarm())).toBeNull()
  })

  it('[DOR14] that crashed goes on telling keyspaces of a token that was revoked', async () => {
    const administrator = { id: 'ab', expires: undefined }
    const client = await SessionClient.of(shard('default'), { administrator })
    await withStorage(async ({ sql }) => {
      const columns = '(token, keyspace, jurisdiction)'
      sql.exec(`INSERT INTO administrator_session ${columns} VALUES ('ab', 'default', '')`)
    })
    await withStorage((storage) => storage.setAlarm(Date.now() + 1_000_000))
    await evictDurableObject(directory())
    expect(await runDurableObjectAlarm(directory())).toBe(true)
    await client.until(() => client.closed !== undefined)
    expect(client.closed).toBe(1008)
    expect(
      await withStorage(({ sql }) => sql.exec('SELECT 1 FROM administrator_session').toArray()),
    ).toEqual([])
    expect(await withStorage((storage) => storage.getAlarm())).toBeNull()
  })

  it('[DOR14] records no session of a token that is none', async () => {
    expect(await directory().opens('ab', { name: 'default', jurisdiction: undefined })).toBe(false)
  })
})
