import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PUT_CURRENT } from '../../src/mvcc/log.ts'
import { type Head, RecentHeads } from '../../src/mvcc/recent-heads.ts'
import type { Sql } from '../../src/mvcc/sql.ts'
import type { Store } from '../../src/mvcc/store.ts'
import { type Event, EventType } from '../../src/mvcc/types.ts'
import { bytes } from '../model-rules.ts'
import { runs } from '../runs.ts'
import { openNodeSql } from './node-sql.ts'
import {
  compareOf,
  deleteOp,
  openStore,
  putOf,
  putOp,
  rangeOp,
  refusal,
  txnOf,
  txnOp,
} from './requests.ts'

const LONGEST = 'k'.repeat(256)
const TOO_LONG = 'k'.repeat(257)
const KEYS = ['a', 'b', 'c', 'ab', 'ba', '\0', '\xff', LONGEST, TOO_LONG]

const version2 = compareOf('a', { version: 2 })
const version3 = compareOf('a', { version: 3 })

const anyChange = fc.record({
  key: fc.constantFrom(...KEYS),
  isDelete: fc.boolean(),
  lease: fc.bigInt({ min: 0n, max: 3n }),
})
const anyStep = fc.oneof(
  { weight: 20, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant('forget' as const) },
)

function eventOf(key: string, { modRevision, version, lease }: Head): Event {
  const kv = { key: bytes(key), createRevision: 2, modRevision, version, lease, value: bytes('v') }
  const type = version === 0 ? EventType.DELETE : EventType.PUT
  return { type, kv, prevKv: undefined }
}

it('[PUT9] what is remembered of a key is what its last change has left', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 8),
      fc.array(anyStep, { maxLength: 60, size: 'max' }),
      (places, steps) => {
        const heads = new RecentHeads(places)
        const last = new Map<string, Head>()
        const wrong: unknown[] = []
        let modRevision = 2
        for (const step of steps) {
          modRevision++
          if (step === 'forget') {
            heads.forget()
            wrong.push(...KEYS.filter((key) => heads.get(bytes(key)) !== undefined))
            continue
          }
          const events = step.map(({ key, isDelete, lease }, sub) => {
            const version = isDelete ? 0 : (last.get(key)?.version ?? 0) + 1
            const head = { createRevision: 2, modRevision, sub, version, lease }
            last.set(key, head)
            return eventOf(key, head)
          })
          heads.changed(events)
          for (const key of KEYS) {
            const [head, expected] = [heads.get(bytes(key)), last.get(key)]
            const isLast = step.at(-1)?.key === key && key !== TOO_LONG
            const isMissing = head === undefined && isLast && (expected?.version ?? 0) > 1
            if (isMissing || (head !== undefined && !isDeepStrictEqual(head, expected))) {
              wrong.push([key, head, expected])
            }
          }
        }
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: runs(500) },
  )
})

it('[PUT11] a key that has been put again is remembered, unless it is long', () => {
  const heads = new RecentHeads()
  const change = (key: string, modRevision: number, version: number): void => {
    heads.changed([eventOf(key, { createRevision: 2, modRevision, sub: 0, version, lease: 0n })])
  }
  const knows = (key: string): boolean => heads.get(bytes(key)) !== undefined
  change('a', 3, 1)
  expect(knows('a')).toBe(false)
  change('a', 4, 2)
  change(LONGEST, 5, 2)
  change(TOO_LONG, 6, 2)
  expect(['a', LONGEST, TOO_LONG].map(knows)).toEqual([true, true, false])
  change('a', 7, 0)
  expect(knows('a')).toBe(false)
})

describe('[PUT10] a transaction is not answered by memory alone', () => {
  it.each([
    ['nothing on both sides', txnOf([], [], [version2])],
    ['nothing on the side not taken', txnOf([putOp('a')], [], [version2])],
    ['nothing on the side taken', txnOf([], [putOp('a')], [version2])],
    ['a put, and one of no key', txnOf([putOp('a')], [rangeOp('b', 'a')], [version2])],
    ['reads of no key', txnOf([rangeOp('b', 'a')], [rangeOp('b', 'a')], [version2])],
    ['deletes of no key', txnOf([deleteOp('b', 'a')], [deleteOp('b', 'a')], [version2])],
    ['one within it of nothing', txnOf([txnOp([])], [txnOp([])], [version2])],
    ['a put on both sides', txnOf([putOp('a')], [putOp('a')], [version2])],
    ['a read on both sides', txnOf([rangeOp('a')], [rangeOp('a')], [version2])],
    ['a put or a read', txnOf([putOp('a')], [rangeOp('a')], [version2])],
    ['a delete or a read', txnOf([deleteOp('a')], [rangeOp('a')], [version2])],
    ['the same with another comparison', txnOf([putOp('a')], [rangeOp('a')], [version3])],
  ])('%s', (_, request) => {
    const { store, statements } = recorded()
    const { succeeded } = store.txn(request)
    expect(succeeded).toBe(!request.compare.includes(version3))
    expect(statements).not.toEqual([])
  })

  it.each([
    ['lease-not-found', txnOf([putOp('a', '', { lease: 99n })], [rangeOp('a')], [version2])],
    ['future-revision', txnOf([rangeOp('a', '', { revision: 50 })], [rangeOp('a')], [version2])],
  ])('nor refused: %s', (kind, request) => {
    const { store, statements } = recorded()
    expect(refusal(() => store.txn(request))).toBe(kind)
    expect(statements).not.toEqual([])
  })

  it('nor is a put refused', () => {
    const { store, statements } = recorded()
    expect(refusal(() => store.put(putOf('a', '', { lease: 99n })))).toBe('lease-not-found')
    expect(statements).not.toEqual([])
  })

  it('and reads nothing for the comparison where it is not needed', () => {
    const { store, statements } = recorded()
    store.txn(txnOf([putOp('a')], [rangeOp('a')], [version2]))
    expect(statements).toEqual([PUT_CURRENT])
  })
})

/** A store that remembers version 2 of `a`, and what it executes from then on. */
function recorded(): { store: Store; statements: string[] } {
  const sql = openNodeSql()
  onTestFinished(() => sql.close())
  const statements: string[] = []
  const said = (statement: string): Sql => {
    statements.push(statement)
    return sql
  }
  const store = openStore({
    run: (statement, ...params) => said(statement).run(statement, ...params),
    first: (statement, ...params) => said(statement).first(statement, ...params),
    all: (statement, ...params) => said(statement).all(statement, ...params),
    iterate: (statement, ...params) => said(statement).iterate(statement, ...params),
    transaction: (body) => sql.transaction(body),
    databaseSize: 0,
  })
  store.put(putOf('a'))
  store.put(putOf('a'))
  statements.length = 0
  return { store, statements }
}
