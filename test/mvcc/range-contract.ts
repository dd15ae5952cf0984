import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/mvcc/store.ts'
import type { KeyValue, RangeRequest } from '../../src/mvcc/types.ts'
import { bytes, text } from '../model-rules.ts'
import {
  answer,
  answerOf,
  deleteOf,
  numbered,
  keysOf,
  line,
  lines,
  openStore,
  putOf,
  putOp,
  rangeOf,
  refusal,
  txnOf,
} from './requests.ts'
import type { WithSql } from './with-sql.ts'

/** Keys a to e, put at revisions 2 to 6; b and d then once more, at 7 and 8. */
function letters(store: Store): Store {
  for (const [i, letter] of Array.from('abcde').entries()) {
    store.put(putOf(letter, String(9 - i)))
  }
  store.put(putOf('b', 'x'))
  store.put(putOf('d', '0'))
  return store
}

const ALL = ['\0', '\0'] as const

export function describeSelection(withSql: WithSql): void {
  describe('range: which keys', () => {
    it('[RNG1] an empty key is refused', () =>
      withSql((sql) => {
        const store = openStore(sql)
        expect(refusal(() => store.range(rangeOf(''), 0))).toBe('empty-key')
        expect(refusal(() => store.range(rangeOf('', '\0'), 0))).toBe('empty-key')
      }))

    it('[RNG2] a sort order or a sort target that etcd does not know is refused', () =>
      withSql((sql) => {
        const store = openStore(sql)
        for (const options of [
          { sortOrder: 3 },
          { sortOrder: -1 },
          { sortTarget: 5 },
          { sortTarget: -1 },
        ]) {
          expect(refusal(() => store.range(rangeOf('a', '', options), 0))).toBe(
            'invalid-sort-option',
          )
        }
      }))

    it('[RNG3] no end is one key, a zero byte is all keys from the key on, another end is left out', () =>
      withSql((sql) => {
        const store = openStore(sql)
        for (const name of ['\0', 'a', 'a\0', 'ab', 'b', '\xff', '\xff\xff']) {
          store.put(putOf(name))
        }
        expect(keysOf(store, rangeOf('a'))).toEqual(['a'])
        expect(keysOf(store, rangeOf('c'))).toEqual([])
        expect(keysOf(store, rangeOf('a', 'b'))).toEqual(['a', 'a\0', 'ab'])
        expect(keysOf(store, rangeOf('aa', '\0'))).toEqual(['ab', 'b', '\xff', '\xff\xff'])
        expect(keysOf(store, rangeOf('\xff', '\0'))).toEqual(['\xff', '\xff\xff'])
      }))

    it('[RNG4] from "\\0" to "\\0" is everything, in the order of bytes', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const names = ['\0', '\0\0', '\x01', 'B', 'a', 'a\0', 'aa', 'b', '\x7f', '\x80', '\xff']
        for (const name of names.toReversed()) {
          store.put(putOf(name))
        }
        expect(keysOf(store, rangeOf(...ALL))).toEqual(names)
      }))

    it('[RNG5] a key at or behind the end of its range answers nothing', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        expect(answer(store, rangeOf('c', 'a'))).toEqual([0])
        expect(answer(store, rangeOf('c', 'c'))).toEqual([0])
        expect(answer(store, rangeOf('c', 'a', { revision: 4, sortTarget: 1 }))).toEqual([0])
        expect(answer(store, rangeOf('c', 'a', { countOnly: true }))).toEqual([0])
      }))

    it('[RNG6] a revision of 0 or less is the current one', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        expect(answer(store, rangeOf('b', '', { revision: -5 }))).toEqual(['b=x 3/7/2', 1])
      }))

    it('[RNG7] a revision after the current one is refused', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        expect(refusal(() => store.range(rangeOf('b', '', { revision: 9 }), 0))).toBe(
          'future-revision',
        )
        expect(refusal(() => store.range(rangeOf('b', '', { revision: 8 }), 0))).toBe(undefined)
      }))

    it('[RNG8] a past revision is read as it was', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '1'))
        store.put(putOf('b', '1'))
        store.put(putOf('a', '2'))
        store.deleteRange(deleteOf('\0', '\0'))
        store.put(putOf('a', '3'))
        store.put(putOf('c', '1'))
        expect(lines(store, { revision: 1 })).toEqual([])
        expect(lines(store, { revision: 2 })).toEqual(['a=1 2/2/1'])
        expect(lines(store, { revision: 3 })).toEqual(['a=1 2/2/1', 'b=1 3/3/1'])
        expect(lines(store, { revision: 4 })).toEqual(['a=2 2/4/2', 'b=1 3/3/1'])
        expect(lines(store, { revision: 5 })).toEqual([])
        expect(lines(store, { revision: 6 })).toEqual(['a=3 6/6/1'])
        expect(lines(store)).toEqual(['a=3 6/6/1', 'c=1 7/7/1'])
        expect(answer(store, rangeOf('a', '', { revision: 4 }))).toEqual(['a=2 2/4/2', 1])
        expect(answer(store, rangeOf('a', '', { revision: 5 }))).toEqual([0])
        expect(lines(store, { revision: 4, sortOrder: 2 })).toEqual(['b=1 3/3/1', 'a=2 2/4/2'])
      }))
  })
}

export function describeOptions(withSql: WithSql): void {
  describe('range: options', () => {
    it('[RNG9] the count is that of the whole range at the revision, whatever limit and filters say', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        expect(answer(store, rangeOf('a', 'e', { limit: 1 }))).toEqual(['a=9 2/2/1', 'more', 4])
        expect(answer(store, rangeOf('a', 'e', { minModRevision: 8 }))).toEqual(['d=0 5/8/2', 4])
        expect(answer(store, rangeOf('a', 'e', { revision: 4, limit: 2 })).at(-1)).toBe(3)
        expect(answer(store, rangeOf('b', '', { maxModRevision: 3 }))).toEqual([1])
      }))

    it('[RNG10] count_only answers no keys and no more', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        expect(answer(store, rangeOf(...ALL, { countOnly: true, limit: 2 }))).toEqual([5])
        expect(answer(store, rangeOf(...ALL, { countOnly: true, revision: 3 }))).toEqual([2])
        expect(answer(store, rangeOf('b', '', { countOnly: true }))).toEqual([1])
      }))

    it('[RNG11] a limit cuts the answer and says that there is more; at or below 0 there is none', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        const keys = (limit: number): unknown[] => {
          const { kvs, more } = store.range(rangeOf(...ALL, { limit }), Infinity)
          return [kvs.map((kv) => text(kv.key)).join(''), more]
        }
        expect(keys(4)).toEqual(['abcd', true])
        expect(keys(5)).toEqual(['abcde', false])
        expect(keys(6)).toEqual(['abcde', false])
        expect(keys(0)).toEqual(['abcde', false])
        expect(keys(-1)).toEqual(['abcde', false])
      }))

    it('[RNG12] the four filters bound mod and create revision, both ends included', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        const keys = (options: Partial<RangeRequest>): string =>
          keysOf(store, rangeOf(...ALL, options)).join('')
        expect(keys({ minModRevision: 6 })).toBe('bde')
        expect(keys({ maxModRevision: 6 })).toBe('ace')
        expect(keys({ minModRevision: 6, maxModRevision: 7 })).toBe('be')
        expect(keys({ minCreateRevision: 5 })).toBe('de')
        expect(keys({ maxCreateRevision: 3 })).toBe('ab')
        expect(keys({ minCreateRevision: 3, maxCreateRevision: 5, minModRevision: 5 })).toBe('bd')
        expect(keys({ revision: 6, minModRevision: 3, maxModRevision: 4 })).toBe('bc')
      }))

    it('[RNG13] filters and sort come before the limit', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        const request = { minModRevision: 6, limit: 2 }
        expect(answer(store, rangeOf(...ALL, request))).toEqual([
          'b=x 3/7/2',
          'd=0 5/8/2',
          'more',
          5,
        ])
        expect(keysOf(store, rangeOf(...ALL, { sortOrder: 2, limit: 2 }))).toEqual(['e', 'd'])
        const sorted = { sortOrder: 2, sortTarget: 3, limit: 3 }
        expect(keysOf(store, rangeOf(...ALL, sorted))).toEqual(['d', 'b', 'e'])
      }))

    it('[RNG14] an answer is sorted by key, version, create revision, mod revision or value', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.txn(txnOf([putOp('c', 'z')]))
        store.put(putOf('a', 'y'))
        store.put(putOf('b', 'w'))
        store.put(putOf('a', 'x'))
        store.put(putOf('a', 'x'))
        store.put(putOf('c', 'z'))
        const keys = (sortTarget: number, sortOrder: number, revision = 0): string =>
          keysOf(store, rangeOf(...ALL, { sortTarget, sortOrder, revision })).join('')
        expect([keys(0, 1), keys(0, 2)]).toEqual(['abc', 'cba'])
        expect([keys(1, 1), keys(1, 2)]).toEqual(['bca', 'acb'])
        expect([keys(2, 1), keys(2, 2)]).toEqual(['cab', 'bac'])
        expect([keys(3, 1), keys(3, 2)]).toEqual(['bac', 'cab'])
        expect([keys(4, 1), keys(4, 2)]).toEqual(['bac', 'cab'])
        expect([keys(4, 1, 4), keys(3, 2, 4)]).toEqual(['bac', 'bac'])
      }))

    it('[RNG15] a sort target without an order sorts, ascending, what the limit let through', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        const request = { sortTarget: 4, limit: 2 }
        // The first three by key are a=9, b=x and c=7; by value c comes first.
        expect(answer(store, rangeOf(...ALL, request))).toEqual([
          'c=7 4/4/1',
          'a=9 2/2/1',
          'more',
          5,
        ])
        const filtered = { ...request, minModRevision: 1 }
        expect(keysOf(store, rangeOf(...ALL, filtered))).toEqual(['d', 'e'])
      }))

    it('[RNG16] keys_only leaves out values and leases, but for the leases of a sort by value', () =>
      withSql((sql) => {
        const store = openStore(sql, [7n])
        store.put(putOf('a', '2', { lease: 7n }))
        store.put(putOf('b', '1', { lease: 7n }))
        expect(lines(store, { keysOnly: true })).toEqual(['a= 2/2/1', 'b= 3/3/1'])
        expect(lines(store, { keysOnly: true, revision: 2 })).toEqual(['a= 2/2/1'])
        expect(answer(store, rangeOf('a', '', { keysOnly: true }))).toEqual(['a= 2/2/1', 1])
        const byValue = { keysOnly: true, sortTarget: 4 }
        expect(lines(store, byValue)).toEqual(['b= 3/3/1 lease 7', 'a= 2/2/1 lease 7'])
      }))

    it('[RNG17] values of any length come whole, now and at a past revision', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const lengths = [0, 1, 768, 769, 16_384, 16_385, 1_500_000]
        for (const [i, length] of lengths.entries()) {
          store.put(putOf(numbered('k', i), '', { value: new Uint8Array(length).fill(i) }))
        }
        const before = store.revision
        const check = (kvs: readonly KeyValue[]): void => {
          expect(kvs.map((kv) => kv.value.length)).toEqual(lengths)
          expect(kvs.every((kv, i) => kv.value.every((byte) => byte === i))).toBe(true)
        }
        const events = [...store.events(2, { start: bytes('k'), end: undefined })]
        check(events.map((event) => event.kv))
        store.deleteRange(deleteOf('k', 'l'))
        check(store.range(rangeOf('k', 'l', { revision: before }), Infinity).kvs)
        for (const [i, length] of lengths.entries()) {
          store.put(putOf(numbered('k', i), '', { value: new Uint8Array(length).fill(i) }))
        }
        check(store.range(rangeOf('k', 'l'), Infinity).kvs)
        const sorted = rangeOf('k', 'l', { sortTarget: 2, sortOrder: 1 })
        check(store.range(sorted, Infinity).kvs)
      }))
  })
}

const KEYS = 1500
const PAGE_BYTES = 300

/** More keys than one piece of a read has rows, a third of them changed since. */
function many(store: Store): Store {
  for (let i = 0; i < KEYS; i++) {
    store.put(putOf(numbered('k', i), String(i)))
  }
  return store
}

/** The whole answer page by page, with something happening between two pages. */
function readPages(store: Store, request: RangeRequest, between: () => void): (string | number)[] {
  let page = store.range(request, PAGE_BYTES)
  const { count } = page
  const kvs = [...page.kvs]
  let pages = 1
  while (page.next !== undefined) {
    between()
    page = store.rangeNext(request, page.next, PAGE_BYTES)
    kvs.push(...page.kvs)
    pages++
  }
  expect(pages).toBeGreaterThan(3)
  return answerOf({ kvs, more: page.more, count })
}

export function describePages(withSql: WithSql): void {
  describe('range: pages', () => {
    it('[RNG18] the pages of a range are its answer at the revision of the first, whatever is written meanwhile', () =>
      withSql((sql) => {
        const store = many(openStore(sql))
        const requests = [
          rangeOf('k', '\0'),
          rangeOf(numbered('k', 3), numbered('k', 900), { sortOrder: 2, limit: 300 }),
          rangeOf('k', 'l', { sortTarget: 3, sortOrder: 2, limit: 200 }),
          rangeOf('k', 'l', { sortTarget: 4, limit: 200 }),
          rangeOf('k', 'l', { minModRevision: 600, maxCreateRevision: 1400, limit: 250 }),
          rangeOf('k', 'l', { keysOnly: true, revision: 1200 }),
        ]
        let i = 0
        for (const request of requests) {
          const whole = answer(store, request)
          const between = (): void => {
            i += 7
            store.put(putOf(numbered('k', i % KEYS), 'new'))
            store.deleteRange(deleteOf(numbered('k', (i * 5) % KEYS)))
            store.put(putOf(numbered('kk', i)))
          }
          expect(readPages(store, request, between)).toEqual(whole)
        }
      }))

    it('[RNG13] of many keys a sort keeps what the limit wants, whichever come first', () =>
      withSql((sql) => {
        const store = many(openStore(sql))
        const all = Array.from({ length: KEYS }, (_, i) => numbered('k', i))
        // From some 1,300 keys on, those behind the limit are dropped in between.
        for (const keys of [1299, 1300, 1301, 1302, KEYS]) {
          const sorted = { sortTarget: 3, sortOrder: 2, limit: 150 }
          const page = store.range(rangeOf('k', numbered('k', keys), sorted), Infinity)
          const names = page.kvs.map((kv) => text(kv.key))
          expect(names).toEqual(all.slice(0, keys).toReversed().slice(0, 150))
          expect([page.more, page.count]).toEqual([true, keys])
        }
      }))

    it('[RNG19] a limit that a page fills to the last key ends the answer', () =>
      withSql((sql) => {
        const store = letters(openStore(sql))
        const request = rangeOf(...ALL, { limit: 2 })
        const first = store.range(request, 1)
        expect(first.kvs.map(line)).toEqual(['a=9 2/2/1'])
        expect(first.next).toMatchObject({ revision: 8, left: 1 })
        const last = first.next && store.rangeNext(request, first.next, 1)
        expect(last).toMatchObject({ more: true, next: undefined })
        expect(last?.kvs.map(line)).toEqual(['b=x 3/7/2'])
      }))

    it('[RNG20] pages of a compacted revision go on while they are pinned, and are refused after', () =>
      withSql((sql) => {
        const store = many(openStore(sql))
        store.put(putOf(numbered('k', 1499), 'late'))
        const request = rangeOf('k', 'l', { revision: KEYS + 1 })
        const whole = answer(store, request)
        const first = store.range(request, 500)
        store.compact(store.revision)
        expect(refusal(() => store.range(request, 500))).toBe('compacted')
        while (store.compactSlice(KEYS + 1)) {
          // Until only what the pinned pages need is left.
        }
        expect(store.compactionPending).toBe(true)
        const rest = first.next && store.rangeNext(request, first.next, Infinity)
        expect([...first.kvs, ...(rest?.kvs ?? [])].map(line)).toEqual(whole.slice(0, -1))
        while (store.compactSlice(undefined)) {
          // Until nothing is left to be deleted.
        }
        const again = (): unknown => first.next && store.rangeNext(request, first.next, 500)
        expect(refusal(again)).toBe('compacted')
      }))

    it('[RNG21] the count of a long range is right after every kind of change, now and in the past', () =>
      withSql((sql) => {
        const store = many(openStore(sql))
        const count = (from: string, end: string, revision = 0): number =>
          store.range(rangeOf(from, end, { countOnly: true, revision }), 0).count
        expect(count('k', 'l')).toBe(KEYS)
        const before = store.revision
        store.deleteRange(deleteOf(numbered('k', 100), numbered('k', 400)))
        store.put(putOf(numbered('k', 50), 'again'))
        store.txn(txnOf([putOp('k!'), putOp(numbered('k', 200))]))
        expect(count('k', 'l')).toBe(KEYS - 300 + 2)
        expect(count('\0', '\0')).toBe(KEYS - 300 + 2)
        expect(count(numbered('k', 1), numbered('k', 1400))).toBe(1399 - 299)
        expect(count('k', 'l', before)).toBe(KEYS)
        expect(count(numbered('k', 300), 'l', before)).toBe(KEYS - 300)
        expect(count('k', '\0', 800)).toBe(799)
        expect(count('k', '\0', 2)).toBe(1)
        expect(store.keys).toBe(KEYS - 300 + 2)
      }))
  })
}
