import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  calmExperiment,
  type Experiment,
  experimentText,
  homeLimits,
  readExperiment,
  SLOW_MS_MAX,
} from '../../src/lab/experiment.ts'

const names = ['weur', 'enam', 'apac']

function numbers(max: number): fc.Arbitrary<Record<string, number>> {
  return fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max }), {
    noNullPrototype: true,
  })
}

const experiments: fc.Arbitrary<Experiment> = fc.record({
  leader: fc.constantFrom(...names),
  cut: fc.subarray(names),
  stopped: fc.subarray(names),
  slow: numbers(SLOW_MS_MAX),
  writes: numbers(homeLimits.writes),
  reads: fc.integer({ min: 0, max: homeLimits.reads }),
})

test('[LAB2] an experiment is the same behind its link', () => {
  fc.assert(
    fc.property(experiments, (experiment) => {
      const text = experimentText(experiment)
      expect(text).toMatch(/^[a-z0-9=&,:]+$/)
      expect(readExperiment(text, names, homeLimits)).toEqual(experiment)
    }),
  )
})

test('[LAB2] a link that says nonsense is within the bounds', () => {
  const text =
    'leader=mars&cut=weur,,pluto&slow=enam:99999,apac:x,oc:5&writes=weur:1e9,apac:-1&reads=7000&x'
  expect(readExperiment(text, names, homeLimits)).toEqual({
    leader: 'weur',
    cut: ['weur'],
    stopped: [],
    slow: { enam: SLOW_MS_MAX },
    writes: {},
    reads: homeLimits.reads,
  })
  fc.assert(
    fc.property(fc.string(), (any) => {
      const { leader, reads } = readExperiment(any, names, homeLimits)
      expect(names).toContain(leader)
      expect(reads).toBeLessThanOrEqual(homeLimits.reads)
    }),
  )
})

test('[LAB2] the lab begins with one writer, beside the leader', () => {
  expect(experimentText(calmExperiment(names))).toBe('leader=weur&writes=weur:2&reads=5')
})
