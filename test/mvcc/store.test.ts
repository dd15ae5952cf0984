import { expect, it } from 'vitest'
import { openNodeSql } from './node-sql.ts'
import { registerStoreContract } from './store-contract.ts'

registerStoreContract('node:sqlite', (body) => {
  const sql = openNodeSql()
  try {
    body(sql)
  } finally {
    sql.close()
  }
})

it('[SQL9] in Node the limit of a row is the 2 MB that are documented', () => {
  const sql = openNodeSql()
  expect(() => sql.run('SELECT ?', new Uint8Array(2_000_001))).toThrow('too big')
  expect(() => sql.run('SELECT ?', 'x'.repeat(2_000_001))).toThrow('too big')
  const insert = 'INSERT INTO log (id, key, create_revision, version, value) VALUES (1, ?, 1, 1, ?)'
  const half = new Uint8Array(1_000_000)
  expect(() => sql.run(insert, half, half)).toThrow('too big')
})
