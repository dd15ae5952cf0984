import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WatchResume } from '../../src/link/watch-resume.ts'
import { encode } from '../../src/protocol/binary.ts'
import { WatchCreateRequest, WatchRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { runs } from '../runs.ts'
import { violations } from '../watch-guarantees.ts'
import { ResumeWorld, type Step, step } from './resume-world.ts'

function check(steps: readonly Step[]): void {
  const world = new ResumeWorld()
  for (const one of steps) {
    world.run(one)
  }
  world.settle()
  const happened = { events: world.log.history, compactRevision: world.log.compactRevision }
  for (const watch of world.watches) {
    expect(violations(watch, happened)).toEqual([])
  }
}

it('[LNK1] [LNK2] [LNK3] [LNK4] [LNK5] watches keep every guarantee over streams cut at any message', () => {
  const history = fc.array(step, { maxLength: 80, size: 'max' })
  fc.assert(fc.property(history, check), { numRuns: runs(1000) })
})

it('[LNK1] exercises what it is there to exercise', () => {
  const sample = fc.sample(fc.array(step, { minLength: 80, maxLength: 80, size: 'max' }), {
    numRuns: 1000,
    seed: 1,
  })
  const total: Record<string, number> = {}
  for (const steps of sample) {
    const world = new ResumeWorld()
    steps.forEach((one) => world.run(one))
    world.settle()
    for (const [what, count] of Object.entries(world.seen)) {
      total[what] = (total[what] ?? 0) + count
    }
  }
  for (const [what, count] of Object.entries(total)) {
    expect(count, what).toBeGreaterThan(10)
  }
})

it('[LNK1] a request that is asked again is what it was, whatever becomes of the bytes it came in', () => {
  const sent: string[] = []
  const resume = new WatchResume({
    request: (message) => sent.push(Buffer.from(message).toString('hex')),
    response: () => undefined,
    reopen: () => undefined,
  })
  const createRequest = create(WatchCreateRequest, { key: Buffer.from('some key') })
  const bytes = encode(WatchRequest, create(WatchRequest, { createRequest }))
  const message = Buffer.from(bytes)
  resume.resume()
  resume.request(message)
  message.fill(0)
  resume.lost()
  resume.resume()
  expect(sent).toEqual([sent[0], sent[0]])
})
