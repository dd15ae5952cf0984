import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import type { LineFault } from '../../src/protocol/fault-rpc.ts'
import type { PutResponse, RangeResponse } from '../../src/protocol/generated/messages.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import { Code } from '../../src/protocol/status.ts'
import { runs } from '../runs.ts'
import { ask, call, put, PUT, range, RANGE } from './calls.ts'
import { crashed, fault } from './lab-lines.ts'
import { type LedAndReplica, replicaOf, untilWhole, wholeReplicaOf } from './replica-objects.ts'

const SERIALIZABLE = { serializable: true }
const HISTORIES = runs(8)
/** What a round trip to each of them takes, in ms. */
const AWAY: Readonly<Partial<Record<Region, number>>> = { weur: 80, apac: 150 }
const REGIONS = ['weur', 'apac'] as const

/** What etcd answers where nothing can be known. */
const UNKNOWN = [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED]

/** Slows the lines of a replica by its distance, and cuts them too where that is said. */
function away(region: Region, changed: Partial<LineFault> = {}): LineFault {
  return fault({ slowMs: AWAY[region] ?? 0, ...changed })
}

async function far(name: string, region: Region): Promise<LedAndReplica> {
  const both = await wholeReplicaOf(name, region)
  await both.replica.setFault(away(region))
  return both
}

it.concurrent.each([
  ['wholly', { isCut: true }],
  ['in its asking', { unreachable: ['enam'] }],
] as const)(
  '[RPL34] cut from its leader, %s, a replica refuses linearizable reads with etcd’s Unavailable or timeout, goes on with serializable ones, and is right after the cut',
  async (how, cut) => {
    const { leader, replica } = await far(`lab-cut ${how}`, 'apac')
    await ask(leader, PUT, put('a', '1'))
    const before = await ask<RangeResponse>(replica, RANGE, range('a'))
    await replica.setFault(away('apac', cut))
    await ask(leader, PUT, put('a', '2'))
    // They end while the cut lasts.
    const reads = Array.from({ length: 5 }, () => call(replica, RANGE, range('a')))
    const stale = await ask<RangeResponse>(replica, RANGE, range('a', SERIALIZABLE))
    expect(stale.header?.revision).toBeGreaterThanOrEqual(before.header?.revision ?? 0)
    for (const outcome of await Promise.all(reads)) {
      expect(isRefused(outcome) ? outcome.refused.code : outcome).toBeOneOf(UNKNOWN)
    }
    // No keyspace without users or access tokens stops to answer them.
    await ask(replica, RANGE, range('a', SERIALIZABLE))
    const { header } = await ask<PutResponse>(leader, PUT, put('a', '3'))
    await replica.setFault(away('apac'))
    const after = await ask<RangeResponse>(replica, RANGE, range('a'))
    expect(after.header?.revision).toBe(header?.revision)
  },
)

it.concurrent('[RPL35] a replica of a keyspace with access tokens refuses serializable reads where a cut lasts, and answers them again after it', async () => {
  const { leader, replica } = await far('lab-guarded', 'weur')
  await ask(leader, PUT, put('a', '1'))
  await leader.createAccessToken({
    access: 'read-only',
    commonNames: false,
    description: '',
    expires: undefined,
  })
  const read = () => call(replica, RANGE, range('a', SERIALIZABLE))
  await ask(replica, RANGE, range('a'))
  await replica.setFault(away('weur', { isCut: true }))
  expect(await read()).toHaveProperty('response')
  let outcome = await read()
  while (!isRefused(outcome)) {
    await scheduler.wait(100)
    outcome = await read()
  }
  expect(outcome.refused.code).toBe(Code.UNAVAILABLE)
  await replica.setFault(away('weur'))
  // It is refused by what was asked into the cut, until that is over.
  while (isRefused(outcome)) {
    await scheduler.wait(10)
    outcome = await read()
  }
})

type Step =
  | { readonly do: 'cut' | 'heal' | 'crash'; readonly region: Region }
  | { readonly do: 'deaf' | 'hearing'; readonly region: Region }
  | { readonly do: 'wait'; readonly ms: number }

const region = fc.constantFrom(...REGIONS)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'heal' as const, 'deaf' as const, 'hearing' as const),
      region,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), region }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(5, 50, 150, 300, 700),
    }),
  },
)

let histories = 0
/** How linearizable reads have ended. */
const ends = { answered: 0, refused: 0 }

/** Writes, and reads at both replicas all the while; each read knows what was acknowledged before it began. */
async function hold(steps: readonly Step[]): Promise<void> {
  const name = `lab-cuts-${histories++}`
  const leader = () => env.SHARD.getByName(name)
  const at = (place: Region) => env.REPLICA.getByName(`${name}@${place}`)
  for (const place of REGIONS) {
    await untilWhole((await replicaOf(name, place)).replica)
    await at(place).setFault(away(place))
  }
  let acknowledged = 1
  const run = { isOver: false }
  const wrong: string[] = []
  const writing = async (): Promise<void> => {
    while (!run.isOver) {
      const { header } = await ask<PutResponse>(leader(), PUT, put('a', `${acknowledged}`))
      acknowledged = header?.revision ?? 0
      await scheduler.wait(3)
    }
  }
  const reading = async (place: Region): Promise<void> => {
    let seen = 0
    while (!run.isOver) {
      const least = acknowledged
      // A crash takes with it who has asked.
      const outcome = await ask<RangeResponse>(at(place), RANGE, range('a')).catch(() => undefined)
      if (outcome === undefined) {
        ends.refused++
      } else {
        ends.answered++
        const [kv] = outcome.kvs
        const revision = outcome.header?.revision ?? 0
        // All revisions are of this key.
        if (revision < Math.max(least, seen) || kv?.modRevision !== revision) {
          wrong.push(`${revision} behind ${least} and ${seen}, the key is of ${kv?.modRevision}`)
        }
        seen = kv?.modRevision ?? 0
      }
      await scheduler.wait(1)
    }
  }
  const deaf = new Set<Region>()
  const disturbing = async (): Promise<void> => {
    for (const one of steps) {
      if (one.do === 'wait') {
        await scheduler.wait(one.ms)
      } else if (one.do === 'crash') {
        await crashed(at(one.region))
        await at(one.region).setFault(away(one.region))
      } else if (one.do === 'cut' || one.do === 'heal') {
        await at(one.region).setFault(away(one.region, { isCut: one.do === 'cut' }))
      } else {
        deaf[one.do === 'deaf' ? 'add' : 'delete'](one.region)
        await leader().setFault(fault({ unreachable: [...deaf] }))
      }
    }
    await leader().setFault(fault())
    for (const place of REGIONS) {
      await at(place).setFault(away(place))
    }
  }
  const all = Promise.all([
    writing(),
    ...REGIONS.flatMap((place) => [reading(place), reading(place)]),
  ])
  await Promise.race([disturbing(), all]).finally(() => {
    run.isOver = true
  })
  await all
  expect(wrong).toEqual([])
  for (const place of REGIONS) {
    const { header } = await ask<RangeResponse>(at(place), RANGE, range('a'))
    expect(header?.revision).toBe(acknowledged)
  }
}

it.concurrent('[RPL36] a linearizable read at any replica tells nothing older than was acknowledged before it, whatever is cut, and when all is whole again each has all', async () => {
  const steps = fc.array(step, { minLength: 15, maxLength: 25, size: 'max' })
  await Promise.all(
    Array.from({ length: HISTORIES }, () =>
      fc.assert(fc.asyncProperty(steps, hold), { numRuns: 1, endOnFailure: true }),
    ),
  )
  expect(ends.answered).toBeGreaterThan(0)
  expect(ends.refused).toBeGreaterThan(0)
})
