import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { migrate } from '../../src/mvcc/migrations.ts'
import { migrations } from '../../src/shard/migrations.ts'
import { durableSql } from '../../src/shard/storage.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'

const NOW = 1_700_000_000_000

it('[V2K29] a set writes two rows, also when 1,000 are remembered, and one more with a time to live', async () => {
  const stub = env.SHARD.get(env.SHARD.newUniqueId())
  await runInDurableObject(stub, (_shard, { storage }) => {
    migrate(durableSql(storage), migrations)
    let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = []
    const exec = (query: string, ...bindings: SqlStorageValue[]): unknown => {
      const cursor = storage.sql.exec<Record<string, SqlStorageValue>>(query, ...bindings)
      cursors.push(cursor)
      return cursor
    }
    const counting = {
      sql: { exec, databaseSize: 0 },
      transactionSync: <T>(body: () => T): T => storage.transactionSync(body),
    }
    const store = new V2Store(durableSql(counting as unknown as DurableObjectStorage))
    const rows = (body: () => unknown): number => {
      cursors = []
      body()
      return cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0)
    }
    const set = (value: string, expires?: number): number => {
      const content: V2Content = { dir: false, value, expires, refresh: false }
      return rows(() => store.set('/1/d/a', content, NOW))
    }
    expect(set('first, and its directory')).toBe(3)
    expect([set('1'), set('2')]).toEqual([2, 2])
    for (let at = 0; at < 1000; at++) {
      set(String(at))
    }
    expect(set('3')).toBe(2)
    expect(set('4', NOW + 5000)).toBe(3)
    expect(rows(() => store.get('/1', true, NOW))).toBe(0)
    expect(set('5')).toBeLessThanOrEqual(3)
    expect(rows(() => store.delete('/1/d/a', false, false, NOW))).toBe(2)
  })
})
