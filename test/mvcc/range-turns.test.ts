import { describe, expect, it } from 'vitest'
import type { RangeCursor, RangePage, SizedPage } from '../../src/mvcc/range-page.ts'
import { ReadBudget } from '../../src/mvcc/read-budget.ts'
import { SortedRanges } from '../../src/mvcc/sorted-ranges.ts'
import type { Store } from '../../src/mvcc/store.ts'
import type { RangeRequest } from '../../src/mvcc/types.ts'
import { openNodeSql } from './node-sql.ts'
import { answerOf, deleteOf, numbered, openStore, putOf, rangeOf, refusal } from './requests.ts'
import { unpacked } from './unpacked.ts'

const KEYS = 3000
const ROWS_MAX = 100
const BYTES_MAX = 4000
/** Of one read of SQLite, which may go beyond what is wanted. */
const PIECE_ROWS = 256

/** Keys whose values are in another order than they, some of them changed, others deleted since. */
function filled(): { readonly sql: ReturnType<typeof openNodeSql>; readonly store: Store } {
  const sql = openNodeSql()
  const store = openStore(sql)
  for (let i = 0; i < KEYS; i++) {
    store.put(putOf(numbered('k', i), `${(i * 7919) % KEYS}`.padStart(20, '0')))
  }
  return { sql, store }
}

interface Reading {
  readonly answer: (string | number)[]
  /** What each page has read of SQLite. */
  readonly rows: readonly number[]
}

function read(
  { sql, store }: ReturnType<typeof filled>,
  request: RangeRequest,
  between: () => void = () => undefined,
): Reading {
  const rows: number[] = []
  const counted = (page: () => RangePage): RangePage => {
    sql.rowsRead = 0
    const answer = page()
    rows.push(sql.rowsRead)
    return answer
  }
  let page = counted(() => store.range(request, BYTES_MAX, ROWS_MAX))
  const { count } = page
  const kvs = [...page.kvs]
  for (let { next } = page; next !== undefined; next = page.next) {
    between()
    const cursor = next
    page = counted(() => store.rangeNext(request, cursor, BYTES_MAX, ROWS_MAX))
    kvs.push(...page.kvs)
  }
  return { answer: answerOf({ kvs, more: page.more, count }), rows }
}

const future = 1_000_000_000

describe('the pages of a range', () => {
  it.each<[string, Partial<RangeRequest>]>([
    ['all of it', {}],
    ['keys without values', { keysOnly: true }],
    ['backwards', { sortOrder: 2 }],
    ['a filter that nothing passes', { minModRevision: future }],
    [
      'a filter that only the first key passes, and a limit of one',
      { maxModRevision: 2, limit: 1 },
    ],
    ['an old revision', { revision: KEYS / 2 }],
    ['an old revision and a filter', { revision: KEYS / 2, minCreateRevision: future }],
    ['sorted by version', { sortTarget: 1, sortOrder: 1 }],
    ['sorted by creation, backwards', { sortTarget: 2, sortOrder: 2 }],
    ['sorted by change, a few of them', { sortTarget: 3, sortOrder: 2, limit: 10 }],
    ['sorted by value', { sortTarget: 4, sortOrder: 1 }],
    ['sorted by value, with a filter', { sortTarget: 4, sortOrder: 2, minModRevision: 2900 }],
    ['the keys sorted by value', { sortTarget: 4, keysOnly: true }],
  ])('[RNG23] none reads more rows than a turn has: %s', (_, options) => {
    const world = filled()
    const request = rangeOf('k', 'l', options)
    const whole = answerOf(world.store.range(request, Infinity))
    const { answer, rows } = read(world, request)
    expect(answer).toEqual(whole)
    expect(rows.length).toBeGreaterThanOrEqual(KEYS / ROWS_MAX / 2)
    // To sort, to answer, and the counts of a bucket at either end.
    expect(Math.max(...rows)).toBeLessThan(ROWS_MAX + 2 * PIECE_ROWS)
  })

  it.each<[string, Partial<RangeRequest>]>([
    ['all of it', {}],
    ['keys without values', { keysOnly: true }],
    ['a filter that nothing passes', { minModRevision: future }],
    ['an old revision', { revision: KEYS / 2 }],
    ['sorted by value', { sortTarget: 4, sortOrder: 1 }],
  ])('[RNG26] to measure it reads no more rows than a turn has: %s', (_, options) => {
    const { sql, store } = filled()
    const request = rangeOf('k', 'l', options)
    const first = store.range(request, BYTES_MAX, ROWS_MAX)
    let at: RangeCursor | undefined = first.next && { ...first.next, order: undefined }
    const rows: number[] = []
    while (at !== undefined) {
      sql.rowsRead = 0
      const page: SizedPage = store.sizeRange(request, at, BYTES_MAX, ROWS_MAX)
      rows.push(sql.rowsRead)
      at = page.next
    }
    expect(rows.length).toBeGreaterThanOrEqual(KEYS / ROWS_MAX / 2 - 1)
    expect(Math.max(...rows)).toBeLessThan(ROWS_MAX + 2 * PIECE_ROWS)
  })

  it.each<[string, Partial<RangeRequest>]>([
    ['all of it', {}],
    ['backwards', { sortOrder: 2 }],
    ['up to a limit', { limit: 777 }],
    ['up to a limit that a page fills', { limit: 5 * ROWS_MAX }],
  ])('[RNG27] packed pages are the pages: %s', (_, options) => {
    const { store } = filled()
    store.put({ ...putOf(numbered('k', 70)), value: new Uint8Array(7000) })
    store.put({ ...putOf(`${numbered('k', 80)}${'x'.repeat(2000)}`) })
    const request = rangeOf('k', 'l', options)
    let page = store.range(request, BYTES_MAX, ROWS_MAX)
    let packed = store.rangePacked(request, BYTES_MAX, ROWS_MAX)
    let pages = 1
    for (; page.next !== undefined; pages++) {
      expect('rows' in packed).toBe(true)
      expect(unpacked(packed)).toEqual(page)
      packed = store.rangeNextPacked(request, page.next, BYTES_MAX, ROWS_MAX)
      page = store.rangeNext(request, page.next, BYTES_MAX, ROWS_MAX)
    }
    expect(unpacked(packed)).toEqual(page)
    expect(pages).toBeGreaterThan(4)
  })

  it('[RNG24] a sorted answer reads what it sorts once, and what it answers once more', () => {
    const world = filled()
    const sorted = rangeOf('k', 'l', { sortTarget: 3, sortOrder: 2 })
    const i = { at: 0 }
    const { rows } = read(world, sorted, () => {
      world.store.put(putOf(numbered('k', (i.at += 7) % KEYS), 'meanwhile'))
      world.store.deleteRange(deleteOf(numbered('k', (i.at * 5) % KEYS)))
    })
    const total = rows.reduce((sum, each) => sum + each, 0)
    // A run of 100 rows is read in a piece of 256; who looks at an old revision looks at each change.
    expect(total).toBeLessThan(KEYS * (PIECE_ROWS / ROWS_MAX + 3))
  })

  it('[RNG24] goes on behind what was answered where memory has lost the order', () => {
    const world = filled()
    const request = rangeOf('k', 'l', { sortTarget: 4, sortOrder: 1, limit: 700 })
    const whole = answerOf(world.store.range(request, Infinity))
    let { store } = world
    let page = store.range(request, BYTES_MAX, ROWS_MAX)
    const { count } = page
    const kvs = [...page.kvs]
    for (let { next } = page; next !== undefined; next = page.next) {
      page = store.rangeNext(request, next, BYTES_MAX, ROWS_MAX)
      kvs.push(...page.kvs)
      if (kvs.length > 300 && store === world.store) {
        store = openStore(world.sql)
        // Another answer has the number that this one had, and is somewhere else.
        store.range(request, BYTES_MAX, ROWS_MAX)
      }
    }
    expect(store).not.toBe(world.store)
    expect(answerOf({ kvs, more: page.more, count })).toEqual(whole)
  })

  it('[RNG25] orders that do not fit into memory are refused, until others have ended', () => {
    const { sql, store } = filled()
    const ranges = new SortedRanges(60_000)
    const view = { sql, current: store.revision, count: () => KEYS }
    const request = rangeOf('k', 'l', { sortTarget: 3, sortOrder: 1 })
    const page = (cursor: Parameters<typeof ranges.page>[2]): RangePage =>
      ranges.page(view, request, cursor, new ReadBudget(Infinity, KEYS + 2000))
    const begin = { revision: store.revision, after: undefined, skip: 0, left: 0 }
    const sorted = (): RangePage => page(begin)
    const first = sorted()
    expect(refusal(sorted)).toBe('sort-too-large')
    expect(first.next && page(first.next).kvs.length).toBeGreaterThan(0)
    if (first.next !== undefined) {
      ranges.end(first.next)
    }
    expect(ranges.bytes).toBe(0)
    expect(sorted().next).toBeDefined()
  })
})
