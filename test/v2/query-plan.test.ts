import { expect, it } from 'vitest'
import type { Sql, SqlParam } from '../../src/mvcc/sql.ts'
import { latestRows } from '../../src/v2/latest-rows.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import { TreeSnapshot } from '../../src/v2/tree-snapshot.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

const NOW = 1_700_000_000_000

it('[V2K30] no statement behind the start scans a table or sorts', () => {
  const sql = openNodeSql()
  const asked = new Set<string>()
  const noting: Sql = {
    run: (text, ...params) => sql.run(noted(text), ...params),
    first: (text, ...params) => sql.first(noted(text), ...params),
    all: (text, ...params) => sql.all(noted(text), ...params),
    iterate: (text, ...params: readonly SqlParam[]) => sql.iterate(noted(text), ...params),
    transaction: (body) => sql.transaction(body),
    get databaseSize() {
      return sql.databaseSize
    },
  }
  const noted = (text: string): string => {
    asked.add(text)
    return text
  }
  const store = new V2Store(noting)
  asked.clear()
  const content: V2Content = { dir: false, value: 'v', expires: NOW + 1000, refresh: false }
  store.set('/1/a/b/c', content, NOW)
  store.set('/1/a/b/d', { ...content, value: 'x'.repeat(1_100_000) }, NOW)
  store.update('/1/a/b/c', content, NOW)
  store.create('/1/a', content, true, NOW)
  store.get('/1/a', false, NOW)
  store.get('/1/a', true, NOW)
  store.firstEvent({ path: '/1/a/b/d', isRecursive: true }, 4n)
  store.compareAndDelete('/1/a/b/c', { value: 'v', index: 0n }, NOW)
  store.expire(NOW + 2000, 10)
  const tree = new TreeSnapshot(noting, store)
  store.delete('/1/a', true, true, NOW)
  for (let rows = tree.next(100); rows !== undefined; rows = tree.next(100)) {
    expect(rows.length).toBeLessThan(100)
  }
  latestRows(noting, { from: store.index - 2, to: store.index, bytesMax: 1e9 })
  const plans = [...asked].flatMap((text) => {
    const params = Array.from(text.matchAll(/\?/g), () => '')
    const rows = sql.all(`EXPLAIN QUERY PLAN ${text}`, ...params)
    return rows.map((row) => `${String(row[3])}: ${text}`)
  })
  expect(plans.length).toBeGreaterThan(8)
  expect(plans.filter((plan) => /^SCAN v2_|TEMP B-TREE/.test(plan))).toEqual([])
})
