import { describe, expect, it } from 'vitest'
import type { HashKv } from '../../src/mvcc/hash.ts'
import type { Sql } from '../../src/mvcc/sql.ts'
import { numberOf } from '../../src/mvcc/sql.ts'
import type { Store } from '../../src/mvcc/store.ts'
import {
  deleteOf,
  eventLines,
  numbered,
  keysOf,
  lines,
  openStore,
  putOf,
  putOp,
  rangeOf,
  refusal,
  txnOf,
} from './requests.ts'
import type { WithSql } from './with-sql.ts'

const SLICE_ROWS = 250
const EMPTY_HASH = 1084519789

function logRows(sql: Sql): number {
  return numberOf(sql.first('SELECT count(*) FROM log')?.[0])
}

function finish(store: Store): void {
  while (store.compactSlice(undefined)) {
    // Until nothing is left to be deleted.
  }
}

/** Puts, overwrites and deletes of 300 keys: 1,800 changes, some of many keys at once, and a put. */
function churn(store: Store): void {
  for (let i = 0; i < 1500; i++) {
    store.put(putOf(numbered('k', (i * 7) % 300), String(i)))
    if (i % 50 === 49) {
      const from = (i * 11) % 290
      store.deleteRange(deleteOf(numbered('k', from), numbered('k', from + 10)))
    }
  }
  store.put(putOf('last'))
}

export function describeCompact(withSql: WithSql): void {
  describe('compact', () => {
    it('[CMP1] a revision at or below the compacted one, or after the current one, is refused', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        store.put(putOf('a'))
        store.compact(2)
        expect(refusal(() => store.compact(2))).toBe('compacted')
        expect(refusal(() => store.compact(1))).toBe('compacted')
        expect(refusal(() => store.compact(4))).toBe('future-revision')
        expect(refusal(() => store.compact(3))).toBe(undefined)
        expect([store.revision, store.compactRevision]).toEqual([3, 3])
      }))

    it('[CMP2] a fresh store can be compacted at 0 once, and at -1 never', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.compact(-1))).toBe('compacted')
        store.compact(0)
        expect(store.compactRevision).toBe(0)
        expect(refusal(() => store.compact(0))).toBe('compacted')
        finish(store)
        expect(openStore(sql).compactRevision).toBe(0)
      }))

    it('[CMP3] reads below the compacted revision fail at once, and those at it do not', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        store.put(putOf('a', '2'))
        store.put(putOf('a', '3'))
        store.compact(3)
        const at = (revision: number): unknown => lines(store, { revision })
        expect(refusal(() => at(2))).toBe('compacted')
        expect(at(3)).toEqual(['a=2 2/3/2'])
        finish(store)
        expect(refusal(() => at(2))).toBe('compacted')
        expect(at(3)).toEqual(['a=2 2/3/2'])
        expect(refusal(() => openStore(sql).range(rangeOf('a', '', { revision: 2 }), 0))).toBe(
          'compacted',
        )
      }))

    it('[CMP4] each key keeps the newest change up to the compacted revision, and a deletion only if it is at it', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        store.put(putOf('a', '2'))
        store.put(putOf('b'))
        store.put(putOf('c'))
        store.deleteRange(deleteOf('b'))
        store.deleteRange(deleteOf('c'))
        store.put(putOf('a', '3'))
        store.compact(7)
        finish(store)
        // a=2, the deletion of c, and a=3 which is not compacted.
        expect(eventLines(store, 0)).toEqual(['put a=2 2/3/2', 'delete c 7', 'put a=3 2/8/3'])
        expect(logRows(sql)).toBe(3)
      }))

    it('[CMP5] a deletion at the compacted revision goes with the next compaction', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        store.deleteRange(deleteOf('a'))
        store.put(putOf('b'))
        store.compact(3)
        finish(store)
        expect(eventLines(store, 3)).toEqual(['delete a 3', 'put b= 4/4/1'])
        store.compact(4)
        finish(store)
        expect(eventLines(store, 3)).toEqual(['put b= 4/4/1'])
        expect(logRows(sql)).toBe(1)
      }))

    it('[CMP6] from the compacted revision on, every read answers the same before, during and after the deletion', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        const at = store.revision - 700
        const revisions = [at, at + 1, at + 350, store.revision]
        const reads = (read: Store): unknown => [
          revisions.map((revision) => lines(read, { revision })),
          eventLines(read, at),
        ]
        store.compact(at)
        const expected = reads(store)
        let slices = 0
        while (store.compactSlice(undefined)) {
          slices++
          expect(reads(store)).toEqual(expected)
        }
        expect(slices).toBeGreaterThan(3)
        expect(reads(openStore(sql))).toEqual(expected)
      }))

    it('[CMP7] a slice passes over a bounded number of rows', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        store.compact(store.revision)
        for (let more = true, rows = logRows(sql); more;) {
          more = store.compactSlice(undefined)
          const left = logRows(sql)
          expect(rows - left).toBeLessThanOrEqual(2 * SLICE_ROWS)
          rows = left
        }
        expect(logRows(sql)).toBe(keysOf(store, rangeOf('\0', '\0')).length)
      }))

    it('[CMP8] a deletion that a restart cuts off goes on where it was', () =>
      withSql((sql) => {
        let store = openStore(sql)
        churn(store)
        store.compact(store.revision - 100)
        const expected = lines(store, { revision: store.compactRevision })
        let restarts = 0
        while (store.compactionPending) {
          store.compactSlice(undefined)
          store = openStore(sql)
          expect(lines(store, { revision: store.compactRevision })).toEqual(expected)
          restarts++
        }
        expect(restarts).toBeGreaterThan(3)
        const cut = logRows(sql)
        const whole = wholeCompaction(sql, store)
        expect(cut).toBe(whole)
      }))

    it('[CMP9] a compaction during the deletion for another one takes over what is left', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        const { revision } = store
        for (let at = 200; at <= revision; at += 200) {
          store.compact(at)
          store.compactSlice(undefined)
          store.compactSlice(undefined)
        }
        const expected = lines(store)
        store.compact(revision)
        finish(store)
        expect(lines(store)).toEqual(expected)
        expect(store.compactionPending).toBe(false)
        expect(logRows(sql)).toBe(expected.length)
      }))
  })
}

/** How many rows are left if the compaction is done anew from the first row. */
function wholeCompaction(sql: Sql, store: Store): number {
  sql.run('UPDATE compaction SET cursor = 0')
  const again = openStore(sql)
  expect(again.compactionPending).toBe(true)
  finish(again)
  expect(lines(again)).toEqual(lines(store))
  return logRows(sql)
}

/** All steps of a hash at once. */
function hash(store: Store, revision = 0): HashKv {
  return last(store.hashKv(revision))
}

function last(steps: Generator<void, HashKv>): HashKv {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

export function describeHash(withSql: WithSql): void {
  describe('hash', () => {
    it("[HSH1] the hash of an empty store is that of the name of etcd's bucket", () =>
      withSql((sql) => {
        const store = openStore(sql)
        const empty = { hash: EMPTY_HASH, compactRevision: -1, hashRevision: 1 }
        expect(hash(store)).toEqual(empty)
        expect(hash(store, 1)).toEqual(empty)
      }))

    it('[HSH2] a hash is of the current revision for 0, and refused below the compacted and after the current one', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        store.put(putOf('a'))
        expect(hash(store)).toEqual(hash(store, 3))
        expect(refusal(() => hash(store, 4))).toBe('future-revision')
        store.compact(3)
        expect(refusal(() => hash(store, 2))).toBe('compacted')
        expect(hash(store).hashRevision).toBe(3)
      }))

    it('[HSH3] a hash is the same before and after the physical deletion', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        const at = store.revision - 400
        store.compact(at)
        const hashes = (read: Store): HashKv[] =>
          [at, at + 1, at + 200, store.revision].map((revision) => hash(read, revision))
        const before = hashes(openStore(sql))
        finish(store)
        expect(hashes(openStore(sql))).toEqual(before)
        expect(before[0]).toMatchObject({ compactRevision: at, hashRevision: at })
      }))

    it('[HSH4] a compaction remembers the hash of its revision as it was before, ten of them until a restart', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        const before = new Map<number, HashKv>()
        for (let at = 100; at <= 1200; at += 100) {
          before.set(at, hash(store, at))
          store.compact(at)
          finish(store)
        }
        const remembered = [...before].filter(([at]) => at >= 300)
        expect(remembered.map(([at]) => hash(store, at))).toEqual(
          remembered.map(([, kept]) => kept),
        )
        expect(refusal(() => hash(store, 200))).toBe('compacted')
        expect(before.get(1200)?.compactRevision).toBe(1100)
        const again = openStore(sql)
        expect(hash(again, 1200).compactRevision).toBe(1200)
        expect(refusal(() => hash(again, 1100))).toBe('compacted')
      }))

    it('[HSH5] after a compaction at 0 the hash of 0 is that of the empty store', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        store.compact(0)
        expect(hash(store, 0)).toEqual({ hash: EMPTY_HASH, compactRevision: -1, hashRevision: 0 })
      }))

    it('[HSH6] what is written while a hash is made does not change it', () =>
      withSql((sql) => {
        const store = openStore(sql)
        churn(store)
        store.compact(500)
        finish(store)
        const at = store.revision
        const expected = hash(store, at)
        const steps = store.hashKv(at)
        let pauses = 0
        let step = steps.next()
        for (; step.done !== true; step = steps.next()) {
          store.txn(txnOf([putOp(numbered('k', pauses)), putOp(numbered('n', pauses))]))
          const from = 100 * pauses + 50
          store.deleteRange(deleteOf(numbered('k', from), numbered('k', from + 30)))
          if (pauses === 0) {
            store.compact(at)
          }
          store.compactSlice(500)
          pauses++
        }
        expect(step.value).toEqual(expected)
        expect(pauses).toBeGreaterThan(1)
      }))
  })
}
