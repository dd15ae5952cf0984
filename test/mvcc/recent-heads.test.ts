import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Head, RecentHeads } from '../../src/mvcc/recent-heads.ts'
import { type Event, EventType } from '../../src/mvcc/types.ts'
import { bytes } from '../model-rules.ts'

const LONGEST = 'k'.repeat(256)
const TOO_LONG = 'k'.repeat(257)
const KEYS = ['a', 'b', 'c', 'ab', 'ba', '\0', '\xff', LONGEST, TOO_LONG]

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
    { numRuns: 500 },
  )
})

it('[PUT10] a key that has been put again is remembered, unless it is long', () => {
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
