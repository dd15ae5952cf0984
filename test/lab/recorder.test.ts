import { expect, test } from 'vitest'
import { Recorder } from '../../src/lab/recorder.ts'
import type { OperationKind } from '../../src/lab/told.ts'

function sample(kind: OperationKind, behind: number, error = '') {
  return { time: 1_700_000_000_000, region: 'weur', kind, ms: 1.5, revision: 7, behind, error }
}

test('[LAB3] a read that misses an acknowledged write counts by its kind', () => {
  const recorder = new Recorder()
  recorder.sampled(sample('linearizable', 0))
  recorder.sampled(sample('linearizable', 2))
  recorder.sampled(sample('serializable', 3))
  recorder.sampled(sample('serializable', 0))
  recorder.sampled(sample('serializable', 0, 'timed out'))
  recorder.sampled(sample('write', 0))
  expect(recorder.totals).toEqual({
    linearizable: 2,
    violations: 1,
    serializable: 2,
    stale: 1,
    lost: 0,
  })
  expect(recorder.take().samples).toHaveLength(6)
  expect(recorder.take().samples).toEqual([])
})

test('[LAB3] a region is behind by what was acknowledged and not seen there', () => {
  const recorder = new Recorder()
  const write = { from: 'weur', sent: 1_000 }
  recorder.seen(2, 'weur', write, 1_010)
  recorder.written(2, write, 1_020)
  recorder.written(3, write, 1_030)
  expect(recorder.acknowledged).toBe(3)
  expect(recorder.lagOf('weur', 1_100)).toEqual({ revision: 2, lagRevisions: 1, lagMs: 70 })
  expect(recorder.lagOf('weur', 1_025)).toEqual({ revision: 2, lagRevisions: 0, lagMs: 10 })
  expect(recorder.lagOf('oc', 1_100)).toMatchObject({ revision: 0, lagRevisions: 3 })
  expect(recorder.nextOf('weur')).toBe(3)
  recorder.seen(3, 'weur', write, 1_040)
  expect(recorder.lagOf('weur', 1_100).lagRevisions).toBe(0)
  const { sightings } = recorder.take()
  expect(sightings.map(({ revision, region }) => [revision, region])).toEqual([
    [2, 'weur'],
    [3, 'weur'],
  ])
})

test('[LAB3] a write that its client has not heard of again hides no lag', () => {
  const recorder = new Recorder()
  const write = { from: 'weur', sent: 1_000 }
  recorder.written(2, write, 1_010)
  recorder.seen(2, 'oc', write, 1_020)
  // Revision 3 was seen elsewhere, and its writer was never answered.
  recorder.seen(3, 'weur', write, 1_030)
  recorder.written(4, write, 1_040)
  expect(recorder.lagOf('oc', 9_040)).toEqual({ revision: 2, lagRevisions: 2, lagMs: 8_000 })
})

test('[LAB3] what went with a leader is counted, and nobody is measured by it any more', () => {
  const recorder = new Recorder()
  const write = { from: 'weur', sent: 1_000 }
  for (const revision of [2, 3, 4]) {
    recorder.written(revision, write, 1_010)
    recorder.seen(revision, 'weur', write, 1_010)
  }
  expect(recorder.forked(4, { time: 1_500, region: 'oc' })).toBe(0)
  expect(recorder.acknowledged).toBe(4)
  expect(recorder.forked(2, { time: 1_600, region: 'weur' })).toBe(2)
  expect(recorder.acknowledged).toBe(2)
  expect(recorder.totals.lost).toBe(2)
  expect(recorder.nextOf('weur')).toBe(3)
  expect(recorder.lagOf('weur', 2_000)).toMatchObject({ revision: 2, lagRevisions: 0 })
})

test('[LAB3] what a leader acknowledges that was passed over, or is told late, is lost', () => {
  const recorder = new Recorder()
  const write = { from: 'weur', sent: 1_000 }
  recorder.written(2, write, 1_010)
  expect(recorder.forked(2, { time: 1_100, region: 'weur' })).toBe(0)
  // Told late, and acknowledged by the one that was passed over.
  recorder.written(3, { from: 'oc', sent: 1_020 }, 1_050)
  recorder.written(3, { from: 'weur', sent: 1_200 }, 1_210)
  recorder.seen(3, 'weur', write, 1_220)
  expect(recorder.acknowledged).toBe(2)
  expect(recorder.totals.lost).toBe(2)
  expect(recorder.nextOf('weur')).toBe(1)
  recorder.written(3, { from: 'oc', sent: 1_300 }, 1_310)
  expect(recorder.acknowledged).toBe(3)
  recorder.joined()
  recorder.written(4, { from: 'weur', sent: 1_400 }, 1_410)
  expect(recorder.acknowledged).toBe(4)
  expect(recorder.totals.lost).toBe(2)
})

test('[LAB3] what was acknowledged by some time is known, in whatever order it is told', () => {
  const recorder = new Recorder()
  const write = { from: 'weur', sent: 1_000 }
  recorder.written(4, write, 1_040)
  recorder.written(2, write, 1_010)
  recorder.written(3, write, 1_050)
  recorder.written(6, write, 1_030)
  const known = [1_000, 1_010, 1_029, 1_030, 1_045, 1_060].map((time) =>
    recorder.acknowledgedBy(time),
  )
  expect(known).toEqual([0, 2, 2, 6, 6, 6])
})

test('[LAB6] the raw numbers are a line each', () => {
  const recorder = new Recorder()
  recorder.sampled(sample('serializable', 2))
  recorder.sampled(sample('write', 0, 'a "word", and more'))
  expect(recorder.csv().split('\n')).toEqual([
    'time_ms,client_region,operation,latency_ms,revision,behind_revisions,error',
    '1700000000000,weur,serializable,1.500,7,2,""',
    String.raw`1700000000000,weur,write,1.500,7,0,"a ""word"", and more"`,
    '',
  ])
})
