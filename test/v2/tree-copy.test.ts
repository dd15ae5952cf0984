import fc from 'fast-check'
import { expect, it } from 'vitest'
import { V2Error } from '../../src/v2/error.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import { copyTree, insertTree, treeBytes } from '../../src/v2/tree-copy.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'

const NOW = 1_700_000_000_120

const content = fc.record({
  dir: fc.boolean(),
  value: fc.oneof(fc.string({ maxLength: 5 }), fc.constant('x'.repeat(1_500_000))),
  expires: fc.option(fc.integer({ min: NOW + 1, max: NOW + 10_000 }), { nil: undefined }),
  refresh: fc.constant(false),
})
const path = fc.constantFrom('/a', '/a/b', '/a/b/c', '/d', '/_hidden/e')
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), path, content }),
  fc.record({ kind: fc.constant('create' as const), path, content }),
)

/** What is refused changes nothing. */
function tried(change: () => unknown): void {
  try {
    change()
  } catch (error) {
    if (!(error instanceof V2Error)) {
      throw error
    }
  }
}

function read(store: V2Store): string {
  return Buffer.from(store.get('/', true, NOW).bytes).toString()
}

it('[FRK2] the copy of a v2 store has its nodes, its index and its changes, and goes on as one', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const sql = openNodeSql()
      const store = new V2Store(sql)
      for (const { kind, path: at, content: made } of steps) {
        const value: V2Content = made.dir ? { ...made, value: '' } : made
        tried(() =>
          kind === 'set' ? store.set(at, value, NOW) : store.create(at, value, true, NOW),
        )
      }
      const target = openNodeSql()
      insertTree(target, structuredClone(copyTree(sql)))
      expect(copyTree(target)).toEqual(copyTree(sql))
      expect(treeBytes(target)).toBe(treeBytes(sql))
      const copy = new V2Store(target)
      expect([copy.index, copy.nextExpiry]).toEqual([store.index, new V2Store(sql).nextExpiry])
      const next = { dir: false, value: 'next', expires: undefined, refresh: false }
      for (const each of [store, copy]) {
        tried(() => each.set('/next', next, NOW))
      }
      expect(read(copy)).toBe(read(store))
      expect(copy.index).toBe(store.index)
    }),
    { numRuns: runs(50) },
  )
})
