import { expect, test } from 'vitest'
import { Judge } from '../../src/edge-lab/judge.ts'
import { Recorder } from '../../src/lab/recorder.ts'
import type { OperationKind } from '../../src/lab/told.ts'

/** Sent at 1,000 and answered 10 ms later, with that revision. */
function read(kind: OperationKind, revision: number) {
  return { time: 1_010, region: 'oc', kind, ms: 10, revision, error: '' }
}

function judged(kind: OperationKind, acknowledged: number, clockMs: number): number | undefined {
  const recorder = new Recorder()
  const judge = new Judge(recorder)
  judge.heard(read(kind, 4))
  // Heard of later than the read.
  recorder.written(5, { from: 'weur', sent: acknowledged - 10 }, acknowledged)
  judge.judge(1_500, { knownTo: 1_400, clockMs })
  return recorder.take().samples[0]?.behind
}

test('[LAB10] a read is judged by what was acknowledged before it was sent, also if that is told later', () => {
  expect(judged('serializable', 990, 0)).toBe(1)
  expect(judged('serializable', 1_005, 0)).toBe(0)
  expect(judged('linearizable', 990, 0)).toBe(1)
  expect(judged('write', 990, 0)).toBe(0)
})

test('[LAB10] a violation is one beyond the doubt that the clocks leave, and a stale read is told as it seems', () => {
  expect(judged('linearizable', 950, 80)).toBe(0)
  expect(judged('linearizable', 910, 80)).toBe(1)
  expect(judged('serializable', 950, 80)).toBe(1)
})

test('[LAB10] a read waits until all regions have told what they had seen, but for one that says nothing', () => {
  const recorder = new Recorder()
  const judge = new Judge(recorder)
  judge.heard(read('serializable', 4))
  judge.judge(1_500, { knownTo: 900, clockMs: 0 })
  expect(recorder.take().samples).toEqual([])
  recorder.written(6, { from: 'weur', sent: 900 }, 950)
  judge.judge(1_600, { knownTo: 1_100, clockMs: 0 })
  expect(recorder.take().samples).toMatchObject([{ revision: 4, behind: 2 }])
  judge.heard(read('serializable', 6))
  judge.judge(9_000, { knownTo: 900, clockMs: 0 })
  expect(recorder.take().samples).toHaveLength(1)
})
