import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/mvcc/key-range.ts'
import { KEY_BYTES_MAX } from '../../src/mvcc/log.ts'
import { numberOf, type Sql } from '../../src/mvcc/sql.ts'
import type { Store } from '../../src/mvcc/store.ts'
import type { KeyValue } from '../../src/mvcc/types.ts'
import { ROW_BYTES_MAX } from '../../src/mvcc/value-parts.ts'
import { bytes } from '../model-rules.ts'
import {
  compareOf,
  deleteOf,
  deleteOp,
  openStore,
  putOf,
  rangeOf,
  rangeOp,
  refusal,
  txnOf,
} from './requests.ts'
import type { WithSql } from './with-sql.ts'

/** What a request of 10 MiB, the most that is promised, can bring. */
const LONGEST = 10 * 1024 * 1024
const ALL = { start: bytes('\0'), end: undefined }

/** No two parts of it are alike. */
function valueOf(length: number, seed: number): Uint8Array {
  const value = new Uint8Array(length).fill(seed)
  for (let i = 0; i < length; i += 4096) {
    value[i] = (i / 4096 + seed) & 0xff
  }
  return value
}

function parts(sql: Sql): number {
  return numberOf(sql.first('SELECT count(*) FROM value_part')?.[0])
}

/** A key of `length` bytes, all of them `k` but the last. */
function longKey(length: number, last = 'k'): Uint8Array {
  const key = new Uint8Array(length).fill(0x6b)
  key[length - 1] = last.charCodeAt(0)
  return key
}

function finish(store: Store): void {
  while (store.compactSlice(undefined)) {
    // Until nothing is left to be deleted.
  }
}

function isSame(kv: KeyValue | undefined, value: Uint8Array): boolean {
  return kv !== undefined && equalBytes(kv.value, value)
}

export function describeLong(withSql: WithSql): void {
  describe('long values and keys', () => {
    it.each([LONGEST, ROW_BYTES_MAX, 2 * ROW_BYTES_MAX + 1])(
      '[LNG1] a value of %d bytes is whole wherever it is read',
      (length) =>
        withSql((sql) => {
          const store = openStore(sql, [7n])
          const [first, second] = [valueOf(length, 1), valueOf(length, 2)]
          store.put(putOf('a', '', { value: first, lease: 7n }))
          const { prevKv } = store.put(putOf('a', '', { value: second, prevKv: true }))
          store.put(putOf('b', 'short'))
          const reopened = openStore(sql, [7n])
          const one = (options: object): KeyValue | undefined =>
            reopened.range(rangeOf('a', '', options), 1).kvs[0]
          const listed = (options: object): KeyValue | undefined =>
            reopened.range(rangeOf('\0', '\0', options), Infinity).kvs[0]
          const sorted = { sortTarget: 2, sortOrder: 1 }
          const byValue = { sortTarget: 4, sortOrder: 1 }
          const equal = [compareOf('a', { target: 3, value: second })]
          const txn = reopened.txn(txnOf([rangeOp('a'), deleteOp('a', '', true)], [], equal))
          const [range, deleted] = txn.responses
          const events = [...reopened.events(2, ALL)]
          const before = { revision: 3 }
          const reads: [what: string, kv: KeyValue | undefined, value: Uint8Array][] = [
            ['prev_kv of a put', prevKv, first],
            ['a past revision', one({ revision: 2 }), first],
            ['that of a deleted key', one(before), second],
            ['a list', listed(before), second],
            ['a sorted list', listed({ ...before, ...sorted }), second],
            ['a list by value', listed({ ...before, ...byValue }), second],
            [
              'a range in a transaction',
              range?.kind === 'range' ? range.range.kvs[0] : undefined,
              second,
            ],
            [
              'prev_kv of a delete',
              deleted?.kind === 'delete-range' ? deleted.deleteRange.prevKvs[0] : undefined,
              second,
            ],
            ['an event', events[0]?.kv, first],
            ['the next one', events[1]?.kv, second],
            ['the version before it', events[1] && reopened.previous(events[1]), first],
            ['that before its deletion', events[3] && reopened.previous(events[3]), second],
          ]
          expect(txn.succeeded).toBe(true)
          expect(reads.filter(([, kv, value]) => !isSame(kv, value)).map(([what]) => what)).toEqual(
            [],
          )
        }),
    )

    it('[LNG1] it is kept where a put ignores the value', () =>
      withSql((sql) => {
        const store = openStore(sql, [7n])
        const value = valueOf(LONGEST, 3)
        store.put(putOf('a', '', { value }))
        store.put(putOf('a', '', { ignoreValue: true, lease: 7n }))
        const [kv] = store.range(rangeOf('a'), 0).kvs
        expect([isSame(kv, value), kv?.version, kv?.lease]).toEqual([true, 2, 7n])
      }))

    it('[LNG2] the history of a snapshot has it, and its length', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const value = valueOf(LONGEST, 4)
        store.put(putOf('a', '', { value }))
        store.deleteRange(deleteOf('a'))
        store.put(putOf('a', '1'))
        const [first, ...others] = [...store.changes(4)]
        expect(isSame(first?.kv, value)).toBe(true)
        expect(others.map(({ kv }) => kv.value.length)).toEqual([0, 1])
        const lengths = [...store.changeSizes(4)].map(({ kv }) => kv.value.length)
        expect(lengths).toEqual([LONGEST, 0, 1])
      }))

    it('[LNG3] its parts go with the row of the log that it belongs to, and count as its database', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '', { value: valueOf(LONGEST, 5) }))
        expect(sql.databaseSize).toBeGreaterThan(LONGEST)
        expect(parts(sql)).toBe(7)
        store.put(putOf('a', '', { value: valueOf(2 * ROW_BYTES_MAX, 6) }))
        store.put(putOf('b', '', { value: valueOf(ROW_BYTES_MAX, 7) }))
        expect(parts(sql)).toBe(7 + 2 + 1)
        store.deleteRange(deleteOf('b'))
        expect(parts(sql)).toBe(7 + 2 + 1)
        store.compact(store.revision)
        finish(store)
        expect(parts(sql)).toBe(2)
        expect(store.range(rangeOf('\0', '\0'), Infinity).kvs[0]?.value.length).toBe(
          2 * ROW_BYTES_MAX,
        )
        expect(sql.databaseSize).toBeLessThan(LONGEST)
      }))

    it('[LNG4] a key and its value of up to 1.5 MiB, which is all that the default limit lets in, are not cut', () =>
      withSql((sql) => {
        const store = openStore(sql)
        store.put(putOf('a', '', { value: valueOf(ROW_BYTES_MAX - 1, 8) }))
        store.put({ ...putOf(''), key: longKey(KEY_BYTES_MAX - 1000), value: valueOf(1000, 9) })
        expect(parts(sql)).toBe(0)
        store.put({ ...putOf(''), key: longKey(KEY_BYTES_MAX), value: valueOf(1000, 10) })
        expect(parts(sql)).toBe(1)
        const kvs = store.range(rangeOf('k', 'l'), Infinity).kvs
        expect(kvs.map(({ value }) => value.length)).toEqual([1000, 1000])
      }))

    it('[LNG5] a key of 1.5 MiB is a key like any other, and a longer one is too large a request', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const key = longKey(KEY_BYTES_MAX)
        store.put({ ...putOf('', '1'), key })
        store.put({ ...putOf('', '2'), key })
        expect(store.range({ ...rangeOf(''), key }, 0).kvs[0]?.version).toBe(2)
        expect(store.range({ ...rangeOf('', '', { revision: 2 }), key }, 0).kvs[0]?.version).toBe(1)
        const tooLong = { ...putOf('', '3'), key: longKey(KEY_BYTES_MAX + 1) }
        expect(refusal(() => store.put(tooLong))).toBe('request-too-large')
        const txn = txnOf([{ requestPut: tooLong }])
        expect(refusal(() => store.txn(txn))).toBe('request-too-large')
        expect(store.revision).toBe(3)
        expect(store.deleteRange({ ...deleteOf(''), key }).deleted).toBe(1)
      }))

    it('[LNG6] ranges from and to longer keys than can be are those that they would be', () =>
      withSql((sql) => {
        const store = openStore(sql)
        const longest = longKey(KEY_BYTES_MAX)
        store.put({ ...putOf('', 'longest'), key: longest })
        store.put({ ...putOf('', 'last'), key: longKey(KEY_BYTES_MAX, 'l') })
        const beyond = longKey(9 * 1024 * 1024)
        const values = (key: Uint8Array, rangeEnd: Uint8Array): string[] =>
          store
            .range({ ...rangeOf(''), key, rangeEnd }, Infinity)
            .kvs.map((kv) => new TextDecoder().decode(kv.value))
        expect(values(beyond, bytes(''))).toEqual([])
        expect(values(beyond, bytes('\0'))).toEqual(['last'])
        expect(values(longest, beyond)).toEqual(['longest'])
        expect(values(bytes('a'), longKey(9 * 1024 * 1024, 'l'))).toEqual(['longest'])
        const missing = compareOf('', { key: beyond, target: 0, version: 0 })
        expect(store.txn(txnOf([], [], [missing])).succeeded).toBe(true)
        expect(store.deleteRange({ ...deleteOf(''), key: beyond }).deleted).toBe(0)
        expect(store.deleteRange({ ...deleteOf('', '\0'), key: beyond }).deleted).toBe(1)
        expect(values(bytes('\0'), bytes('\0'))).toEqual(['longest'])
      }))
  })
}
