import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WatchResume } from '../../src/link/watch-resume.ts'
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  WatchCreateRequest,
  WatchRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
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

function createdAs(watchId: number): Uint8Array {
  return encode(WatchResponse, create(WatchResponse, { watchId, created: true }))
}

function asking(watchId: number): Uint8Array {
  const createRequest = create(WatchCreateRequest, { watchId })
  return encode(WatchRequest, create(WatchRequest, { createRequest }))
}

it('[LNK31] ids for watches that were asked for before a link was lost cost the same for each', () => {
  const ids: (number | bigint)[] = []
  const resume = new WatchResume({
    request: (message) => {
      const { createRequest } = decode(WatchRequest, message)
      ids.push(createRequest?.watchId ?? -1)
    },
    response: () => undefined,
    reopen: () => undefined,
  })
  resume.resume()
  // From here on the shard's count goes on here.
  resume.request(asking(0))
  resume.response(createdAs(0))
  resume.request(asking(0))
  resume.response(createdAs(1))
  const chosen = [3, 3, 5, -7]
  chosen.forEach((watchId) => resume.request(asking(watchId)))
  const many = 30_000
  for (let count = 0; count < many; count++) {
    resume.request(asking(0))
  }
  resume.lost()
  ids.length = 0
  resume.resume()
  expect(ids.slice(0, 6)).toEqual([0, 1, ...chosen])
  const given = ids.slice(6)
  expect(given.slice(0, 4)).toEqual([2, 4, 6, 7])
  expect(new Set([...given, ...chosen]).size).toBe(many + 3)
})
