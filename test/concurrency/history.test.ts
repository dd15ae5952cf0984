import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstInQueue, prefixOf } from '../../src/concurrency/queue.ts'
import type { LeaseId } from '../../src/mvcc/types.ts'
import { runs } from '../runs.ts'
import { type Fate, QueueModel } from './queue-model.ts'
import { utf8, type Waiter, World } from './world.ts'

const leases = fc.bigInt({ min: 1n, max: 4n })
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('lock' as const), lease: leases }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('unlock' as const), lease: leases }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke' as const), lease: leases }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), call: fc.nat(20) }) },
)

describe('random histories of one lock', () => {
  it('[CON2] are those of the model, whoever unlocks, drops or loses what', async () => {
    const histories = fc.array(anyStep, { minLength: 10, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(histories, async (steps) => {
        const world = new World()
        const model = new QueueModel()
        const waiters: Waiter[] = []
        for (const step of steps) {
          takeAny(step, world, model, waiters)
          await world.settle()
          const fates = model.calls.map(({ fate }) => fate)
          expect(waiters.map(fateOf)).toEqual(fates)
          expect(world.queue('n')).toEqual(model.queue.map((lease) => `n/${lease}`))
          expect(world.calls.waiting).toBe(fates.filter((fate) => fate === 'waits').length)
        }
      }),
      { numRuns: runs(150) },
    )
  })
})

type AnyStep =
  | { readonly kind: 'lock' | 'unlock' | 'revoke'; readonly lease: LeaseId }
  | { readonly kind: 'drop'; readonly call: number }

function takeAny(step: AnyStep, world: World, model: QueueModel, waiters: Waiter[]): void {
  switch (step.kind) {
    case 'lock':
      waiters.push(world.lock('n', step.lease))
      model.lock(step.lease)
      break
    case 'unlock':
      world.delete(`n/${step.lease}`)
      model.unlock(step.lease)
      break
    case 'revoke':
      if (model.has(step.lease)) {
        world.keyspace.lessor.revoke(step.lease)
        model.revoke(step.lease)
      } else {
        world.grant(step.lease)
        model.grant(step.lease)
      }
      break
    case 'drop':
      if (waiters[step.call]?.waits === true) {
        waiters[step.call]?.drop()
      }
      model.drop(step.call)
      break
  }
}

function fateOf({ waits, won, outcome }: Waiter): Fate {
  if (waits) {
    return 'waits'
  }
  if (won) {
    return 'won'
  }
  switch (outcome instanceof Error ? outcome.message : '') {
    case 'mutex: session is expired':
      return 'expired'
    case 'etcdserver: requested lease not found':
      return 'no-lease'
    default:
      return 'dropped'
  }
}

const clientHistories = fc.array(
  fc.record({
    client: fc.nat(5),
    /** Otherwise it calls, gives up while it waits, or leaves what it got. */
    sessionEnds: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    /** Otherwise the next step comes in the same turn. */
    settle: fc.boolean(),
  }),
  { minLength: 20, maxLength: 60 },
)

/** Clients that have one session and one call at a time. Answers their calls as they were made. */
async function play(
  world: World,
  call: (lease: LeaseId) => Waiter,
  steps: readonly { client: number; sessionEnds: boolean; settle: boolean }[],
): Promise<readonly Waiter[]> {
  const { lessor } = world.keyspace
  const current = new Map<number, Waiter>()
  const waiters: Waiter[] = []
  for (const [index, { client, sessionEnds, settle }] of steps.entries()) {
    const waiter = current.get(client)
    if (waiter === undefined) {
      const lease = BigInt(index + 1)
      world.grant(lease)
      const begun = call(lease)
      current.set(client, begun)
      waiters.push(begun)
    } else if (sessionEnds) {
      if (lessor.has(waiter.lease)) {
        lessor.revoke(waiter.lease)
      }
    } else {
      if (waiter.waits) {
        waiter.drop()
      } else {
        world.delete(keyOf(waiter))
      }
      current.delete(client)
    }
    if (settle) {
      await world.settle()
      checkHolder(world, waiters)
    }
  }
  await world.settle()
  checkHolder(world, waiters)
  return waiters
}

function keyOf({ lease }: Waiter): string {
  return `n/${lease.toString(16)}`
}

/** Who has been answered and has not left stands first, and nobody waits who does. */
function checkHolder(world: World, waiters: readonly Waiter[]): void {
  const queue = world.queue('n')
  const holders = waiters.filter((waiter) => waiter.won && queue.includes(keyOf(waiter)))
  expect(holders.map(keyOf)).toEqual(queue.slice(0, 1))
  const waiting = waiters.filter((waiter) => waiter.waits && queue.includes(keyOf(waiter)))
  expect(waiting.map(keyOf).toSorted()).toEqual(queue.slice(1).toSorted())
}

describe('clients that come, go and lose their sessions', () => {
  it('[CON3][CON4] have a lock one at a time, in the order in which they asked', async () => {
    await fc.assert(
      fc.asyncProperty(clientHistories, async (steps) => {
        const world = new World()
        const waiters = await play(world, (lease) => world.lock('n', lease), steps)
        const { store } = world.keyspace
        const wins = waiters.flatMap(({ outcome }) =>
          outcome !== undefined && 'key' in outcome ? [outcome] : [],
        )
        // At the revision that an answer tells, its key was the oldest of those that lived.
        const created = wins
          .toSorted((a, b) => (a.header?.revision ?? 0) - (b.header?.revision ?? 0))
          .map(({ header, key }) => {
            const request = {
              ...firstInQueue(prefixOf(utf8('n'))),
              revision: header?.revision ?? 0,
            }
            const [first] = store.range(request, Infinity).kvs
            expect(first?.key).toEqual(key)
            return first?.createRevision ?? 0
          })
        expect(created).toEqual(created.toSorted((a, b) => a - b))
        expect(new Set(created).size).toBe(created.length)
      }),
      { numRuns: runs(150) },
    )
  })

  it('[CON5] are led by one of them at most, the first to have come', async () => {
    await fc.assert(
      fc.asyncProperty(clientHistories, async (steps) => {
        const world = new World()
        const news = world.observe('n')
        await play(world, (lease) => world.campaign('n', lease, `${lease}`), steps)
        // Leaders are told of in the order in which they came, and the last one is the one now.
        const created = news.map(({ kv }) => kv.createRevision)
        expect(created).toEqual(created.toSorted((a, b) => a - b))
        const told = news.map(({ kv }) => new TextDecoder().decode(kv.key))
        const [now = told.at(-1)] = world.queue('n')
        expect(told.at(-1)).toBe(now)
      }),
      { numRuns: runs(150) },
    )
  })
})
