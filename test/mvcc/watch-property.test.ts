import fc from 'fast-check'
import { expect, it } from 'vitest'
import { runs } from '../runs.ts'
import { resumed, violations } from '../watch-guarantees.ts'
import { MemoryLog, type WatchableLog } from './memory-log.ts'
import { StoreLog } from './store-log.ts'
import { type Step, step, WatchWorld } from './watch-world.ts'

const history = fc.array(step, { maxLength: 60, size: 'max' })

function check(log: WatchableLog, steps: readonly Step[]): void {
  const world = new WatchWorld(log)
  for (const one of steps) {
    world.run(one)
  }
  world.settle()
  const happened = { events: world.log.history, compactRevision: world.log.compactRevision }
  for (const lives of world.watches) {
    for (const life of lives) {
      expect(violations(life, happened)).toEqual([])
    }
    expect(violations(resumed(lives), happened)).toEqual([])
  }
}

it('[WAT30] keeps every guarantee in every history, through lost memory and slow readers', () => {
  const property = fc.property(history, (steps) => check(new MemoryLog(), steps))
  fc.assert(property, { numRuns: runs(400) })
})

it('[WAT30] keeps them over the real store, in which compaction deletes', () => {
  const property = fc.property(history, (steps) => check(new StoreLog(), steps))
  fc.assert(property, { numRuns: runs(100) })
})

it('[WAT30] exercises what it is there to exercise', () => {
  const sample = fc.sample(fc.array(step, { minLength: 60, maxLength: 60, size: 'max' }), {
    numRuns: 100,
    seed: 1,
  })
  const seen = { events: 0, fragments: 0, progress: 0, compacted: 0, resumed: 0, refused: 0 }
  for (const steps of sample) {
    const world = new WatchWorld(new MemoryLog())
    steps.forEach((one) => world.run(one))
    world.settle()
    const responses = world.watches.flatMap((lives) => lives.flatMap((life) => life.responses))
    seen.events += responses.filter(({ events }) => events.length > 0).length
    seen.fragments += responses.filter(({ fragment }) => fragment).length
    seen.progress += world.progressTold
    seen.compacted += world.compacted
    seen.refused += world.refused
    seen.resumed += world.watches.filter((lives) => lives.length > 1).length
  }
  for (const [what, count] of Object.entries(seen)) {
    expect(count, what).toBeGreaterThan(50)
  }
})
