import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyCount } from '../../src/mvcc/key-count.ts'
import { text } from '../model-rules.ts'
import { runs } from '../runs.ts'
import { openNodeSql } from './node-sql.ts'

const INSERT = 'INSERT INTO current (key, id, create_revision, version) VALUES (?, 1, 1, 1)'
const DELETE = 'DELETE FROM current WHERE key = ?'

const anyKey = fc.integer({ min: 0, max: 600 }).map((n) => Uint8Array.of(n >> 8, n))
const anyEnd = fc.option(anyKey, { nil: undefined })

const anyStep = fc.oneof(
  fc.record({ keys: fc.array(anyKey, { maxLength: 30, size: 'max' }) }),
  fc.record({ start: anyKey, end: anyEnd }),
  fc.constant('forget' as const),
  fc.constant('clear' as const),
)

it('[RNG22] buckets of a few keys count as reading all keys does', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(anyStep, { size: '+1' }),
      (size, steps) => {
        const sql = openNodeSql()
        const count = new KeyCount(sql, size)
        const living = new Map<string, Uint8Array>()
        const counted: number[][] = []
        for (const step of steps) {
          if (step === 'forget') {
            count.forget()
          } else if (step === 'clear' || 'keys' in step) {
            const changed = step === 'clear' ? [...living.values()] : step.keys
            const keys = new Map(changed.map((key) => [text(key), key]))
            const [deleted, created] = split(keys, living)
            created.forEach((key) => sql.run(INSERT, key))
            deleted.forEach((key) => sql.run(DELETE, key))
            count.changed(created, deleted)
          } else {
            const [start, end] = [text(step.start), step.end && text(step.end)]
            const keys = [...living.keys()].filter(
              (key) => key >= start && (end === undefined || key < end),
            )
            counted.push([count.count(step), keys.length])
          }
        }
        counted.push([count.count({ start: new Uint8Array(0), end: undefined }), living.size])
        expect(counted.map(([actual]) => actual)).toEqual(counted.map(([, keys]) => keys))
        sql.close()
      },
    ),
    { numRuns: runs(300) },
  )
})

/** Of each key, the other of being there and being not. */
function split(
  keys: ReadonlyMap<string, Uint8Array>,
  living: Map<string, Uint8Array>,
): [Uint8Array[], Uint8Array[]] {
  const deleted: Uint8Array[] = []
  const created: Uint8Array[] = []
  for (const [name, key] of keys) {
    if (living.delete(name)) {
      deleted.push(key)
    } else {
      living.set(name, key)
      created.push(key)
    }
  }
  return [deleted, created]
}
