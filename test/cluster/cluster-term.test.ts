import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { takeTerm, want, wantedMember } from '../../src/cluster/cluster-term.ts'
import { Lessor } from '../../src/lease/lessor.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { NodeSql } from '../mvcc/node-sql.ts'

const scripts = ['0002_lease', '0020_cluster_member'].map((file) =>
  readFileSync(new URL(`../../migrations/${file}.sql`, import.meta.url), 'utf8'),
)

function database(): NodeSql {
  const sql = new NodeSql()
  migrate(
    sql,
    scripts.map((script, place) => ({ name: `000${place + 1}_tables`, script })),
  )
  return sql
}

it('[CLU16] a term is that of a run of a runtime, and the next run has the next one', () => {
  const sql = database()
  expect(takeTerm(sql, 'a')).toEqual({ term: 0, isTakenOver: false })
  expect(takeTerm(sql, 'a')).toEqual({ term: 0, isTakenOver: false })
  expect(takeTerm(sql, 'b')).toEqual({ term: 1, isTakenOver: true })
  expect(takeTerm(sql, 'b')).toEqual({ term: 1, isTakenOver: false })
  expect(takeTerm(sql, 'a')).toEqual({ term: 2, isTakenOver: true })
})

it('[CLU12] a member that the keyspace is to move to is remembered for a while, whoever has it', () => {
  const sql = database()
  takeTerm(sql, 'a')
  expect(wantedMember(sql, 0)).toBe(undefined)
  want(sql, 2n ** 64n - 1n, 1_000)
  // Who moves it on does not begin anew.
  want(sql, 2n ** 64n - 1n, 15_000)
  takeTerm(sql, 'b')
  expect(wantedMember(sql, 20_999)).toBe(2n ** 64n - 1n)
  expect(wantedMember(sql, 21_000)).toBe(undefined)
  want(sql, 3n, 30_000)
  expect(wantedMember(sql, 30_000)).toBe(3n)
})

it('[CLU16] a lease has its full TTL again after a takeover, and no less than it had', () => {
  const sql = database()
  const open = (): Lessor => new Lessor(sql, { deleteLeased: () => undefined }, () => 9n)
  const before = open()
  before.grant({ ID: 1n, TTL: 10 }, 0)
  before.grant({ ID: 2n, TTL: 100 }, 0)
  before.keepAlive(2n, 50_000)
  const after = open()
  // It took so long, or the clock is so far ahead, that both would be over.
  after.extendAll(90_000)
  expect(after.expired(99_999, 10)).toEqual([])
  expect(after.timeToLive(1n, 90_000)).toEqual({ TTL: 10, grantedTTL: 10 })
  expect(after.expired(100_000, 10)).toEqual([1n])
  const evicted = open()
  expect(evicted.expired(99_999, 10)).toEqual([])
  expect(evicted.expired(199_999, 10)).toEqual([1n])
  expect(evicted.expired(200_000, 10)).toEqual([1n, 2n])
})
