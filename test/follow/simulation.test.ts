import { describe, expect, it } from 'vitest'
import { Follower } from '../../src/follow/follower.ts'
import { seeds } from '../runs.ts'
import { Simulation } from './simulation.ts'

describe('random histories of a leader and three replicas', () => {
  it('[FLW1] are right', { timeout: 600_000 }, () => {
    let answers = 0
    for (const seed of seeds(2_000)) {
      const simulation = new Simulation(seed, Follower)
      try {
        simulation.run(20)
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
      }
      answers += simulation.answers
    }
    expect(answers).toBeGreaterThan(0)
  })
})
