import { expect, it } from 'vitest'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

const NOW = 1_700_000_000_000

const file = (value: string): V2Content => ({
  dir: false,
  value,
  expires: undefined,
  refresh: false,
})

const valueOf = (round: number, path: string): string => `${round} ${path} `.padEnd(4000, 'x')

it('[V2K32] a file that was set lately is set again without a read', () => {
  const sql = openNodeSql()
  const store = new V2Store(sql)
  store.set('/1/d/a', file('1'), NOW)
  store.set('/1/d/a', file('2'), NOW)
  sql.rowsRead = 0
  const { prev } = store.set('/1/d/a', file('3'), NOW)
  expect(prev).toMatchObject({ value: '2', modified: 5 })
  store.set('/1/d/b', file('1'), NOW)
  expect(sql.rowsRead).toBe(0)
  store.get('/1/d/a', false, NOW)
  expect(sql.rowsRead).toBe(1)
})

it('[V2K32] more files than memory holds are what they were', () => {
  const store = new V2Store(openNodeSql())
  const paths = Array.from({ length: 500 }, (_, at) => `/1/d/${at}`)
  for (let round = 0; round < 4; round++) {
    for (const path of paths) {
      const { prev } = store.set(path, file(valueOf(round, path)), NOW)
      expect(prev?.value).toBe(round === 0 ? undefined : valueOf(round - 1, path))
    }
  }
})

it('[V2K32] what has gone with its directory is not there', () => {
  const store = new V2Store(openNodeSql())
  store.set('/1/d/a', file('1'), NOW)
  store.set('/1/d/a', file('2'), NOW)
  store.delete('/1/d', true, true, NOW)
  expect(store.set('/1/d', file('3'), NOW).prev).toBeUndefined()
  expect(() => store.set('/1/d/a', file('4'), NOW)).toThrow('104 (/1/d)')
  store.delete('/1/d', false, false, NOW)
  expect(store.set('/1/d/a', file('5'), NOW).prev).toBeUndefined()
})
