import fc from 'fast-check'
import { it } from 'vitest'
import { text } from '../model-rules.ts'
import { runs } from '../runs.ts'
import { Pair } from './model-pair.ts'
import { anyLongStep, anyStep, type Step } from './model-steps.ts'

const SHORT_RUNS = runs(1500)
const LONG_RUNS = runs(2)

function hold(steps: Step[]): void {
  const pair = new Pair()
  for (const step of steps) {
    pair.step(step)
  }
  pair.finish()
}

it('[MDL1] any short history of any requests answers as the model does', () => {
  const steps = fc.array(anyStep, { maxLength: 60, size: 'max' })
  report(fc.check(fc.property(steps, hold), { numRuns: SHORT_RUNS }))
}, 60_000)

it('[MDL2] a history of many keys and changes answers as the model does', () => {
  const steps = fc.array(anyLongStep, { minLength: 1500, maxLength: 1500, size: 'max' })
  report(fc.check(fc.property(steps, hold), { numRuns: LONG_RUNS, endOnFailure: true }))
}, 60_000)

/** What the model has found, by the seed that finds it within so many histories. */
const FOUND: [what: string, seed: number, histories: number][] = [
  ['a page that the limit fills went on without a limit', 5, 25],
  ['a delete from a key on was held against puts', 1, 9],
  ['revision -1 inside a transaction was refused in a store never compacted', 10, 146],
  ['ignore_value wrote no value for a key deleted by the same transaction', 10, 50],
  [
    'the hash of a compaction at a deletion of the last keys was not the one that etcd remembers',
    13,
    9,
  ],
]

it.each(FOUND)(
  '[MDL1] found before: %s (seed %d, %d histories)',
  (_, seed, histories) => {
    const steps = fc.array(anyStep, { maxLength: 60, size: 'max' })
    report(fc.check(fc.property(steps, hold), { seed, numRuns: histories }))
  },
  60_000,
)

/** Bytes are told as text, and long values by their length. */
function report(run: fc.RunDetails<[Step[]]>): void {
  if (run.failed) {
    const steps = (run.counterexample?.[0] ?? []).map((step) => JSON.stringify(step, readable))
    throw new Error(`seed ${run.seed}, run ${run.numRuns}, steps:\n${steps.join('\n')}`, {
      cause: run.errorInstance,
    })
  }
}

function readable(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return value.length > 20 ? `${value.length} bytes` : text(value)
  }
  const isDefault = value === false || (Array.isArray(value) && value.length === 0)
  return isDefault ? undefined : typeof value === 'bigint' ? `${value}n` : value
}
