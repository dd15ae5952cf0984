import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/mvcc/store.ts'
import type { Compare, RequestOp, TxnResult } from '../../src/mvcc/types.ts'
import { bytes } from '../model-rules.ts'
import {
  compareOf,
  deleteOf,
  deleteOp,
  keysOf,
  lines,
  numbered,
  openStore,
  opLines,
  putOf,
  putOp,
  rangeOf,
  rangeOp,
  refusal,
  type Told,
  txnOf,
  txnOp,
  TXN_OPS_MAX,
} from './requests.ts'
import type { WithSql } from './with-sql.ts'

const [EQUAL, GREATER, LESS, NOT_EQUAL] = [0, 1, 2, 3]
const [VERSION, CREATE, MOD, VALUE, LEASE] = [0, 1, 2, 3, 4]

/** Compares that hold of all keys from k on, which they read. */
const comparesOfAll = (count: number): readonly Compare[] =>
  Array.from({ length: count }, () =>
    compareOf('k', { rangeEnd: bytes('l'), result: 1, target: 0, version: 0 }),
  )

const read = ({ responses }: TxnResult): readonly string[] => responses.map(({ kind }) => kind)

/** Whether the transaction's compares held. */
function holds(store: Store, ...compare: Compare[]): boolean {
  return store.txn(txnOf([], [], compare)).succeeded
}

export function describeCompare(withSql: WithSql): void {
  describe('compare', () => {
    it('[TXN1] version, create revision, mod revision, value and lease are compared, each in four ways', () =>
      withSql((sql) => {
        const store = openStore(sql, [7n])
        store.put(putOf('a', '1'))
        store.put(putOf('a', 'm', { lease: 7n }))
        const members: [number, Partial<Compare>, Partial<Compare>, Partial<Compare>][] = [
          [VERSION, { version: 1 }, { version: 2 }, { version: 3 }],
          [CREATE, { createRevision: 1 }, { createRevision: 2 }, { createRevision: 3 }],
          [MOD, { modRevision: 2 }, { modRevision: 3 }, { modRevision: 4 }],
          [VALUE, { value: bytes('lz') }, { value: bytes('m') }, { value: bytes('m\0') }],
          [LEASE, { lease: -9n }, { lease: 7n }, { lease: 2n ** 62n }],
        ]
        for (const [target, ...values] of members) {
          const held = [EQUAL, GREATER, LESS, NOT_EQUAL].map((result) =>
            values.map((value) => holds(store, compareOf('a', { target, result, ...value }))),
          )
          expect(held).toEqual([
            [false, true, false],
            [true, false, false],
            [false, false, true],
            [true, false, true],
          ])
        }
      }))

    it('[TXN2] of a missing key no compare of values holds, and the others compare with zero', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const results = (target: number): boolean[] =>
          [EQUAL, GREATER, LESS, NOT_EQUAL].map((result) =>
            holds(store, compareOf('a', { target, result })),
          )
        expect(results(VALUE)).toEqual([false, false, false, false])
        for (const target of [VERSION, CREATE, MOD, LEASE]) {
          expect(results(target)).toEqual([true, false, false, false])
        }
        expect(holds(store, compareOf('a', { result: LESS, version: 1 }))).toBe(true)
        expect(holds(store, compareOf('a', { target: LEASE, result: GREATER, lease: -1n }))).toBe(
          true,
        )
      }))

    it('[TXN3] a compare of a range must hold for each key of it; an empty range is a missing key', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        store.put(putOf('b', '1'))
        store.put(putOf('c', '2'))
        const value = (rangeEnd: string): boolean =>
          holds(
            store,
            compareOf('a', { target: VALUE, value: bytes('1'), rangeEnd: bytes(rangeEnd) }),
          )
        expect([value('b'), value('c'), value('d'), value('\0')]).toEqual([
          true,
          true,
          false,
          false,
        ])
        const empty = { rangeEnd: bytes('z') }
        expect(holds(store, compareOf('d', empty))).toBe(true)
        expect(holds(store, compareOf('d', { ...empty, version: 1 }))).toBe(false)
        expect(holds(store, compareOf('d', { ...empty, target: VALUE, result: NOT_EQUAL }))).toBe(
          false,
        )
        expect(holds(store, compareOf('z', { rangeEnd: bytes('a') }))).toBe(true)
      }))

    it('[TXN4] a compare without a result, a target or a value asks whether the version is 0', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        expect(holds(store, compareOf('b'))).toBe(true)
        expect(holds(store, compareOf('a'))).toBe(false)
      }))

    it('[TXN5] the value of another target compares as zero or as no bytes', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a'))
        expect(holds(store, compareOf('a', { target: VERSION, modRevision: 1 }))).toBe(false)
        expect(
          holds(store, compareOf('a', { target: VERSION, result: GREATER, modRevision: 9 })),
        ).toBe(true)
        expect(holds(store, compareOf('a', { target: VALUE, version: 9 }))).toBe(true)
      }))

    it('[TXN6] all compares, those of nested transactions too, see the state before the transaction', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        const isOne = [compareOf('a', { target: VALUE, value: bytes('1') })]
        const nested = txnOp([rangeOp('a')], [putOp('wrong')], isOne)
        const { responses } = store.txn(txnOf([putOp('a', '2'), nested]))
        expect(opLines(responses)).toEqual([
          { revision: 3, put: undefined },
          [{ revision: 3, range: ['a=2 2/3/2', 1] }],
        ])
      }))

    it('[TXN7] a compare needs a key', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => holds(store, compareOf('')))).toBe('empty-key')
        const nested = txnOp([], [], [compareOf('')])
        expect(refusal(() => store.txn(txnOf([], [nested])))).toBe('empty-key')
      }))
  })
}

function ranges(n: number): RequestOp[] {
  return Array.from({ length: n }, () => rangeOp('a'))
}

function rangeAt(revision: number): RequestOp {
  return rangeOp('a', '', { revision })
}

export function describeTxn(withSql: WithSql): void {
  describe('txn', () => {
    it('[TXN8] compares, operations and those of the other branch may each be so many, less those around them', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const compares = Array.from({ length: TXN_OPS_MAX + 1 }, () => compareOf('a'))
        expect(refusal(() => store.txn(txnOf(ranges(TXN_OPS_MAX), ranges(TXN_OPS_MAX))))).toBe(
          undefined,
        )
        expect(refusal(() => store.txn(txnOf(ranges(TXN_OPS_MAX + 1))))).toBe('too-many-ops')
        expect(refusal(() => store.txn(txnOf([], ranges(TXN_OPS_MAX + 1))))).toBe('too-many-ops')
        expect(refusal(() => store.txn(txnOf([], [], compares)))).toBe('too-many-ops')
        const nest = (inner: number): unknown =>
          store.txn(txnOf([...ranges(7), txnOp(ranges(inner))]))
        expect(refusal(() => nest(TXN_OPS_MAX - 8))).toBe(undefined)
        expect(refusal(() => nest(TXN_OPS_MAX - 7))).toBe('too-many-ops')
      }))

    it('[TXN9] an operation that is none of the four is refused', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.txn(txnOf([], [{}])))).toBe('key-not-found')
        expect(refusal(() => store.txn(txnOf([txnOp([{}])])))).toBe('key-not-found')
      }))

    it('[TXN10] the operations of both branches, nested ones too, are checked as they are alone', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.txn(txnOf([], [putOp('')])))).toBe('empty-key')
        expect(refusal(() => store.txn(txnOf([], [deleteOp('')])))).toBe('empty-key')
        expect(refusal(() => store.txn(txnOf([txnOp([], [rangeOp('')])])))).toBe('empty-key')
        const sort = rangeOp('a', '', { sortOrder: 9 })
        expect(refusal(() => store.txn(txnOf([sort])))).toBe('invalid-sort-option')
        const value = putOp('a', '1', { ignoreValue: true })
        expect(refusal(() => store.txn(txnOf([value])))).toBe('value-provided')
      }))

    it('[TXN11] one branch may not put a key twice, nor put what it deletes, nested operations included', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const isDuplicate = (...ops: RequestOp[]): boolean =>
          refusal(() => store.txn(txnOf([], ops, [compareOf('a', { version: 9 })]))) ===
          'duplicate-key'
        expect(isDuplicate(putOp('a'), putOp('a'))).toBe(true)
        expect(isDuplicate(putOp('a'), deleteOp('a'))).toBe(true)
        expect(isDuplicate(deleteOp('a', 'c'), putOp('b'))).toBe(true)
        expect(isDuplicate(deleteOp('a', 'b'), deleteOp('b', 'c'), putOp('b'))).toBe(true)
        expect(isDuplicate(putOp('a'), txnOp([putOp('a')]))).toBe(true)
        expect(isDuplicate(txnOp([], [putOp('a')]), putOp('a'))).toBe(true)
        expect(isDuplicate(txnOp([putOp('a')]), txnOp([], [putOp('a')]))).toBe(true)
        expect(isDuplicate(txnOp([putOp('a')]), deleteOp('a'))).toBe(true)
        expect(isDuplicate(putOp('a'), txnOp([txnOp([deleteOp('a')])]))).toBe(true)
        expect(isDuplicate(deleteOp('a', 'c'), putOp('c'), putOp('A'))).toBe(false)
      }))

    it('[TXN12] the two branches of one nested transaction may change the same key', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.txn(txnOf([putOp('a')], [putOp('a')])))).toBe(undefined)
        const nested = txnOp([putOp('a')], [putOp('a'), deleteOp('b')])
        expect(refusal(() => store.txn(txnOf([nested])))).toBe(undefined)
        const crossed = txnOp([putOp('b')], [deleteOp('b')])
        expect(refusal(() => store.txn(txnOf([crossed])))).toBe(undefined)
        const twice = refusal(() => store.txn(txnOf([nested, txnOp([putOp('a')])])))
        expect(twice).toBe('duplicate-key')
      }))

    it('[TXN13] deletes may overlap, and a delete from a key on, or of nothing, is held against no put', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('b', '1'))
        const overlapping = store.txn(txnOf([deleteOp('a', 'c'), deleteOp('b')]))
        expect(opLines(overlapping.responses)).toEqual([
          { revision: 3, deleted: 1 },
          { revision: 3, deleted: 0 },
        ])
        store.txn(txnOf([putOp('b'), deleteOp('a', '\0')]))
        expect(lines(store)).toEqual([])
        store.txn(txnOf([deleteOp('\0', '\0'), deleteOp('c', 'a'), putOp('b', '2')]))
        expect(lines(store)).toEqual(['b=2 5/5/1'])
        store.txn(txnOf([deleteOp('a', '\0'), putOp('b', '3')]))
        expect(lines(store)).toEqual(['b=3 6/6/1'])
        expect(lines(store, { revision: 5 })).toEqual(['b=2 5/5/1'])
      }))

    it('[TXN14] a nested put is held against the nested deletes before it, not those after it', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const [put, remove] = [txnOp([putOp('a')]), txnOp([deleteOp('a')])]
        expect(refusal(() => store.txn(txnOf([remove, put])))).toBe('duplicate-key')
        expect(opLines(store.txn(txnOf([put, remove])).responses)).toEqual([
          [{ revision: 2, put: undefined }],
          [{ revision: 2, deleted: 1 }],
        ])
        expect(lines(store)).toEqual([])
      }))

    it('[TXN15] a put is checked against the state before the transaction', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('old', '1'))
        const kept = txnOp([putOp('new', '', { ignoreValue: true })])
        const created = refusal(() => store.txn(txnOf([txnOp([putOp('other')]), kept])))
        expect(created).toBe('key-not-found')
        const leased = putOp('a', '', { lease: 7n })
        expect(refusal(() => store.txn(txnOf([putOp('b'), leased])))).toBe('lease-not-found')
        expect(refusal(() => store.txn(txnOf([putOp('b')], [leased])))).toBe(undefined)
        expect(lines(store)).toEqual(['b= 3/3/1', 'old=1 2/2/1'])
      }))

    it('[TXN16] a range inside is refused for a revision after the one before the transaction, or below the compacted one', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.txn(txnOf([rangeAt(-1)])))).toBe(undefined)
        expect(refusal(() => store.txn(txnOf([rangeAt(-2)])))).toBe('compacted')
        store.put(putOf('a'))
        store.put(putOf('a'))
        store.compact(2)
        expect(refusal(() => store.txn(txnOf([putOp('b'), rangeAt(4)])))).toBe('future-revision')
        expect(refusal(() => store.txn(txnOf([putOp('b'), rangeAt(1)])))).toBe('compacted')
        expect(refusal(() => store.txn(txnOf([putOp('b'), rangeAt(-1)])))).toBe('compacted')
        expect(refusal(() => store.txn(txnOf([putOp('b'), txnOp([rangeAt(4)])])))).toBe(
          'future-revision',
        )
        expect(store.revision).toBe(3)
        expect(
          opLines(store.txn(txnOf([putOp('a', '3'), rangeAt(2), rangeAt(0)])).responses),
        ).toEqual([
          { revision: 4, put: undefined },
          { revision: 4, range: ['a= 2/2/1', 1] },
          { revision: 4, range: ['a=3 2/4/3', 1] },
        ])
      }))

    it('[TXN17] what a transaction keeps of a key that it has deleted itself is refused, and nothing is applied', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        const kept = putOp('a', '', { ignoreValue: true })
        const txn = txnOf([putOp('b'), deleteOp('a', '\0'), kept])
        expect(refusal(() => store.txn(txn))).toBe('key-not-found')
        expect([lines(store), store.revision]).toEqual([['a=1 2/2/1'], 2])
      }))

    it('[TXN18] the operations of the taken branch see those before them and answer in their order', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        const taken = [
          rangeOp('a', 'c'),
          putOp('a', '2', { prevKv: true }),
          rangeOp('a', 'c'),
          putOp('b'),
          deleteOp('0'),
          rangeOp('a', 'c'),
        ]
        const { succeeded, responses } = store.txn(txnOf([putOp('wrong')], taken, [compareOf('a')]))
        expect(succeeded).toBe(false)
        expect(opLines(responses)).toEqual([
          { revision: 2, range: ['a=1 2/2/1', 1] },
          { revision: 3, put: 'a=1 2/2/1' },
          { revision: 3, range: ['a=2 2/3/2', 1] },
          { revision: 3, put: undefined },
          { revision: 3, deleted: 0 },
          { revision: 3, range: ['a=2 2/3/2', 'b= 3/3/1', 2] },
        ])
      }))

    it('[TXN19] nested transactions take their branches and share the revision', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const inner = txnOp(
          [putOp('wrong')],
          [putOp('c'), rangeOp('c')],
          [compareOf('a', { version: 1 })],
        )
        const { responses } = store.txn(
          txnOf([putOp('a'), txnOp([putOp('b'), inner]), rangeOp('\0', '\0')]),
        )
        const all = ['a= 2/2/1', 'b= 2/2/1', 'c= 2/2/1', 3]
        expect(opLines(responses)).toEqual([
          { revision: 2, put: undefined },
          [
            { revision: 2, put: undefined },
            [
              { revision: 2, put: undefined },
              { revision: 2, range: ['c= 2/2/1', 1] },
            ],
          ],
          { revision: 2, range: all },
        ])
        expect(responses[1]).toMatchObject({
          txn: { succeeded: true, responses: [{}, { txn: { succeeded: false } }] },
        })
        store.deleteRange(deleteOf('a'))
        expect(store.revision).toBe(3)
      }))

    it('[TXN20] an empty transaction succeeds', () =>
      withSql((sql) => {
        expect(openStore(sql).txn(txnOf([]))).toEqual({ succeeded: true, responses: [] })
      }))

    it('[TXN22] all its ranges together read 10,000 keys and 4 MiB at most, and it is refused whole', () =>
      withSql((sql) => {
        const told: Told[] = []
        const store = openStore(sql, [], told)
        for (let i = 0; i < 5000; i += 100) {
          store.txn(txnOf(Array.from({ length: 100 }, (_, j) => putOp(numbered('k', i + j)))))
        }
        const { revision } = store
        told.length = 0
        const all = rangeOp('k', 'l')
        const nothing = rangeOp('k', 'l', { minModRevision: 1_000_000 })
        const sorted = rangeOp('k', numbered('k', 2000), { sortTarget: 3, sortOrder: 2 })
        const inner = txnOp([], [], comparesOfAll(2))
        expect(read(store.txn(txnOf([all, all])))).toEqual(['range', 'range'])
        expect(read(store.txn(txnOf([sorted])))).toEqual(['range'])
        expect(store.txn(txnOf([], [], comparesOfAll(2))).succeeded).toBe(true)
        // What is counted is not read.
        const counts = Array.from({ length: TXN_OPS_MAX }, () =>
          rangeOp('k', 'l', { countOnly: true }),
        )
        expect(read(store.txn(txnOf(counts)))).toHaveLength(TXN_OPS_MAX)
        for (const request of [
          txnOf([putOp('a', 'lost'), all, all, rangeOp('k0000')]),
          txnOf(
            [putOp('a', 'lost'), deleteOp('k', 'l'), putOp('b'), all, nothing, nothing],
            [],
            comparesOfAll(2),
          ),
          txnOf([nothing, nothing, all]),
          txnOf([sorted, rangeOp('k0000')]),
          txnOf([putOp('a', 'lost'), inner, txnOp([rangeOp('k0000')])]),
          txnOf([], [], comparesOfAll(3)),
          txnOf([putOp('a', 'lost'), all, all, deleteOp('k', 'l', true)]),
        ]) {
          expect(refusal(() => store.txn(request))).toBe('txn-reads-too-much')
        }
        expect([store.revision, told]).toEqual([revision, []])
        expect(keysOf(store, rangeOf('a'))).toEqual([])
        store.put(putOf('long', 'x'.repeat(1_000_000)))
        const long = rangeOp('long')
        expect(read(store.txn(txnOf([long, long, long, long, long])))).toHaveLength(5)
        expect(refusal(() => store.txn(txnOf([long, long, long, long, long, long])))).toBe(
          'txn-reads-too-much',
        )
      }))
  })
}
