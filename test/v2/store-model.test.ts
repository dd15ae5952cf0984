import fc from 'fast-check'
import { expect, it } from 'vitest'
import { V2Error } from '../../src/v2/error.ts'
import type { V2NodeView } from '../../src/v2/node-view.ts'
import { shownPath } from '../../src/v2/path.ts'
import { type V2Content, V2Store } from '../../src/v2/store.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'
import { runs } from '../runs.ts'
import { everything, ModelError, type ModelNode, V2Model } from './model.ts'

const NOW = 1_700_000_000_000

const path = fc
  .array(fc.constantFrom('a', 'b', '_h', 'é', 'a!'), { maxLength: 3 })
  .map((names) => names.map((name) => `/${name}`).join(''))
const value = fc.constantFrom('', 'x', 'y')
const content: fc.Arbitrary<V2Content> = fc.record({
  dir: fc.boolean(),
  value,
  expires: fc.option(
    fc.integer({ min: 1, max: 8 }).map((seconds) => NOW + seconds * 1000),
    { nil: undefined },
  ),
  refresh: fc.constant(false),
})
const prevIndex = fc.integer({ min: 0, max: 12 })

type Step = (store: V2Store, model: V2Model) => readonly [() => unknown, () => unknown]

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({ path, content, isNew: fc.boolean() })
    .map(({ path: at, content: to, isNew }): Step => (store, model) => [
      () => (isNew ? store.create(`/1${at}`, to, false, NOW) : store.set(`/1${at}`, to, NOW)),
      () => model.set(at, to, isNew),
    ]),
  fc.record({ path, content }).map(({ path: at, content: to }): Step => (store, model) => [
    () => store.update(`/1${at}`, to, NOW),
    () => model.update(at, to),
  ]),
  fc
    .record({ path, content, prev: value, prevIndex })
    .map(({ path: at, content: to, prev, prevIndex: index }): Step => (store, model) => [
      () => store.compareAndSwap(`/1${at}`, { value: prev, index: BigInt(index) }, to, NOW),
      () => model.swap(at, prev, index, to),
    ]),
  fc
    .record({ path, dir: fc.boolean(), recursive: fc.boolean() })
    .map(({ path: at, dir, recursive }): Step => (store, model) => [
      () => store.delete(`/1${at}`, dir, recursive, NOW),
      () => model.delete(at, dir, recursive),
    ]),
  fc
    .record({ path, prev: value, prevIndex })
    .map(({ path: at, prev, prevIndex: index }): Step => (store, model) => [
      () => store.compareAndDelete(`/1${at}`, { value: prev, index: BigInt(index) }, NOW),
      () => model.compareAndDelete(at, prev, index),
    ]),
  path.map((at): Step => (store, model) => [
    () => store.get(`/1${at}`, true, NOW),
    () => model.get(at),
  ]),
  fc.integer({ min: 1, max: 8 }).map((seconds): Step => (store, model) => [
    () => store.expire(NOW + seconds * 1000, 100),
    () => model.expire(NOW + seconds * 1000),
  ]),
)

function outcome(run: () => unknown): string {
  try {
    run()
    return 'done'
  } catch (error) {
    if (error instanceof V2Error) {
      return `${error.code} ${shownPath(error.cause)}`
    }
    if (error instanceof ModelError) {
      return `${error.code} ${error.message}`
    }
    throw error
  }
}

/** What a list without hidden nodes shows. */
function shown(node: V2NodeView): readonly string[] {
  const { isDir, value: text = '', created, modified, expires = '' } = node
  return [
    `${shownPath(node.path)} ${isDir ? '/' : text} ${created} ${modified} ${expires}`,
    ...node.nodes.flatMap(shown),
  ]
}

function modelShown(node: ModelNode): readonly string[] {
  const { children, value: text, created, modified, expires = '' } = node
  const visible = [...(children?.values() ?? [])].filter(
    (child) => !child.path.slice(node.path.length + 1).startsWith('_'),
  )
  const sorted = visible.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
  )
  return [
    `${node.path} ${children === undefined ? text : '/'} ${created} ${modified} ${expires}`,
    ...sorted.flatMap(modelShown),
  ]
}

it('[V2K1][V2K4][V2K6] the store does what a tree of plain objects does, after a restart too', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const sql = openNodeSql()
      const store = new V2Store(sql)
      const model = new V2Model()
      for (const one of steps) {
        const [real, expected] = one(store, model)
        const last = store.index
        expect(outcome(real)).toBe(outcome(expected))
        expect(store.index).toBe(model.index)
        expect(store.index).toBeGreaterThanOrEqual(last)
      }
      for (const each of [store, new V2Store(sql)]) {
        expect(each.index).toBe(model.index)
        expect(shown(each.get('/1', true, NOW).node)).toEqual(modelShown(model.root))
        for (const { path: at } of everything(model.root)) {
          const [own] = shown(each.get(`/1${at}`, false, NOW).node)
          expect(own).toBe(modelShown(model.get(at))[0])
        }
      }
    }),
    { numRuns: runs(400) },
  )
})
